"""What others think of the workflows that debwright writes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.integration.ci.conftest import TOP, Repository, tool
from tests.integration.conftest import PROJECTS
from tests.kit.installing import with_install

from debwright.ci.context import context_of
from debwright.ci.provider import provider_named
from debwright.ci.sync import wanted_files
from debwright.config import load

CONFIGS = {
    "plain": "",
    "all": """
[signing]
key = "6C43B96CE05479C89FFD561C3EA65BF54C7A49BC"
key_env = "SIGNING_KEY"
passphrase_env = "SIGNING_PASSPHRASE"
[repository]
url = "https://example.github.io/greeter"
[repository.pages]
remote = "origin"
[notify.webhook]
url_env = "CHAT_URL"
[workflows]
main = "trunk"
arm64 = "native"
environment = "production"
metrics = true
install = "."
requirements = ["requirements.lock"]
retention_days = 7
[[workflows.jobs]]
name = "lint"
commands = ["make lint"]
[[workflows.jobs]]
name = "all-tests"
commands = ["make test"]
full = ["make test-all"]
minutes = 90
""",
    "few": "[workflows]\ncode_scanning = false\narm64 = 'emulated'\n",
}


@pytest.fixture(params=["repository", "init", *CONFIGS])
def top(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """This repository; a service that was scaffolded; a project with one of the configurations."""
    if request.param == "repository":
        return TOP
    directory = tmp_path / "project"
    if request.param == "init":
        shutil.copytree(PROJECTS / "plain-service", directory)
        made = Repository(directory).debwright("init")
        assert made.returncode == 0, made.stderr
    else:
        directory.mkdir()
        (directory / "debwright.toml").write_text(CONFIGS[request.param])
        (directory / "requirements.lock").write_text("")
    config = directory / "debwright.toml"
    config.write_text(with_install(config.read_text()))
    made = Repository(directory).debwright("workflows", "sync")
    assert made.returncode == 0, made.stderr
    Repository(directory).git("init", "-q")
    return directory


def judged(top: Path, *command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=top, capture_output=True, text=True, check=False,
        env={**os.environ, "ZIZMOR_OFFLINE": "true", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_no_linter_has_anything_to_say(top: Path) -> None:
    files = sorted(top.glob(".github/workflows/*.yml"))
    # This repository has two more, for debwright itself and suites; a project with a store, too.
    stored = "[repository.pages]" in (top / "debwright.toml").read_text()
    assert len(files) == (6 if stored else 5 if top == TOP else 3)
    _, context = context_of(load(top))
    written = [top / file.path for file in wanted_files(context)]
    # actionlint looks into scripts with the shellcheck that it finds.
    with_tools = f"{Path(tool('shellcheck')).parent}:{os.environ['PATH']}"
    for name, *arguments in provider_named(context.settings.provider).linters(written):
        said = judged(top, tool(str(name)), *arguments, PATH=with_tools)
        # Without a finding its exit code is 0; every severity counts.
        assert name != "zizmor" or "No findings to report" in said


def test_a_linter_would_have_something_to_say(tmp_path: Path) -> None:
    """That they are silent means something."""
    (tmp_path / "debwright.toml").write_text(with_install(""))
    repository = Repository(tmp_path)
    repository.git("init", "-q")
    repository.debwright("workflows", "sync")
    path = tmp_path / ".github/workflows/build-packages.yml"
    text = path.read_text()
    path.write_text(text.replace('-t "$TARGET"', "-t ${{ github.head_ref }}"))
    assert path.read_text() != text
    for argv in ([tool("actionlint")], [tool("zizmor"), "--offline", "-q", ".github"]):
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode != 0, done.stdout


def test_the_quick_script_finds_nothing_dangerous_here() -> None:
    """It knew no exception of the configuration once, and so failed for everybody."""
    judged(TOP, TOP / "scripts/test-quick.sh", "--security")


def test_the_stand_ins_are_actions() -> None:
    directory = TOP / "src/debwright/ci/providers/github/stand_ins"
    judged(
        directory, tool("check-jsonschema"), "--builtin-schema", "vendor.github-actions",
        *sorted(directory.rglob("action.yml")),
    )  # fmt: skip
