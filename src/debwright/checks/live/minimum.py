"""The packages with only what Depends leads to, as many servers have them.

They are installed once more on the system from which they have been purged, after everything that
only Recommends had brought has been purged, too: a service that needs it misses a dependency.
"""

import time
from collections.abc import Iterable

from pydantic import Field

from debwright.checks.engine import health
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, MaintainerScriptError, Session
from debwright.checks.engine.trouble import last_words
from debwright.checks.live.dependencies import pulled_in
from debwright.config import Config, Service
from debwright.config import values as v
from debwright.config.section import Section
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.roots import apt
from debwright.roots.store import Layer

_SHOWN = 8


class Minimum(Section, table="minimum"):
    """What may be expected of the service when nothing recommended is there."""

    expect_body: str | None = Field(
        None,
        min_length=1,
        description="Text that must occur in the health URL's answer then, instead of [service]'s.",
    )
    smoke: list[v.Script] | None = Field(
        None, description="Smoke commands that must work then, instead of all others."
    )


CODES = Codes(
    {
        "minimum/maintainer-script": Code(
            ERROR, "A maintainer script fails without what is only recommended."
        ),
        "minimum/failed": Code(ERROR, "The packages cannot be installed a second time."),
        "minimum/smoke-failed": Code(
            ERROR, "A smoke command fails without what is only recommended."
        ),
    }
)


class MinimumCheck(LiveCheck):
    """Needs a system from which the packages could be purged; ends it with them installed."""

    name = "minimum"
    codes = CODES | health.CODES.under("minimum")
    settings = (Minimum, "service", "smoke")
    clean_system = True

    def run(self, session: Session) -> CheckResult:
        if reason := _why_not(session):
            return skipped(self.name, reason)
        layer, context = session.layer, session.context
        assert layer is not None
        started = time.monotonic()
        try:
            left_out = self._strip(session, layer)
        except DebwrightError as problem:
            return skipped(self.name, f"the recommended packages cannot be purged: {problem.what}")
        begun = time.monotonic()
        context.activity("install again")
        try:
            session.apt(
                ["install", "--no-install-recommends",
                 *(f"{d.package}={d.version}" for d in context.installable)],
                "installing the packages on the minimum",
            )  # fmt: skip
        except apt.UnsatisfiableError as problem:
            # apt has solved them for `dependencies`: too much has been taken away.
            said = "; ".join(e.text.strip() for e in problem.evidence[1:3])
            return skipped(self.name, f"what is only recommended cannot be distinguished: {said}")
        except DebwrightError as problem:
            script = isinstance(problem, MaintainerScriptError)
            code = f"{self.name}/maintainer-script" if script else f"{self.name}/failed"
            return conclude(self.name, started, [_not_installed(session, code, problem, left_out)])
        measurements = {
            "install_again_seconds": time.monotonic() - begun,
            "left_out_packages": float(len(left_out)),
        }
        findings = _at_work(session, left_out)
        return conclude(
            self.name, started, findings, measurements=measurements, notes=[_said(left_out)]
        )

    def _strip(self, session: Session, layer: Layer) -> list[str]:
        """Purge the packages and what they do not depend on; the names of the latter."""
        there = _installed(session)
        if here := [name for name in session.packages if name in there]:
            session.purge(here)
            there = _installed(session)
        bare = _names(layer.parent.manifest.packages) if layer.parent else set()
        needed = {p.name for p in pulled_in(layer, session.context.installable).minimum}
        extra = sorted(there - bare - needed)
        if extra:
            session.context.activity(f"without {', '.join(extra[:3])}")
            session.purge(extra)
        return extra


def _why_not(session: Session) -> str | None:
    if session.layer is None:
        return "the other packages of a machine that is somebody's are left alone"
    if not session.gone:
        return "the packages could not be purged from the system before"
    if session.services and "start_seconds" not in session.measured.get("service", {}):
        return "the service is not up with all it recommends either"
    return None


def expected_of(config: Config) -> list[Service]:
    """The services, with what may be expected of the main one on the minimum."""
    body = config.section(Minimum).expect_body
    if body is None or not config.service:
        return config.service
    main, *others = config.service
    if main.probe is not None:
        probe = main.probe.model_copy(update={"expect": body})
        return [main.model_copy(update={"probe": probe}), *others]
    return [main.model_copy(update={"expect_body": body}), *others]


def commands(config: Config) -> list[str]:
    """What must work on the minimum: `[minimum] smoke`, or else all smoke commands there are."""
    smoke = config.section(Minimum).smoke
    if smoke is not None:
        return smoke
    return [*config.smoke, *(command for service in config.service for command in service.smoke)]


def _at_work(session: Session, left_out: list[str]) -> list[Finding]:
    config = session.context.config
    without = f" without {', '.join(left_out[:_SHOWN])}" if left_out else ""
    fix = (
        "move what the service needs from Recommends to Depends; and let "
        "postrm leave nothing masked or disabled (dh_installsystemd does)"
    )
    if problems := health.wait_all(session, expected_of(config)):
        found = [health.as_found_by("minimum", f"installed again{without}", p) for p in problems]
        return [one.model_copy(update={"fix": fix}) for one in found]
    failed = []
    for command in commands(config):
        done = session.smoke(command)
        if done.returncode != 0:
            failed.append(
                CODES.found(
                    "minimum/smoke-failed",
                    f"installed again{without}, `{command}` ended with status {done.returncode}",
                    evidence=tuple(Evidence(text=line) for line in done.tail(6)),
                    fix="move what the command needs from Recommends to Depends",
                )
            )
    return failed


def _not_installed(
    session: Session, code: str, problem: DebwrightError, left_out: list[str]
) -> Finding:
    found = CODES.from_error(code, problem)
    if service := session.context.config.main_service:
        said = last_words(session, service.unit)
        found = found.model_copy(update={"evidence": (*found.evidence, *said)})
    if not left_out:
        return found
    without = f"without {', '.join(left_out[:_SHOWN])}"
    return found.model_copy(update={"message": f"{without}, {found.message}"})


def _installed(session: Session) -> set[str]:
    done = session.system.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\\n"],
        timeout=session.patience(60),
    )
    rows = (line.split(" ", 1) for line in done.output.splitlines())
    return {row[1] for row in rows if len(row) == 2 and row[0] != "not-installed"}


def _names(packages: Iterable[str]) -> set[str]:
    """From a manifest's `name:arch=version`."""
    return {p.split("=", 1)[0].split(":", 1)[0] for p in packages}


def _said(left_out: list[str]) -> str:
    if not left_out:
        return "nothing comes with it that it does not depend on; installed again after its purge"
    more = len(left_out) - _SHOWN
    return f"left out: {', '.join(left_out[:_SHOWN])}" + (f" and {more} more" if more > 0 else "")
