"""Numbers for Prometheus.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for counters. No
label ever holds text from outside, so that nobody can fill memory with new ones.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from local_rag.core.types import Answer
from local_rag.monitor.governor import Governor
from local_rag.monitor.sensors import MemoryReader

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
STAGES = ("search", "model", "first_token", "generate", "total")


class Metrics:
    """The metrics of one service; `gauge` adds values that are read when somebody asks."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._gauges = _Gauges()
        self._registry.register(self._gauges)
        self._answers = self._counter("answers", "Answers given, by mode.", ["mode"])
        self._tokens = self._counter("generated_tokens", "Tokens written by the model.", [])
        self._stages = self._histogram(
            "answer_stage_seconds", "Time of an answer, by stage.", ["stage"]
        )
        self._requests = self._counter(
            "http_requests", "Requests, by method, route and status.", ["method", "route", "status"]
        )
        self._request_time = self._histogram(
            "http_request_seconds", "Time until a response is complete.", ["method", "route"]
        )
        self._items = self._counter("import_items", "Documents imported, by outcome.", ["state"])

    def _counter(self, name: str, text: str, labels: list[str]) -> Counter:
        return Counter(f"local_rag_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, labels: list[str]) -> Histogram:
        return Histogram(
            f"local_rag_{name}", text, labels, buckets=_SECONDS, registry=self._registry
        )

    def answered(self, answer: Answer) -> None:
        """Count an answer, its tokens and the time of its stages."""
        self._answers.labels(answer.mode).inc()
        self._tokens.inc(answer.tokens)
        for stage in STAGES:
            if stage in answer.timings_ms:
                self._stages.labels(stage).observe(answer.timings_ms[stage] / 1000)

    def requested(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is the pattern of the route, never the path that was asked."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._request_time.labels(method, route).observe(seconds)

    def imported(self, state: str) -> None:
        """Count a document of an import by how it ended."""
        self._items.labels(state).inc()

    def gauge(
        self, name: str, text: str, read: Callable[[], float | Mapping[str, float] | None]
    ) -> None:
        """Add a value that `read` gives when asked; a mapping gives one value per label `name`."""
        self._gauges.add(f"local_rag_{name}", text, read)

    def watch_machine(self, governor: Governor, memory: MemoryReader) -> None:
        """Add temperature, disk, memory and threads."""
        self.gauge(
            "temperature_celsius", "Processor temperature, mean of three readings.",
            lambda: governor.state().temperature,
        )  # fmt: skip
        self.gauge(
            "disk_free_bytes", "Free space where the index is.",
            lambda: _free_bytes(governor),
        )  # fmt: skip
        self.gauge("model_threads", "Threads models may use.", lambda: governor.threads())
        self.gauge(
            "memory_resident_bytes", "Memory of this process.", lambda: memory.read().resident
        )
        self.gauge(
            "memory_available_bytes", "Memory that can still be had.",
            lambda: memory.read().available,
        )  # fmt: skip

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


def _free_bytes(governor: Governor) -> float | None:
    disk = governor.state().disk
    return None if disk is None else disk.free


class _Gauges(Collector):
    def __init__(self) -> None:
        self._readers: dict[str, tuple[str, Callable[[], float | Mapping[str, float] | None]]] = {}

    def add(
        self, name: str, text: str, read: Callable[[], float | Mapping[str, float] | None]
    ) -> None:
        self._readers[name] = (text, read)

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        for name, (text, read) in list(self._readers.items()):
            try:
                value = read()
            except Exception:  # noqa: BLE001, S112 - one broken reader must not hide the others
                continue
            if value is None:
                continue
            if isinstance(value, Mapping):
                family = GaugeMetricFamily(name, text, labels=["name"])
                for label, number in value.items():
                    family.add_metric([label], number)
            else:
                family = GaugeMetricFamily(name, text, value=value)
            yield family
