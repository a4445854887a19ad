"""The smoke commands: each must end with status 0."""

import time

from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Evidence

CODES = Codes({"smoke/failed": Code(ERROR, "A smoke command fails.")})


class SmokeCheck(LiveCheck):
    """The commands of `smoke` or `[service] smoke`, each of which must end with status 0."""

    name = "smoke"
    codes = CODES
    settings = ("smoke", "service")

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        config = session.context.config
        commands = [*config.smoke, *(c for service in config.service for c in service.smoke)]
        if not commands:
            return skipped(self.name, "no smoke commands in debwright.toml")
        findings = []
        before = session.created().keys()
        for command in commands:
            session.context.activity(f"smoke: {command[:40]}")
            done = session.smoke(command)
            if done.returncode != 0:
                findings.append(
                    CODES.found(
                        "smoke/failed",
                        f"`{command}` ended with status {done.returncode}",
                        evidence=tuple(Evidence(text=line) for line in done.tail(6)),
                        fix=session.context.shell(),
                    )
                )
        session.ours |= session.created().keys() - before
        return conclude(self.name, started, findings)
