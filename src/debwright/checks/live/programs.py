"""The packages' programs start: each is asked for its help, and none dies before it can answer."""

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from pydantic import Field

from debwright.checks.engine import packaged, watch
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.config import values as v
from debwright.config.section import Section
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.fix import Command
from debwright.model.results import CheckResult, Evidence, Finding

EACH_SECONDS = 8.0
"""What one program may take to say its help; one that goes on has started."""
ALL_SECONDS = 100.0
_MOST = 40
_EXECUTED = re.compile(r"(?:^ExecStart=| )\{ path=(\S+) ", re.M)
_PLACES = re.compile(r"^(?:/usr)?/(?:bin|sbin|games)/[^/]+$")

# A unit of its own: as nobody's account, without a network, with the system read-only and a /tmp of
# its own, and ended as a whole. So nothing that a program does is there afterwards.
_ALONE = (
    "systemd-run", "--quiet", "--pipe", "--wait", "--collect",
    "--property=DynamicUser=yes", "--property=PrivateNetwork=yes", "--property=ProtectHome=yes",
    "--property=PrivateTmp=yes", "--property=WorkingDirectory=/tmp", "--setenv=HOME=/tmp",
    "--setenv=LC_ALL=C.UTF-8", "--setenv=TERM=dumb",
)  # fmt: skip
_EACH = """mark=$1; limit=$2; arguments=$3; shift 3; n=0
for p; do
  if [ ! -f "$p" ] || [ ! -x "$p" ] || [ -u "$p" ] || [ -g "$p" ]; then continue; fi
  n=$((n + 1)); echo "$p" >/tmp/path.$n
  { timeout -k 1 "$limit" "$p" $arguments >/tmp/said.$n 2>&1 </dev/null; echo $? >/tmp/end.$n; } &
  [ $((n % 4)) -ne 0 ] || wait
done
wait; i=0
while [ $i -lt $n ]; do
  i=$((i + 1)); echo "$mark $(cat /tmp/end.$i) $(cat /tmp/path.$i)"; tail -c 4000 /tmp/said.$i; echo
done
echo "$mark end" """

# Lines with which interpreters and the loader say that a program could not even be begun. What a
# program says by itself of its arguments, its configuration or its rights is no such line.
_NOT_BEGUN = re.compile(
    r"^(?:ModuleNotFoundError|ImportError|SyntaxError|IndentationError|TabError): .+"
    r"|^(?:importlib\.metadata\.|importlib_metadata\.|pkg_resources\.)\w+: .+"
    r"|: error while loading shared libraries: .+|: symbol lookup error: .+"
    r"|: version `[^']+' not found \(required by "
    r"|^timeout: failed to run command .*: (?:No such file or directory|Exec format error)$"
    r"|^/usr/bin/env: .*: No such file or directory$|: bad interpreter: "
    r"|^Can't locate \S+ in @INC |^Can't load '.*' for module "
    r"|^Error: Cannot find module '|^Error \[ERR_MODULE_NOT_FOUND\]: "
    r"|: cannot load such file -- .*\(LoadError\)"
    r"|^Error: (?:Could not find or load main class|Unable to access jarfile) "
    r"|java\.lang\.UnsupportedClassVersionError: "
    r"|PHP Fatal error: .*Failed opening required "
)
# Errors of these kinds are a matter of arguments as well, unless they come while modules are read.
_OF_CODE = re.compile(r"^(?:AttributeError|NameError|TypeError): .+")
_FRAME = re.compile(r'^  File ".*", line \d+, in (?P<where>.+)$')
_NOT_FOUND = re.compile(r": (?:line )?\d+: .*(?:not found|No such file or directory)$")
_KILLED = {132: "SIGILL", 135: "SIGBUS", 139: "SIGSEGV"}
"""What timeout(1) returns for a program that was killed: 128 and the signal's number."""

CODES = Codes(
    {
        "programs/not-started": Code(
            ERROR,
            "A program of the packages does not even start; a warning when the packages suggest "
            "others, which it may need.",
            or_else=(WARNING,),
        ),
        "programs/killed": Code(
            ERROR, "A program of the packages crashes at once.", emulated=WARNING
        ),
    }
)


class Programs(Section, table="programs"):
    """How the packages' programs are asked whether they start."""

    arguments: v.Line = Field("--help", description="Arguments that each program is run with.")
    skip: list[v.Line] = Field(
        [], description="fnmatch patterns of absolute paths of programs that are not run."
    )


class ProgramsCheck(LiveCheck):
    """Runs each program in /usr/bin, /usr/sbin and /usr/games with `--help`."""

    name = "programs"
    codes = CODES
    settings = (Programs,)

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        wanted = session.context.config.section(Programs)
        found = [p for p in _programs(session) if not any(fnmatchcase(p, s) for s in wanted.skip)]
        if not found:
            return skipped(
                self.name, "the packages have no programs, but for those that their units start"
            )
        chosen = found[:_MOST]
        said, problem = _ask(session, chosen, wanted.arguments)
        if not said and problem:
            return skipped(self.name, f"programs cannot be run in a unit of their own: {problem}")
        findings = [
            finding
            for path, (status, text) in said.items()
            if (finding := _judge(session, path, wanted.arguments, status, text)) is not None
        ]
        notes = [problem] if problem else []
        if (more := len(found) - len(chosen)) > 0:
            notes.append(f"{more} further programs were not run")
        return conclude(
            self.name, started, findings, measurements={"programs": float(len(said))}, notes=notes
        )


def _programs(session: Session) -> list[str]:
    """Programs on the path that the packages ship, and that no unit of theirs starts.

    That those start is seen by their units; many know no `--help`, and would go on.
    """
    found = sorted(path for path in packaged.shipped(session) if _PLACES.match(path))
    units = watch.names(session) if found else []
    if not units:
        return found
    done = session.system.run(
        ["systemctl", "show", "--property=ExecStart", "--", *units], check=False
    )
    started = set(_EXECUTED.findall(done.output))
    return [path for path in found if path not in started]


def _ask(
    session: Session, programs: list[str], arguments: str
) -> tuple[Mapping[str, tuple[int, str]], str]:
    """Program to its status and the end of what it said; and why not all could be run."""
    mark = f"--{secrets.token_hex(8)}"
    each, all_of_them = session.patience(EACH_SECONDS), session.patience(ALL_SECONDS)
    done = session.system.run(
        [*_ALONE, f"--property=RuntimeMaxSec={all_of_them:g}", "--", "sh", "-c", _EACH, "sh", mark,
         f"{each:g}", arguments, *programs],
        merge=True, check=False, timeout=all_of_them + 60,
    )  # fmt: skip
    said = dict(_answers(done.output, mark))
    if f"{mark} end" in done.output:
        return said, ""
    why = f"not all programs were run within {all_of_them:g} s" if said else " ".join(done.tail(1))
    return said, why or f"status {done.returncode}"


def _answers(output: str, mark: str) -> Iterator[tuple[str, tuple[int, str]]]:
    for block in output.split(f"{mark} ")[1:]:
        head, _, text = block.partition("\n")
        status, _, path = head.partition(" ")
        if status.isdigit() and path:
            yield path, (int(status), text.rstrip())


def why_not_begun(status: int, text: str) -> str | None:
    """The line that says that a program could not be begun; None for any other end."""
    if status in {0, 124, 137}:
        return None  # it has answered, or goes on: timeout(1) had to end it
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if _NOT_BEGUN.search(line):
            return line.strip()
        if _OF_CODE.match(line) and _while_reading(lines[:number]):
            return line.strip()
    if status == 127 and lines and _NOT_FOUND.search(lines[-1]):
        return lines[-1].strip()
    return None


def _while_reading(lines: list[str]) -> bool:
    """Whether a traceback of Python ends in a module, and not in one of its functions."""
    frames = [m["where"] for line in lines if (m := _FRAME.match(line))]
    return bool(frames) and frames[-1] == "<module>"


def _judge(session: Session, path: str, arguments: str, status: int, text: str) -> Finding | None:
    tail = tuple(Evidence(text=line) for line in text.splitlines()[-6:])
    again = Command("debwright", "shell", session.context.target, "--booted", "-c",
                    f"{path} {arguments}")  # fmt: skip
    if (why := why_not_begun(status, text)) is not None:
        suggests = any("Suggests" in d.relations for d in session.context.installable)
        return CODES.found(
            "programs/not-started",
            f"{path} does not start: {why[:200]}",
            evidence=(Evidence(file=path, text=why), *(e for e in tail if e.text.strip() != why)),
            fix=again,
            severity=WARNING if suggests else None,
        )
    if (signal := _KILLED.get(status)) is not None:
        return CODES.found(
            "programs/killed",
            f"`{path} {arguments}` is killed by {signal}",
            evidence=(Evidence(file=path, text=f"status {status}"), *tail),
            fix=again,
            emulated=session.system.emulated,
        )
    return None
