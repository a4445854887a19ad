"""A booted system in which declared tests are run, one after the other, as autopkgtest runs them.

A test is a program of strangers: it runs inside only, and what it is told reaches it in variables.
"""

import base64
import binascii
import re
import shlex
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from debwright.checks.engine.session import Session
from debwright.checks.engine.tests_control import PLACE, DeclaredTest
from debwright.checks.engine.tests_source import TREES, Tree
from debwright.host.process import Completed, TimedOut
from debwright.model.results import Evidence

USER = "autopkgtest"
HOME = "/var/lib/debwright-tests"
"""Inside; a reboot leaves it there."""
SKIPPED_STATUS = 77
REBOOTS = 10
"""More are taken for a test that never ends."""
ARTIFACT_BYTES = 2_500_000
SHOWN = 8
_KILLED = (-9, 137)
_MARK = "/run/autopkgtest-reboot-mark"
_PATH_PART = re.compile(r"[^A-Za-z0-9+._-]")

# What adt_testbed.py of autopkgtest does before a test, by su(1) to have PAM's session as there.
# setsid(1) makes it a group, whose number `exec` keeps: so it is ended when it asks for a reboot.
_RUN = f"""\
export USER="$(id -nu)" LOGNAME="$(id -nu)"
. /etc/profile >/dev/null 2>&1 || true
. ~/.profile >/dev/null 2>&1 || true
unset LC_ALL
export LANG=C.UTF-8
set -e
cd -- "$DEBWRIGHT_TREE"
echo "$$" > {HOME}/pid
command=$DEBWRIGHT_COMMAND path=$DEBWRIGHT_PATH
unset DEBWRIGHT_TREE DEBWRIGHT_COMMAND DEBWRIGHT_PATH
[ -z "$command" ] || exec bash -ec "$command"
chmod +x -- "$path"
exec "$PWD/$path"
"""
_REBOOT = f"""\
#!/bin/bash -e
[ -n "$1" ] || {{ echo "Usage: $0 MARK" >&2; exit 1; }}
echo "$1" > {_MARK}
kill -KILL -- "-$(cat {HOME}/pid)"
"""
_PREPARE = f"""\
set -e
getent passwd {USER} >/dev/null || useradd --create-home --shell /bin/bash --user-group {USER}
grep -qw "$(hostname)" /etc/hosts || echo "127.0.1.1 $(hostname)" >> /etc/hosts
mkdir -p {HOME} {TREES}
touch {HOME}/pid
chown {USER} {HOME}/pid {TREES}
if [ -e /etc/sudoers.d ]; then
    echo '%sudo ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/autopkgtest
    chmod 440 /etc/sudoers.d/autopkgtest
fi
"""
_FRESH = f"""\
set -e
rm -rf {HOME}/scratch {HOME}/artifacts "{TREES}/$1"
install -d -m 755 -o {USER} {HOME}/scratch
install -d -m 1777 {HOME}/artifacts
su -s /bin/sh {USER} -c 'exec tar -xf {HOME}/tree.tar -C {TREES}'
"""
_ARTIFACTS = f"""\
[ -n "$(ls -A {HOME}/artifacts)" ] || exit 3
[ "$(tar -C {HOME}/artifacts -cz . | wc -c)" -le {ARTIFACT_BYTES} ] || exit 4
tar -C {HOME}/artifacts -cz . | base64 -w 0
"""


class Verdict(StrEnum):
    """What autopkgtest says of a test, too."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    FLAKY = "FLAKY"
    SKIP = "SKIP"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a test went; `code` is of the finding that a failure becomes."""

    name: str
    verdict: Verdict
    said: str = ""
    seconds: float = 0.0
    code: str = "test-failed"
    evidence: tuple[Evidence, ...] = ()
    superficial: bool = False

    def line(self) -> str:
        """For a report, in the form of autopkgtest's summary."""
        said = f" {self.said}" if self.said else ""
        took = f" ({self.seconds:.1f} s)" if self.seconds else ""
        return f"{self.name}: {self.verdict}{said}{took}"


@dataclass
class Testbed:
    """A system with the packages, the tree and the user that tests run as."""

    session: Session
    tree: Tree
    spent: bool = False
    """Whether the next test needs another one."""
    last: float = field(default=0.0, init=False)
    __test__ = False

    def prepare(self, test: DeclaredTest) -> None:
        """Once, before the first test."""
        system = self.session.system
        system.run(["sh", "-c", _PREPARE], timeout=self.session.patience(60))
        if test.has("needs-sudo"):
            system.run(["usermod", "-a", "-G", "sudo", USER])
        system.push(self.tree.tarball, f"{HOME}/tree.tar")
        self._write(f"{HOME}/run", _RUN)

    def run(self, test: DeclaredTest, seconds: float, output: Path) -> Ran:
        """Run one test for at most so many seconds; its artifacts go below `output`."""
        self.session.system.run(
            ["sh", "-c", _FRESH, "sh", self.tree.name], timeout=self.session.patience(300)
        )
        self.spent = test.has("breaks-testbed")
        started = time.monotonic()
        try:
            done = self._until_it_ends(test, seconds)
        except TimedOut:
            self.spent = True  # its processes may still be there
            return _failed(
                test, f"timed out after {seconds:.0f} s", time.monotonic() - started,
                "timeout", self._journal(),
            )  # fmt: skip
        ran = _judge(test, done, time.monotonic() - started)
        self._fetch_artifacts(test, output)
        return ran

    def _until_it_ends(self, test: DeclaredTest, seconds: float) -> Completed:
        """Once, and again after each reboot that it asks for."""
        mark = ""
        for _ in range(REBOOTS):
            done = self._once(test, seconds, mark)
            if done.returncode not in _KILLED:
                return done
            found = self.session.system.run(["cat", _MARK], check=False, timeout=60)
            if found.returncode != 0:
                return done
            mark = found.output.strip()[:200]
            self.session.context.log(f"the test asks for a reboot: {mark}")
            self.session.system.reboot()
        raise TimedOut(f"the test asked for {REBOOTS} reboots")

    def _once(self, test: DeclaredTest, seconds: float, mark: str) -> Completed:
        self._write("/tmp/autopkgtest-reboot", _REBOOT, mode="755")  # noqa: S108 - inside
        root = test.has("needs-root")
        variables = {
            "DEBWRIGHT_TREE": self.tree.path,
            "DEBWRIGHT_COMMAND": test.command or "",
            "DEBWRIGHT_PATH": test.path or "",
            "AUTOPKGTEST_TMP": f"{HOME}/scratch",
            "ADTTMP": f"{HOME}/scratch",
            "AUTOPKGTEST_ARTIFACTS": f"{HOME}/artifacts",
            "ADT_ARTIFACTS": f"{HOME}/artifacts",
            "DEBIAN_FRONTEND": "noninteractive",
        }
        if root:
            variables |= {"AUTOPKGTEST_NORMAL_USER": USER, "ADT_NORMAL_USER": USER}
        if mark:
            variables |= {"AUTOPKGTEST_REBOOT_MARK": mark, "ADT_REBOOT_MARK": mark}
        command = shlex.join(["exec", "setsid", "--wait", "bash", f"{HOME}/run"])
        return self.session.system.run(
            ["su", "-s", "/bin/bash", "root" if root else USER, "-c", command],
            env=variables, check=False, timeout=seconds, sink=self.session.context.log,
        )  # fmt: skip

    def _write(self, path: str, text: str, mode: str = "644") -> None:
        script = 'cat > "$1" && chmod "$2" "$1"'
        self.session.system.run(["sh", "-c", script, "sh", path, mode], stdin=text)

    def _journal(self) -> tuple[Evidence, ...]:
        done = self.session.system.run(["ps", "-u", USER, "-o", "args="], check=False, timeout=60)
        return tuple(Evidence(text=f"still running: {x}") for x in done.output.splitlines()[:SHOWN])

    def _fetch_artifacts(self, test: DeclaredTest, output: Path) -> None:
        """Keep them as the archive that they come in: nothing of it is unpacked here."""
        done = self.session.system.run(["sh", "-c", _ARTIFACTS], check=False, timeout=120)
        if done.returncode == 4:
            self.session.context.log(f"{test.name}: more than {ARTIFACT_BYTES} bytes of artifacts")
        if done.returncode != 0:
            return
        try:
            content = base64.b64decode("".join(done.output.split()), validate=True)
        except binascii.Error:
            return
        output.mkdir(exist_ok=True)
        name = _PATH_PART.sub("_", test.name).lstrip(".")[:80]
        (output / f"{name}-artifacts.tar.gz").write_bytes(content)


def _judge(test: DeclaredTest, done: Completed, seconds: float) -> Ran:
    """autopkgtest's rules: status 77, any other status, and output to standard error."""
    if done.returncode == SKIPPED_STATUS and test.has("skippable"):
        said = "exit status 77 and marked as skippable"
        return Ran(name=test.name, verdict=Verdict.SKIP, said=said, seconds=seconds)
    if done.returncode != 0:
        said = f"non-zero exit status {done.returncode}"
        tail = [*done.output.splitlines()[-SHOWN:], *done.error.splitlines()[-SHOWN:]]
        return _failed(test, said, seconds, "test-failed", _lines(test, tail[-SHOWN:]))
    if done.error and not test.has("allow-stderr"):
        lines = done.error.splitlines()
        return _failed(
            test, f"stderr: {lines[0].strip()[:200]}", seconds, "stderr",
            _lines(test, lines[:SHOWN]),
        )  # fmt: skip
    weak = test.has("superficial")
    return Ran(
        name=test.name, verdict=Verdict.PASS, said="(superficial)" if weak else "",
        seconds=seconds, superficial=weak,
    )  # fmt: skip


def _failed(
    test: DeclaredTest, said: str, seconds: float, code: str, evidence: tuple[Evidence, ...]
) -> Ran:
    verdict = Verdict.FLAKY if test.has("flaky") else Verdict.FAIL
    return Ran(
        name=test.name, verdict=verdict, said=said, seconds=seconds, code=code, evidence=evidence
    )


def _lines(test: DeclaredTest, lines: list[str]) -> tuple[Evidence, ...]:
    return tuple(Evidence(text=line, file=test.path or PLACE) for line in lines if line.strip())
