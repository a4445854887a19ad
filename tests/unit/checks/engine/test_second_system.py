"""Checks on a second system beside the first: which, when, and what becomes of what they find."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from tests.kit.debs import make_deb

from debwright.checks import run as checks
from debwright.checks.engine.base import CheckContext, conclude, skipped
from debwright.checks.engine.previous import Previous
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.live.upgrade import CODES
from debwright.checks.registry import file_checks
from debwright.config import Config
from debwright.host.process import Completed, Interrupted
from debwright.model.errors import CheckError
from debwright.model.results import CheckResult, Status
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.systems.base import BootError, Open, Subject, System

SERVICE = {"service": {"unit": "x.service", "health_url": "http://localhost/"}}


class Booted:
    boot_seconds = 0.0
    without_init = None
    emulated = False


@dataclass
class Fake:
    """A session of which only the checks below know anything."""

    name: str
    context: CheckContext
    system: Booted = field(default_factory=Booted)
    measured: dict[str, dict[str, float]] = field(default_factory=dict)
    healthy: bool = False
    lost: str | None = None
    gone: bool = False
    upgraded: bool = False
    install_seconds: float = 0.0
    refuses: threading.Event | None = None

    def install(self) -> None:
        if self.refuses is not None:
            # Whoever waits for it goes on a little later than the refusal is known.
            threading.Timer(0.5, self.refuses.set).start()
            raise CheckError("dpkg said no")

    def apt(self, arguments: Sequence[str], _: str) -> Completed:
        self.context.log(f"apt-get {' '.join(arguments)}")
        return Completed(argv=("apt-get",), returncode=0, output="")


@dataclass
class Recorded(LiveCheck):
    """A check that remembers which system it ran on, and may do something more."""

    name: str  # type: ignore[misc]
    seen: dict[str, str]
    then: Callable[[Fake], CheckResult | None] = lambda _: None
    codes = CODES

    def run(self, session: Session) -> CheckResult:
        fake = cast(Fake, session)
        fake.context.log(f"{self.name} at work")
        self.seen[self.name] = fake.name
        other = self.then(fake)
        return other or conclude(self.name, 0.0, [], measurements={"seconds": 1.0})


class Systems(System):
    """A kind of system that opens one fake session after the other."""

    kind = "nspawn"
    two_at_once = True

    def __init__(self, problem: BootError | None, refuses: threading.Event | None) -> None:
        self.opened: dict[str, Fake] = {}
        self.closed: list[str] = []
        self.problem = problem
        self.refuses = refuses

    def layer(self, _: Subject) -> None:
        """Dependencies are not measured here, which would take a root."""

    def prepare(self, subject: Subject, _: ExitStack) -> Open:
        context = cast(CheckContext, subject)

        def opening(stack: ExitStack) -> Session:
            name = "second" if threading.current_thread().name.startswith("second") else "first"
            if self.problem is not None and name == "second":
                raise self.problem
            session = self.opened[name] = Fake(name, context)
            if name == "first":
                session.refuses = self.refuses
            stack.callback(self.closed.append, name)
            return cast(Session, session)

        return cast(Open, opening)


@dataclass
class Made:
    """What a run of the checks gave."""

    systems: Systems
    seen: dict[str, str]
    order: list[str]
    results: dict[str, CheckResult]
    log: list[str]


def healthy(session: Fake) -> None:
    session.healthy = True


def upgraded(session: Fake) -> None:
    session.upgraded = True


Run = Callable[..., Made]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def made(
        *, second: bool = True, config: dict[str, Any] | None = None,
        problem: BootError | None = None, previous: bool = True,
        refuses: threading.Event | None = None,
        **then: Callable[[Fake], CheckResult | None],
    ) -> Made:  # fmt: skip
        seen: dict[str, str] = {}
        names = ("service", "reboot", "purge", "upgrade", "downgrade", "regression", "minimum")
        then = {"service": healthy, "upgrade": upgraded, **then}
        live = [Recorded(n, seen, then.get(n, lambda _: None)) for n in names]
        for check in live:
            check.clean_system = check.name in SECOND  # type: ignore[misc]
        monkeypatch.setattr(checks, "LIVE", tuple(live))
        monkeypatch.setattr(checks, "sessions", lambda _, opening: opening)
        monkeypatch.setattr("debwright.checks.engine.left.by_scripts", lambda _: [])
        off = {c.name: "off" for c in file_checks()}
        given = config or {}
        model = Config.model_validate({**given, "checks": {**off, **given.get("checks", {})}})
        cache = Cache(tmp_path / "cache")
        cache.prepare()
        log: list[str] = []
        deb = read_deb(make_deb(tmp_path / "x.deb"))
        before = Previous(debs=(deb,)) if previous else Previous()
        context = CheckContext(
            target=Target("bookworm", "amd64"), host_arch="amd64", config=model,
            debs=[deb], changes=None, previous=before,
            roots=Roots(cache, model), output=tmp_path, log=log.append,
            activity=lambda _: None, second_system=second,
        )  # fmt: skip
        systems, order = Systems(problem, refuses), list[str]()
        results = checks.run_checks(context, lambda r: order.append(r.name), systems)
        return Made(systems, seen, order, {r.name: r for r in results}, log)

    return made


FIRST = ("service", "reboot", "purge", "regression")
SECOND = ("upgrade", "downgrade", "minimum")


def test_what_begins_without_the_package_gets_a_system_of_its_own(run: Run) -> None:
    made = run(config=SERVICE)
    assert made.seen == {**dict.fromkeys(FIRST, "first"), **dict.fromkeys(SECOND, "second")}
    assert made.order[-7:] == [
        "service", "reboot", "purge", "upgrade", "downgrade", "regression", "minimum",
    ], "they are told in the order of old"  # fmt: skip
    second = made.systems.opened["second"]
    assert second.gone, "nothing has to be purged from it"
    assert sorted(made.systems.closed) == ["first", "second"]


def test_they_run_side_by_side(run: Run) -> None:
    both = threading.Barrier(2, timeout=20)

    def meet(session: Fake) -> None:
        upgraded(session)
        both.wait()

    run(config=SERVICE, service=meet, upgrade=meet)


def test_the_log_is_told_one_system_after_the_other(run: Run) -> None:
    lines = run(config=SERVICE).log
    at_work = [line.split()[0] for line in lines if line.endswith("at work")]
    assert at_work == ["service", "reboot", "purge", "upgrade", "downgrade", "minimum",
                       "regression"]  # fmt: skip
    assert lines.index("apt-get update") == lines.index("purge at work") + 1


def test_what_the_one_has_measured_the_other_knows(run: Run) -> None:
    known: dict[str, set[str]] = {}

    def remember(session: Fake) -> None:
        known[session.name] = set(session.measured)

    run(config=SERVICE, minimum=remember, regression=remember)
    assert {"service", "upgrade", "downgrade"} <= known["second"]
    assert {"service", "purge", "upgrade"} <= known["first"]


def test_the_minimum_waits_until_the_service_was_looked_at(run: Run) -> None:
    downgraded = threading.Event()

    def slow(session: Fake) -> None:
        assert downgraded.wait(20)
        session.healthy = True

    def done(_: Fake) -> None:
        downgraded.set()

    known: list[bool] = []

    def minimum(session: Fake) -> None:
        known.append("service" in session.measured)

    run(config=SERVICE, service=slow, downgrade=done, minimum=minimum)
    assert known == [True]


def test_without_a_spare_core_there_is_one_system(run: Run) -> None:
    assert set(run(config=SERVICE, second=False).seen.values()) == {"first"}


def test_nothing_to_do_on_a_second_system(run: Run) -> None:
    assert set(run(config=SERVICE, previous=False).systems.opened) == {"first"}
    off = run(config={**SERVICE, "checks": {"upgrade": "off"}})
    assert set(off.systems.opened) == {"first"}


def test_where_nothing_was_upgraded_the_first_system_is_the_purged_one(run: Run) -> None:
    made = run(config=SERVICE, upgrade=lambda _: skipped("upgrade", "it cannot be installed"))
    assert (made.seen["upgrade"], made.seen["minimum"]) == ("second", "first")
    assert made.order.count("minimum") == 1


def test_a_second_system_that_does_not_boot_is_done_without(run: Run) -> None:
    made = run(config=SERVICE, problem=BootError("no memory"))
    assert set(made.seen.values()) == {"first"}
    assert "there was no second system: no memory" in made.log
    assert not [r for r in made.results.values() if r.status is Status.FAILED]


def test_a_package_that_cannot_be_installed_is_told_at_once(run: Run) -> None:
    """Nothing more is begun on the second system, and nothing of it is told."""
    refused = threading.Event()

    def until_then(session: Fake) -> None:
        upgraded(session)
        assert refused.wait(20)

    made = run(config=SERVICE, upgrade=until_then, refuses=refused)
    assert made.results["install"].status is Status.FAILED
    assert {made.results[n].status for n in (*FIRST, *SECOND)} == {Status.SKIPPED}
    assert set(made.seen) <= {"upgrade"}


def test_a_lost_first_system_does_not_lose_the_second(run: Run) -> None:
    def lose(session: Fake) -> None:
        session.lost = "it did not come back"

    made = run(config=SERVICE, reboot=lose)
    assert made.results["upgrade"].status is Status.PASSED
    assert made.results["regression"] == skipped("regression", "it did not come back")


def test_what_fails_there_fails(run: Run) -> None:
    def fail(_: Fake) -> CheckResult:
        return conclude("upgrade", 0.0, [CODES.found("upgrade/failed", "no")])

    assert run(config=SERVICE, upgrade=fail).results["upgrade"].status is Status.FAILED

    def stop(_: Fake) -> None:
        raise CheckError("it cannot be done")

    assert run(config=SERVICE, minimum=stop).results["minimum"].status is Status.FAILED


def test_an_interrupt_there_ends_the_whole(run: Run) -> None:
    def stop(_: Fake) -> None:
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        run(config=SERVICE, downgrade=stop)
