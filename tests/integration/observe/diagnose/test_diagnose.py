"""A build that fails for real: its diagnosis, the shell where it broke, and the issue of it."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.conftest import PROJECTS, Debwright
from tests.integration.observe.metrics.server import MetricsGithub
from tests.kit.github import TOKEN, serving

from debwright.host.prompt import prompt_script

pytestmark = pytest.mark.minutes(0.2)


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Debwright:
    """A project whose build has failed."""
    directory = tmp_path_factory.mktemp("diagnose") / "failing-build"
    shutil.copytree(PROJECTS / "broken/failing-build", directory)
    debwright = Debwright(directory)
    assert debwright("build", "-t", "bookworm-amd64").code == 3
    return debwright


def test_a_failed_build_diagnoses_itself(failed: Debwright) -> None:
    (path,) = failed.directory.glob("dist/*/report.json")
    (target,) = json.loads(path.read_text())["targets"]
    told = target["stages"][0]["details"]["diagnosis"]
    assert told["problems"][0]["code"] == 1102
    assert told["reproduce"]["command"] == "debwright shell bookworm-amd64 --failed"
    log = (path.parent / "bookworm-amd64/build.log").read_text().splitlines()
    line = told["problems"][0]["evidence"][0]
    assert line["text"] in log[line["number"] - 1]
    assert "diagnosis/1102" in (path.parent / "report.html").read_text()


def test_the_shell_stands_where_it_broke(failed: Debwright, tmp_path: Path) -> None:
    asked = ("pwd; id -u; test -f hello.c && echo unpacked; "
             "dpkg-buildpackage -us -uc -b 2>&1 | grep -c 'greeting. undeclared'")  # fmt: skip
    here = failed("shell", "bookworm-amd64", "--failed", "-c", asked)
    assert here.output.split() == ["/build/failing-build-1.0", "1234", "unpacked", "1"]
    packed = shutil.make_archive(str(tmp_path / "artifact"), "zip", failed.directory / "dist")
    (tmp_path / "empty").mkdir()
    shutil.copy(failed.directory / "debwright.toml", tmp_path / "empty")
    elsewhere = Debwright(tmp_path / "empty")
    there = elsewhere("shell", "bookworm-amd64", "--failed", "--from", packed, "-c", asked)
    assert there.output.split() == here.output.split()
    unknown = failed("shell", "bookworm-arm64", "--failed")
    assert unknown.code == 2
    assert "there are failures of bookworm-amd64" in unknown.said


def test_the_command_is_at_the_prompt(tmp_path: Path) -> None:
    """A terminal's answer to the state question makes readline show the command; Enter runs it."""
    script = tmp_path / "prompt"
    command = "printf '%s' \"made at the \\prompt\""
    script.write_text(prompt_script(command))
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("bash", ["bash", "--noprofile", "--rcfile", str(script), "-i"])  # noqa: S606
    said, until, sent = b"", time.monotonic() + 60, False
    while b"made at the \\prompt" not in said.replace(command.encode(), b""):
        assert time.monotonic() < until, said
        if select.select([terminal], [], [], 0.2)[0]:
            said += os.read(terminal, 4096)
        if b"\x1b[5n" in said and not sent:
            os.write(terminal, b"\x1b[0n\r")
            sent = True
    os.write(terminal, b"\x04")
    os.close(terminal)
    os.waitpid(child, 0)


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[MetricsGithub]:
    with serving(MetricsGithub()) as served:
        assert isinstance(served, MetricsGithub)
        monkeypatch.setenv("GITHUB_API_URL", served.url)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        yield served
        assert served.wrong == []


def test_one_issue_for_each_fingerprint(failed: Debwright, github: MetricsGithub) -> None:
    asked = ("diagnose", "--issue", "--repository", "example/greeter")
    first = failed(*asked)
    assert "filed issue" in first.output, first.said
    (issue,) = github.issues.values()
    assert "1102" in issue["title"]
    assert "debwright shell bookworm-amd64 --failed" in issue["body"]
    assert "updated issue" in failed(*asked).output
    issue["state"] = "closed"
    assert "updated issue" in failed(*asked).output
    assert len(github.issues) == 1
    assert issue["state"] == "open"
    assert len(github.comments) == 2


def test_standard_input_and_what_is_not_there(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "debwright", "-C", str(tmp_path), "diagnose"]
    done = subprocess.run(
        [*argv, "-", "--json"], input=b"E: Unable to locate package gizmo\n", capture_output=True,
        check=True,
    )  # fmt: skip
    (found,) = json.loads(done.stdout)["diagnoses"]
    assert found["problems"][0]["code"] == 1050
    piped = subprocess.run(
        ["bash", "-c", '"$@" <(echo "E: Unable to locate package gizmo")', "bash", *argv],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "no archive has the package gizmo" in piped.stdout
    missing = subprocess.run([*argv, "nothing"], capture_output=True, text=True, check=False)
    assert missing.returncode == 2
    assert "there is no log and no run nothing" in missing.stderr
