"""Health in words."""

import pytest

from local_rag.config.settings import LimitSettings
from local_rag.core.errors import CpuUnsupported, ModelError
from local_rag.core.types import ComponentHealth
from local_rag.models.lazy import LazyModel, model_health
from local_rag.monitor.governor import GovernorState
from local_rag.monitor.health import (
    disk_health,
    memory_health,
    overall,
    temperature_health,
)
from local_rag.monitor.sensors import Disk, Memory

LIMITS = LimitSettings()
MISSING = {"missing": "no model", "hint": "fetch one"}


class FakeModel:
    model_id = "tiny@123"

    def close(self) -> None:
        pass


def state(**changes: object) -> GovernorState:
    known = {
        "heat": "ok", "temperature": 50.0, "disk": Disk(total=100 << 20, free=50 << 20),
        "disk_open": True, "threads": 4,
    }  # fmt: skip
    return GovernorState(**{**known, **changes})


def part(name: str, how: str) -> ComponentHealth:
    return ComponentHealth(name, how, "")


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ({"store": "ok", "llm": "ok"}, "ok"),
        ({"store": "ok", "temperature": "unknown"}, "ok"),
        ({"store": "ok", "llm": "degraded"}, "degraded"),
        ({"store": "ok", "llm": "failed"}, "degraded"),
        ({"store": "failed", "llm": "ok"}, "failed"),
        ({"store": "ok", "embedding": "failed"}, "degraded"),
    ],
)
def test_the_whole_from_its_parts(states: dict[str, str], status: str) -> None:
    health = overall([part(n, s) for n, s in states.items()], version="1", uptime_s=1.26)
    assert health.status == status
    assert health.uptime_s == 1.3


def test_a_model_not_yet_needed_is_fine() -> None:
    said = model_health("llm", LazyModel(FakeModel), file="tiny", **MISSING)
    assert said.state == "ok"
    assert "first needed" in said.message


def test_a_loaded_model_is_named() -> None:
    lazy = LazyModel(FakeModel)
    lazy.get()
    said = model_health("llm", lazy, file="tiny", **MISSING)
    assert said.message == "tiny is loaded"
    assert said.details["model_id"] == "tiny@123"


@pytest.mark.parametrize(("name", "how"), [("llm", "degraded"), ("embedding", "degraded")])
def test_a_model_that_does_not_load_says_why(name: str, how: str) -> None:
    def load() -> FakeModel:
        raise CpuUnsupported("lacks avx2", hint="buy another", details={"missing": ["avx2"]})

    lazy = LazyModel(load)
    with pytest.raises(ModelError):
        lazy.get()
    said = model_health(name, lazy, file="tiny", **MISSING)
    assert (said.state, said.message, said.hint) == (how, "lacks avx2", "buy another")
    assert said.details["code"] == "cpu-unsupported"


@pytest.mark.parametrize(("name", "how"), [("llm", "degraded"), ("embedding", "degraded")])
def test_no_model_at_all(name: str, how: str) -> None:
    said = model_health(name, None, file=None, **MISSING)
    assert (said.state, said.message, said.hint) == (how, "no model", "fetch one")


@pytest.mark.parametrize(
    ("changes", "how", "words"),
    [
        ({}, "ok", "50.0 C"),
        ({"temperature": None, "heat": "unknown"}, "unknown", "no temperature sensor"),
        ({"temperature": 77.0, "heat": "throttled", "threads": 2}, "degraded", "2 threads"),
        ({"temperature": 88.0, "heat": "stopped"}, "degraded", "not written"),
    ],
)
def test_temperature(changes: dict[str, object], how: str, words: str) -> None:
    said = temperature_health(state(**changes), LIMITS)
    assert said.state == how
    assert words in said.message
    assert said.hint or how in ("ok", "unknown")


def test_disk() -> None:
    assert disk_health(state(), LIMITS).message == "50.0 % free (50 MiB)"
    closed = disk_health(state(disk_open=False), LIMITS)
    assert closed.state == "degraded"
    assert "above 10 %" in (closed.hint or "")
    assert disk_health(state(disk=None), LIMITS).state == "unknown"


def test_memory() -> None:
    fine = Memory(total=8 << 30, available=4 << 30, resident=90 << 20, limit=None)
    assert memory_health(fine).message == "4096 MiB available, 90 MiB in use here"
    low = Memory(total=8 << 30, available=9 << 20, resident=90 << 20, limit=None)
    assert memory_health(low).state == "degraded"
    none = Memory(total=0, available=0, resident=0, limit=None)
    assert memory_health(none).state == "unknown"
