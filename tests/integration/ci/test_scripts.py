"""scripts/build-local.sh as a person types it; what is tried again when the network fails."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.integration.ci.conftest import TOP

from debwright.ci.context import context_of
from debwright.ci.sync import sync
from debwright.config import load

pytestmark = pytest.mark.minutes(0.1)

SETUP = ".github/actions/debwright/setup.sh"

DEAD = "http://127.0.0.1:9/"
"""Nobody listens there: the network as it is when it is not."""


def build(project: str, output: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOP / "scripts/build-local.sh", "--output", output, *arguments], capture_output=True,
        text=True, check=False, timeout=1500, stdin=subprocess.DEVNULL,
        env={**os.environ, "DEBWRIGHT_PROJECT": f"tests/projects/{project}"},
    )  # fmt: skip


def test_a_build_that_fails_exits_with_3(tmp_path: Path) -> None:
    done = build("broken/failing-build", tmp_path / "out", "--validate", "--arch=amd64")
    assert done.returncode == 3, done.stdout[-3000:] + done.stderr[-3000:]
    assert list((tmp_path / "out").glob("*/report.html")), "the report is where it was wanted"


@pytest.mark.parametrize("project", ["broken/bad-config", "pebble"])
def test_what_the_project_does_not_have_exits_with_2(tmp_path: Path, project: str) -> None:
    """A wrong configuration; an architecture that is not among the project's targets."""
    done = build(project, tmp_path / "out", "--validate", "--arch=arm64")
    assert done.returncode == 2, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture
def no_pause(tmp_path: Path) -> Path:
    """A directory for PATH whose `sleep` only writes down for how long it was asked to."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sleep").write_text(f'#!/bin/sh\necho "$1" >>"{tmp_path}/pauses"\n')
    (programs / "sleep").chmod(0o755)
    return programs


def pauses(tmp_path: Path) -> list[int]:
    path = tmp_path / "pauses"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.mark.skipif(os.geteuid() != 0, reason="apt installs as root only")
@pytest.mark.parametrize(
    ("sources", "expected"), [(f"deb {DEAD} stable main\n", [5, 10]), ("", [])]
)
def test_apt_is_asked_again_when_the_network_failed(
    tmp_path: Path, no_pause: Path, sources: str, expected: list[int]
) -> None:
    """The real apt, whose archive cannot be reached, or which knows of no such package."""
    for name in ("lists/partial", "cache/archives/partial", "parts"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "sources.list").write_text(sources)
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{tmp_path}/sources.list";\n'
        f'Dir::Etc::SourceParts "{tmp_path}/parts";\n'
        f'Dir::State::Lists "{tmp_path}/lists";\nDir::Cache "{tmp_path}/cache";\n'
        'Acquire::Retries "0";\nAcquire::http::Proxy "DIRECT";\n'
    )
    done = subprocess.run(
        ["bash", "-c", f'. "{TOP}/scripts/lib/setup.sh"; install_packages no-such-package'],
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "APT_CONFIG": str(tmp_path / "apt.conf"),
             "PATH": f"{no_pause}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "apt could not install: no-such-package" in done.stderr
    assert pauses(tmp_path) == expected, done.stderr


@pytest.mark.parametrize(
    ("install", "expected"), [("no-such-package==1.0", [10, 20]), ("no-such-directory", [])]
)
def test_pip_is_asked_again_when_the_network_failed(
    tmp_path: Path, no_pause: Path, install: str, expected: list[int]
) -> None:
    """The action that installs debwright, as it is written for a project."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "debwright.toml").write_text(
        f'[workflows]\ninstall = "{install}"\nrequirements = ["lock.txt"]\n'
    )
    lock = f"{install} --hash=sha256:{'0' * 64}\n" if "==" in install else ""
    (project / "lock.txt").write_text(lock)
    subprocess.run(["git", "init", "-q", project], check=True)
    sync(*context_of(load(project)))
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    done = subprocess.run(
        [project / SETUP], capture_output=True, text=True, check=False, timeout=300,
        env={**environment, "PATH": f"{no_pause}:{os.environ['PATH']}",
             "RUNNER_TEMP": str(tmp_path), "GITHUB_WORKSPACE": str(project),
             "GITHUB_PATH": str(tmp_path / "path"), "PIP_INDEX_URL": DEAD, "PIP_RETRIES": "1",
             "PIP_CONFIG_FILE": "/dev/null"},
    )  # fmt: skip
    assert done.returncode == 5, done.stdout + done.stderr
    assert pauses(tmp_path) == expected, done.stdout + done.stderr
    assert not (tmp_path / "path").exists(), "nothing is put on the PATH that is not there"


def test_the_action_installs_this_repository(tmp_path: Path) -> None:
    """As on GitHub, where no other debwright is there; and all it needs is in the lock files."""
    done = subprocess.run(
        [TOP / SETUP], capture_output=True, text=True, check=False, timeout=900,
        env={**os.environ, "RUNNER_TEMP": str(tmp_path), "GITHUB_WORKSPACE": str(TOP),
             "GITHUB_PATH": str(tmp_path / "path")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    programs = Path((tmp_path / "path").read_text().strip())
    assert programs.is_relative_to(tmp_path)
    for command in (
        [str(programs / "debwright"), "-C", str(TOP), "workflows", "check"],
        [str(programs.parent / "venv/bin/python"), "-m", "pip", "check"],
    ):
        told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert told.returncode == 0, told.stdout + told.stderr


# A build backend that needs nothing (PEP 517), and writes a wheel with one program.
BACKEND = """\
import zipfile
def build_wheel(directory, settings=None, metadata=None):
    name, info = "debwright-1.0-py3-none-any.whl", "debwright-1.0.dist-info"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        wheel.writestr("debwright.py", "def main():\\n    print('it is this one')\\n")
        for file, lines in {
            "METADATA": ("Metadata-Version: 2.1", "Name: debwright", "Version: 1.0"),
            "WHEEL": ("Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any"),
            "entry_points.txt": ("[console_scripts]", "debwright = debwright:main"),
            "RECORD": (),
        }.items():
            wheel.writestr(f"{info}/{file}", "".join(f"{line}\\n" for line in lines))
    return name
"""
TREE = {
    "made.py": BACKEND,
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "made"\n'
    'backend-path = ["."]\n',
    "requirements/tools.txt": "",
    "requirements/run.txt": "",
}


def test_a_commit_is_installed_with_its_own_lock_files(tmp_path: Path) -> None:
    server, project = tmp_path / "server", tmp_path / "project"
    for path, text in TREE.items():
        (server / path).parent.mkdir(parents=True, exist_ok=True)
        (server / path).write_text(text)
    git = ["git", "-C", str(server), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    project.mkdir()
    address = "https://forge.example/debwright"
    (project / "debwright.toml").write_text(f'[workflows]\ninstall = "git+{address}@{commit}"\n')
    subprocess.run(["git", "init", "-q", project], check=True)
    sync(*context_of(load(project)))
    done = subprocess.run(
        [project / SETUP], capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "RUNNER_TEMP": str(tmp_path), "GITHUB_WORKSPACE": str(project),
             "GITHUB_PATH": str(tmp_path / "path"), "GIT_CONFIG_COUNT": "1",
             "GIT_CONFIG_KEY_0": f"url.file://{server}.insteadOf", "GIT_CONFIG_VALUE_0": address},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "it is this one" in done.stdout
