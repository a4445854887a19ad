"""What Prometheus gets."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from local_rag.config.settings import LimitSettings
from local_rag.core.types import Answer
from local_rag.monitor.governor import Governor
from local_rag.monitor.metrics import Metrics
from local_rag.monitor.sensors import Disk, MemoryReader


def values(metrics: Metrics) -> dict[str, float]:
    text = metrics.render().decode()
    return {
        s.name + "".join(f",{k}={v}" for k, v in sorted(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_answers_tokens_and_stages() -> None:
    metrics = Metrics()
    answer = Answer(
        text="x", citations=(), passages=(), mode="generated", tokens=7,
        timings_ms={"search": 12.0, "total": 900.0, "odd": 1.0},
    )  # fmt: skip
    metrics.answered(answer)
    metrics.answered(answer)
    found = values(metrics)
    assert found["local_rag_answers_total,mode=generated"] == 2
    assert found["local_rag_generated_tokens_total"] == 14
    assert found["local_rag_answer_stage_seconds_count,stage=search"] == 2
    assert found["local_rag_answer_stage_seconds_sum,stage=total"] == 1.8
    assert "local_rag_answer_stage_seconds_count,stage=odd" not in found


def test_requests() -> None:
    metrics = Metrics()
    metrics.requested("GET", "/api/v1/documents/{id}", 404, 0.02)
    metrics.requested("BREW\n", "other", 405, 0.02)
    found = values(metrics)
    assert (
        found["local_rag_http_requests_total,method=GET,route=/api/v1/documents/{id},status=404"]
        == 1
    )
    assert found["local_rag_http_requests_total,method=other,route=other,status=405"] == 1


def test_gauges_are_read_when_asked() -> None:
    metrics, count = Metrics(), 3
    metrics.gauge("documents", "Documents.", lambda: count)
    metrics.gauge("nothing", "Not known.", lambda: None)
    metrics.gauge("jobs", "Jobs.", lambda: {"running": 1, "done": 4})
    assert values(metrics)["local_rag_documents"] == 3
    count = 5
    found = values(metrics)
    assert found["local_rag_documents"] == 5
    assert found["local_rag_jobs,name=done"] == 4
    assert not any("nothing" in name for name in found)


def test_a_broken_gauge_does_not_hide_the_others() -> None:
    metrics = Metrics()
    metrics.gauge("broken", "Broken.", lambda: 1 / 0)
    metrics.gauge("fine", "Fine.", lambda: 1)
    assert values(metrics)["local_rag_fine"] == 1


def test_two_services_do_not_share_numbers() -> None:
    one, other = Metrics(), Metrics()
    one.imported("done")
    assert "local_rag_import_items_total,state=done" not in values(other)


def test_the_machine() -> None:
    metrics = Metrics()
    governor = Governor(
        LimitSettings(), Path("/"), threads=3, temperature=lambda: 48.5,
        disk=lambda _: Disk(total=10, free=4),
    )  # fmt: skip
    governor.poll()
    metrics.watch_machine(governor, MemoryReader())
    found = values(metrics)
    assert found["local_rag_temperature_celsius"] == 48.5
    assert found["local_rag_disk_free_bytes"] == 4
    assert found["local_rag_model_threads"] == 3
    assert found["local_rag_memory_resident_bytes"] > 1 << 20
