"""Secrets and servers for development in what a unit has logged."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.kit.secretfiles import KEY, github
from tests.kit.systemd import RUNNING, Systemd, session

from debwright.checks.engine import logged
from debwright.host.process import Completed
from debwright.model.results import Finding, Severity

CONF = "# admin_password = nobody3knows4\nadmin_password = kT9xQ2mLw8-1z\ntoken_file = /etc/x9\n"


class Logging(Systemd):
    """Has one log and one file of configuration."""

    def __init__(self, log: str) -> None:
        super().__init__(demo_service=RUNNING)
        self.log = log

    def run(self, argv: Sequence[str], **more: Any) -> Completed:
        words = [str(a) for a in argv]
        said = super().run(argv, **more)
        if "journalctl" in words[-1]:
            return Completed(argv=tuple(words), returncode=0, output=self.log)
        if words[0] == "sh":
            return Completed(
                argv=tuple(words), returncode=0, output=f"--debwright-file-- /etc/d.conf\n{CONF}"
            )
        return said


def found(log: str) -> list[Finding]:
    made = session(Logging(log), service={"unit": "demo"})
    made.shipped = frozenset({"/etc/d.conf"})
    made.created = dict  # type: ignore[method-assign]
    return logged.findings(made, made.services[0])


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        (f"using {github(3)} now", Severity.ERROR),
        (KEY, Severity.ERROR),
        ("trying admin:kT9xQ2mLw8-1z@db", Severity.ERROR),
        ("Generated admin password: Zk8qW3vR1tY7pL", Severity.WARNING),
        ("open http://localhost:8888/?token=9f8e7d6c5b4a39281706f5e4d3c2b1a0", Severity.WARNING),
    ],
)
def test_a_secret_in_the_log(line: str, severity: Severity) -> None:
    (finding,) = found(f"started\n{line}\nready\n")
    assert finding.code == "journal/secret"
    assert finding.severity is severity
    for secret in (github(3), KEY.splitlines()[3], "kT9xQ2mLw8-1z", "Zk8qW3vR1tY7pL"):
        assert secret not in repr(finding)


@pytest.mark.parametrize(
    "line",
    [
        "Accepted password for jo from 10.0.0.1 port 52144 ssh2",
        "reading the token from /var/lib/demo/token2",
        "password: ********", "token=${API_TOKEN}", "api key = changeme-please-1",
        "secret key file: /etc/demo/server2.key", "max_tokens: 12345678", "token: expired",
        "commit 3b18e512dba79e4c8300dd08aeb37f8e728b8dad", "admin_password is set",
        "Server listening on 0.0.0.0 port 22.", "nobody3knows4",
    ],
)  # fmt: skip
def test_a_log_without_secrets(line: str) -> None:
    assert found(f"{line}\n") == []


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("WARNING: This is a development server. Do not use it in a production deployment. Use a "
         "production WSGI server instead.", Severity.ERROR),
        ("Starting development server at http://127.0.0.1:8000/", Severity.ERROR),
        ("[Tue Dec  1 12:00:00 2026] PHP 8.2.7 Development Server (http://localhost:80) started",
         Severity.ERROR),
        ('[GIN-debug] [WARNING] Running in "debug" mode. Switch to "release" mode in production.',
         Severity.WARNING),
        ("The in-memory store is not suitable for use in production", Severity.WARNING),
    ],
)  # fmt: skip
def test_a_server_for_development(line: str, severity: Severity) -> None:
    (finding,) = found(f"{line}\n{line}\n")
    assert (finding.code, finding.severity) == ("journal/development-server", severity)


def test_a_server_for_users() -> None:
    assert found("Starting in production mode\nnginx: ready for production\n") == []
