"""Start-up time, memory after a rest, and the health URL's latency: several runs of each."""

import statistics
import time

from pydantic import Field

from debwright.checks.engine import health, memory
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.health import (
    service_of,
    shell_hint,
    slow_start,
    verb_failed,
    wait_healthy,
    why_not,
)
from debwright.checks.engine.probes import ask, is_over_the_network
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.engine.units import restarts, triggered_by_socket
from debwright.config import Service
from debwright.config import values as v
from debwright.config.section import Section
from debwright.host.process import go_on
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding


class Benchmarks(Section, table="benchmarks"):
    """What is measured of the running service."""

    runs: int = Field(3, ge=1, le=50, description="Starts that are timed.")
    requests: int = Field(
        10, ge=1, le=1000, description="Requests to the health URL that are timed."
    )
    idle_seconds: v.Pause = Field(
        2, description="Seconds without a request, after which the memory is looked at."
    )
    emulated: bool = Field(
        False, description="Whether to measure under an emulator, too, which says little."
    )


CODES = Codes(
    {"benchmarks/not-answered": Code(ERROR, "A request of those that are timed is not answered.")}
)


class BenchmarksCheck(LiveCheck):
    """Measures, and finds fault only with a service that does not come up while it does."""

    name = "benchmarks"
    codes = CODES | health.CODES | health.SLOW.under("benchmarks") | health.verb_codes("start")
    settings = ("service", Benchmarks, "limits")

    def run(self, session: Session) -> CheckResult:
        if reason := why_not(session):
            return skipped(self.name, reason)
        settings = session.context.config.section(Benchmarks)
        if session.system.emulated and not settings.emulated:
            return skipped(
                self.name,
                "an emulator's times say nothing of the machine: [benchmarks] emulated = true "
                "measures them all the same",
            )
        begun, service = time.monotonic(), service_of(session)
        measurements: dict[str, float] = {}
        starts: list[float] = []
        for number in range(settings.runs):
            session.context.activity(f"start {number + 1} of {settings.runs}")
            taken, problem = _start(session, service)
            if problem is not None:
                session.saw(service, up=False)
                return conclude(self.name, begun, [problem])
            starts.append(taken)
        measurements |= summary("start", starts)
        findings = slow_start(session, service, statistics.median(starts), self.name)
        session.context.activity("requests")
        latencies, problem = _latencies(session, service, settings.requests)
        if problem is not None:
            return conclude(self.name, begun, [*findings, problem], measurements=measurements)
        measurements |= summary("latency", latencies)
        _rest(settings.idle_seconds)
        if (used := memory.in_use(session, service.unit)) is not None:
            measurements["idle_memory_bytes"] = float(used)
        return conclude(self.name, begun, findings, measurements=measurements)


def summary(name: str, values: list[float]) -> dict[str, float]:
    """Median, and the distance from the least to the greatest; in seconds."""
    if not values:
        return {}
    return {
        f"{name}_median_seconds": statistics.median(values),
        f"{name}_spread_seconds": max(values) - min(values),
    }


def _start(session: Session, service: Service) -> tuple[float, Finding | None]:
    """Stop, then start: seconds from the start to health."""
    session.systemctl("stop", service.unit, session.patience(120))
    if behind := triggered_by_socket(session.unit(service.unit)):
        # systemd does not open a socket again that its service holds.
        session.systemctl("stop", behind, session.patience(120))
    before = restarts(session.unit(service.unit))
    started = time.monotonic()
    done = session.systemctl("start", service.unit, session.patience(90))
    if done.returncode != 0:
        return 0.0, verb_failed(session, service, "start", done.tail(4))
    taken = time.monotonic() - started
    waited = wait_healthy(session, service, restarts_before=before, lasting=False)
    return taken + waited.seconds, waited.problem


def _latencies(
    session: Session, service: Service, requests: int
) -> tuple[list[float], Finding | None]:
    """Seconds of each request; a finding as soon as one is not answered as expected.

    The time of a refusal says nothing of the service, and must not pass for its latency.
    """
    found: list[float] = []
    if not is_over_the_network(service) or service.asked is None:
        return found, None
    for number in range(1, requests + 1):
        answer = ask(session, service, session.patience(5))
        if not answer.ok:
            return found, CODES.found(
                "benchmarks/not-answered",
                f"{service.unit} did not answer request {number} of {requests} as expected",
                evidence=(
                    Evidence(text=f"{service.asked.said}: {answer.describe()}"),
                    *session.journal(service.unit),
                ),
                fix=shell_hint(session, f"journalctl -u {service.unit}"),
            )
        found.append(answer.latency)
    return found, None


def _rest(seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        go_on()
        time.sleep(min(left, 0.5))
