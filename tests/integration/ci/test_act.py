"""All three workflows, run job by job."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.ci.conftest import TOP, Ran, Repository
from tests.integration.ci.storage import StorageGithub
from tests.integration.conftest import PROJECTS
from tests.integration.release.test_release import PASSPHRASE, exported
from tests.integration.systems.test_docker import ask
from tests.integration.systems.test_docker import daemon as daemon  # noqa: PLC0414
from tests.kit.github import TOKEN, FakeGithub, serving

from debwright.keys.create import new_key
from debwright.roots.cache import default_cache

pytestmark = pytest.mark.minutes(0.25)

Make = Callable[..., Repository]


@pytest.fixture(scope="module")
def repository(make_repository: Make) -> Repository:
    return make_repository("good")


@pytest.fixture(scope="module")
def run(repository: Repository) -> Ran:
    return repository.ci("build-packages", "--input", "architecture=amd64")


def digests(directory: Path) -> dict[str, str]:
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in directory.rglob("*.deb")}
    assert set(found) == {"pebble_1.0-1_amd64.deb", "pebble-dbgsym_1.0-1_amd64.deb"}
    return found


def test_every_job_of_build_packages(run: Ran) -> None:
    assert run.code == 0, run.said
    assert run.jobs == {"Plan": True, "bookworm-amd64 (bookworm-amd64)": True, "Report": True}
    assert {p.name for p in run.artifact("").iterdir()} == {"packages", "packages-bookworm-amd64"}
    home = run.artifact("packages") / "1.0-1"
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=home, check=False)
    assert done.returncode == 0
    for name in ("report.html", "report.json", "report.md", "junit.xml"):
        assert (home / name).is_file()
    assert json.loads((run.artifact("packages") / "report.sarif").read_text())["runs"]


def test_the_summary_shows_how_each_target_is_built(run: Ran) -> None:
    assert "Targets of this run" in run.summary
    assert "| <code>ubuntu\\-24.04</code> | native |" in run.summary
    assert "native: amd64 is this machine's architecture" in run.summary
    assert (
        hashlib.sha256(
            (run.artifact("packages") / "1.0-1/bookworm-amd64/pebble_1.0-1_amd64.deb").read_bytes()
        ).hexdigest()
        in run.summary
    )


def test_the_same_packages_from_laptop_and_workflow(
    run: Ran, repository: Repository, tmp_path: Path
) -> None:
    """By debwright in the project, and by scripts/build-local.sh."""
    done = repository.debwright("check", "-t", "*-amd64")
    assert done.returncode == 0, done.stdout + done.stderr
    laptop = digests(repository.directory / "dist/1.0-1")
    assert digests(run.artifact("packages")) == laptop
    script = subprocess.run(
        [TOP / "scripts/build-local.sh", "--validate", "--clean", "--arch=amd64",
         f"--output={tmp_path / 'output'}"],
        capture_output=True, text=True, check=False, timeout=1500, stdin=subprocess.DEVNULL,
        env={**os.environ, "DEBWRIGHT_PROJECT": "tests/projects/pebble"},
    )  # fmt: skip
    assert script.returncode == 0, script.stdout[-3000:] + script.stderr[-3000:]
    assert digests(tmp_path / "output") == laptop


def test_the_same_packages_from_a_clean_container(run: Ran, daemon: str, tmp_path: Path) -> None:
    """scripts/build-local.sh --docker, in an image of nothing but Debian."""
    from debwright.config import Config
    from debwright.model.targets import Target
    from debwright.roots.cache import Cache
    from debwright.roots.layers import Roots

    cache = Cache(default_cache())
    cache.prepare()
    layer = Roots(cache, Config()).base(Target("bookworm", "amd64"))
    with layer.in_use():
        archive = tmp_path / "base.tar"
        subprocess.run(
            ["tar", "--create", "--numeric-owner", "--exclude=./dev/*",
             f"--directory={layer.tree}", f"--file={archive}", "."],
            check=True,
        )  # fmt: skip
    assert ask(daemon, "import", str(archive), "debwright-test-clean:1").returncode == 0
    archive.unlink()
    done = subprocess.run(
        [TOP / "scripts/build-local.sh", "--docker", "--validate", "--arch=amd64",
         "--output", tmp_path / "output"],
        capture_output=True, text=True, check=False, timeout=1500,
        env={**os.environ, "DOCKER_HOST": daemon, "DEBWRIGHT_IMAGE": "debwright-test-clean:1",
             "DEBWRIGHT_PROJECT": "tests/projects/pebble"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert digests(tmp_path / "output") == digests(run.artifact("packages"))


@contextmanager
def home_for(cache: Path) -> Iterator[Path]:
    """A directory on the cache's file system, where links to its files can be made."""
    home = Path(tempfile.mkdtemp(prefix="test-", dir=cache.parent))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def linked_cache(since: float, home: Path) -> Path:
    """A cache of its own with the layers that were used `since` then; XDG_CACHE_HOME for it."""
    cache = default_cache()
    for layer in (cache / "layers").glob("*/*"):
        if (layer / "lock").exists() and (layer / "lock").stat().st_mtime >= since:
            there = home / "debwright" / layer.relative_to(cache).parent
            there.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-al", layer, there], check=True)
    return home


def test_every_job_of_a_push_to_main(make_repository: Make, tmp_path: Path) -> None:
    """Roots are kept for later runs, findings are shown, old artifacts are removed."""
    repository = make_repository(
        "pushed", '[release]\nrepository = "example/greeter"\n[workflows]\nkeep_artifacts = 1\n'
    )
    began = time.time()
    assert repository.debwright("check").returncode == 0
    payload = tmp_path / "event.json"
    payload.write_text(json.dumps({"ref": "refs/heads/main"}))
    with serving(StorageGithub()) as hub, home_for(default_cache()) as home:
        for number in (1, 2, 3):
            hub.add(number, "packages")
        repository.environment = {
            "GITHUB_API_URL": hub.url, "GITHUB_TOKEN": TOKEN,
            "XDG_CACHE_HOME": str(linked_cache(began, home)),
        }  # fmt: skip
        run = repository.ci("build-packages", "--event", "push", "--payload", str(payload))
    assert run.code == 0, run.said
    assert run.jobs == {
        "Plan": True, "bookworm-amd64 (bookworm-amd64)": True, "Report": True, "Prune": True,
    }  # fmt: skip
    assert hub.wrong == []
    assert hub.numbers("packages") == [3]
    assert (run.store / "sarif/debwright.sarif").is_file()
    log = [json.loads(line) for line in (run.store / "log.jsonl").read_text().splitlines()
           if line.startswith("{")]  # fmt: skip
    done = {line["step"] for line in log if line.get("stepResult") == "success"}
    assert {"Which roots would do", "Pack the roots", "Keep them for later runs"} <= done
    assert "Unpack them" not in done, "there was no earlier run"
    assert TOKEN not in run.said + (run.store / "log.jsonl").read_text()


EVIL = r"""
all:
	@printf '::error title=pwned::pwned\n##[error]pwned\n'
	@printf '::add-path::/tmp/pwned\n::set-output name=matrix::pwned\n'
	@printf '::stop-commands::x\n::x::\n::endgroup::\n::add-mask::a\n'
	$(CC) -o pebble pebble.c
"""


def test_a_package_that_fails(make_repository: Make) -> None:
    """Code, annotation and summary; and its log, which is full of commands, does nothing."""
    repository = make_repository(
        "failing", Makefile=EVIL, pebble__c="int main(void)\n{\n    return nothing;\n}\n"
    )
    run = repository.ci("build-packages")
    assert run.code == 3, run.said
    assert run.jobs == {"Plan": True, "bookworm-amd64 (bookworm-amd64)": False, "Report": False}
    failed = {job["job"].split("/")[1]: job["failed"] for job in run.result["jobs"]}
    assert failed["Report"][0] == {"step": "One result of all targets", "exit_code": 3}
    told, *_ = [a for a in run.result["annotations"] if a["level"] == "error"]
    assert told["title"] == "bookworm-amd64 build: build/failed"
    assert "pebble.c:3" in told["text"]
    assert "❌" in run.summary
    assert "nothing" in run.summary.split("❌", 1)[1]
    assert run.artifact("packages-bookworm-amd64").is_dir(), "the log is handed over"
    assert not [a for a in run.result["annotations"] if "pwned" in a["title"]]
    log = [json.loads(line) for line in (run.store / "log.jsonl").read_text().splitlines()
           if line.startswith("{")]  # fmt: skip
    obeyed = {line["command"] for line in log if "pwned" in line["msg"] and "command" in line}
    assert obeyed <= {"error", "summary", "ignored"}, obeyed
    assert "ignored" in obeyed, "there was something to be obeyed"


PWNED = Path("/tmp/debwright-pwned")


@pytest.fixture
def unharmed() -> Iterator[None]:
    PWNED.unlink(missing_ok=True)
    yield
    assert not PWNED.exists()


def test_every_job_of_pr_validation_on_a_branch_with_an_evil_name(
    make_repository: Make, unharmed: None, tmp_path: Path
) -> None:
    repository = make_repository(
        "change",
        '\n[[workflows.jobs]]\nname = "lint"\ncommands = ["test -f debwright.toml"]\n',
    )
    base = repository.git("rev-parse", "HEAD")
    branch = f'x";touch${{IFS}}{PWNED};"$(touch${{IFS}}{PWNED})`touch${{IFS}}{PWNED}`'
    repository.git("checkout", "-q", "-b", branch)
    (repository.directory / f"a;touch {PWNED.name}").write_text("x")
    repository.commit(f"feat: $(touch {PWNED}) `touch {PWNED}`")
    payload = tmp_path / "event.json"
    payload.write_text(json.dumps({"pull_request": {
        "number": 7, "title": f"$(touch {PWNED})",
        "head": {"ref": branch, "sha": repository.git("rev-parse", "HEAD")},
        "base": {"ref": "main", "sha": base},
    }}))  # fmt: skip
    run = repository.ci("pr-validation", "--event", "pull_request", "--payload", str(payload))
    assert run.code == 0, run.said
    assert run.jobs == {
        "Plan": True, "Workflows": True, "Lint": True, "bookworm-amd64 (bookworm-amd64)": True,
    }  # fmt: skip
    assert "The change touches" in run.summary


def test_main_gets_the_full_validation(make_repository: Make, tmp_path: Path) -> None:
    """And no package: that is build-packages.yml's there."""
    repository = make_repository(
        "main",
        '\n[[workflows.jobs]]\nname = "lint"\ncommands = ["true"]\n'
        'full = ["echo this is all of it; exit 9"]\n',
    )
    payload = tmp_path / "event.json"
    payload.write_text(json.dumps({"ref": "refs/heads/main"}))
    run = repository.ci("pr-validation", "--event", "push", "--payload", str(payload))
    assert run.code == 4, run.said
    assert run.jobs == {"Workflows": True, "Lint": False}
    assert "this is all of it" in run.said


def test_inputs_are_only_text(repository: Repository, unharmed: None) -> None:
    text = f"$(touch {PWNED})`touch {PWNED}`\";touch {PWNED};\"';touch {PWNED};'"
    run = repository.ci("build-packages", "--input", f"architecture={text}")
    assert run.code == 2, run.said
    assert run.jobs["Plan"] is False


@pytest.fixture(scope="module")
def maintained(
    make_repository: Make, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Repository, FakeGithub]]:
    """A project with a signing key, on a GitHub."""
    home = tmp_path_factory.mktemp("keys") / "gnupg"
    key = new_key(
        home, "Pebble <pebble@example.org>", algorithm="ed25519", days=100,
        passphrase=PASSPHRASE.encode(),
    )  # fmt: skip
    secret = exported(home, "--export-secret-keys")
    repository = make_repository(
        "release",
        f'\n[signing]\nkey = "{key.fingerprint}"\nkey_env = "PEBBLE_KEY"\n'
        'passphrase_env = "PEBBLE_PASS"\n[release]\nrepository = "example/greeter"\n',
    )
    config = repository.directory / "debwright.toml"
    text = config.read_text().replace('"changelog"', '"git"\nexclude = ["data/*"]')
    config.write_text(f'{text}\n[[companions]]\nsource = "data"\n')
    data = repository.directory / "data"
    shutil.copytree(PROJECTS / "lexicon/lexicon-data", data)
    (data / "debwright.toml").write_text(
        '[package]\nversion_from = "changelog"\n[checks]\nlintian = "off"\ndependencies = "off"\n'
    )
    assert repository.debwright("workflows", "sync").returncode == 0
    repository.commit("feat: versions are tags")
    with serving(FakeGithub()) as hub:
        repository.environment = {
            "GITHUB_API_URL": hub.url, "GITHUB_TOKEN": TOKEN, "PEBBLE_KEY": secret,
            "PEBBLE_PASS": PASSPHRASE,
        }  # fmt: skip
        yield repository, hub
    assert hub.wrong == []


def tag(repository: Repository, hub: FakeGithub, name: str) -> None:
    repository.git("tag", "-a", "-m", name, name)
    hub.tags[name] = repository.git("rev-parse", f"refs/tags/{name}")


def test_every_job_of_the_release(
    maintained: tuple[Repository, FakeGithub], tmp_path: Path
) -> None:
    repository, hub = maintained
    tag(repository, hub, "v1.2.0")
    payload = tmp_path / "event.json"
    payload.write_text(json.dumps({"ref": "refs/tags/v1.2.0"}))
    run = repository.ci("release", "--event", "push", "--payload", str(payload))
    assert run.code == 0, run.said
    assert {name.split("/")[-1]: ok for name, ok in run.jobs.items()} == {
        "Preflight": True, "Plan": True, "bookworm-amd64 (bookworm-amd64)": True, "Report": True,
        "Attest bookworm-amd64 (bookworm-amd64)": True, "Draft": True,
    }  # fmt: skip
    built = run.artifact("packages") / "1.2.0-1/bookworm-amd64/pebble_1.2.0-1_amd64.deb"
    released = hub.files_of("v1.2.0")
    assert released[built.name] == built.read_bytes(), "what was checked is what is released"
    assert "SHA256SUMS.asc" in released
    assert hub.draft_of("v1.2.0")["draft"] is True
    records = [p.read_text() for p in (run.store / "attestations").iterdir()]
    data = "lexicon-data_3.1_all.deb"
    for name in (built.name, data):
        digest = hashlib.sha256(released[name]).hexdigest()
        of_it = [text for text in records if digest in text]
        assert sorted("sbom " in text for text in of_it) == [False, True], name
    assert len(records) == 4
    everything = run.said + (run.store / "log.jsonl").read_text() + run.summary
    for hidden in (PASSPHRASE, *repository.environment["PEBBLE_KEY"].splitlines()[2:8]):
        assert hidden not in everything


def test_a_preflight_that_fails_builds_nothing(
    maintained: tuple[Repository, FakeGithub], unharmed: None
) -> None:
    repository, hub = maintained
    tag(repository, hub, "v1.3.0")
    repository.git("tag", f"v1.3.1;touch${{IFS}}{PWNED}")
    for name in ("v1.3.0", f"v1.3.1;touch${{IFS}}{PWNED}"):
        sent = len(hub.releases)
        run = repository.ci("release", "--input", f"tag={name}")
        assert run.code != 0
        assert not any("Plan" in job for job in run.jobs), run.jobs
        assert len(hub.releases) == sent
        if name == "v1.3.0":
            assert "the changelog of v1.3.0 would be empty" in run.said
