"""Companions: which are accepted, what they are built on, and what is taken over from before."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debwright.checks.files.lintian import Lintian
from debwright.config import load
from debwright.host.files import SETTLED_SECONDS, sha256_file
from debwright.model.errors import ConfigError, DebwrightError
from debwright.model.events import Silent
from debwright.model.results import CompanionResult, RunResult, StageResult, Status, TargetResult
from debwright.model.suites import oldest_first
from debwright.model.targets import HostFacts
from debwright.observe.report.html import render as render_html
from debwright.observe.report.markdown import render as render_markdown
from debwright.observe.report.view import failures, verdict
from debwright.observe.report.write import model_json
from debwright.pipeline.companions import plan_companions
from debwright.pipeline.finished import FinishedStages
from debwright.pipeline.plan import Plan
from debwright.pipeline.planning import make_plan
from debwright.pipeline.run import exit_code
from debwright.pipeline.stages.base import Job
from debwright.pipeline.stages.companion import adopt, companion_job, companion_packages, finished
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.systems.ssh import SshSystem
from debwright.systems.ssh.connection import Address
from debwright.systems.vm import VmSystem

LEXICON = Path(__file__).parents[2] / "projects/lexicon"
HOST = HostFacts(arch="amd64")


@pytest.fixture
def product(tmp_path: Path) -> Path:
    shutil.copytree(LEXICON, tmp_path / "work")
    return tmp_path / "work/lexicon"


def companions(product: Path) -> Plan:
    (found,) = plan_companions(load(product), "lexicon", HOST)
    return found.plan


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_companion_is_planned_for_the_oldest_suite_with_its_own_version(product: Path) -> None:
    plan = companions(product)
    assert (plan.package, plan.version_text) == ("lexicon-data", "3.1")
    assert [str(t.target) for t in plan.targets] == ["bookworm-amd64"]
    assert plan.targets[0].build_all
    assert plan.version_for("bookworm") == "3.1", "no suffix: the same file is in every suite"
    assert plan.config.section(Lintian).pedantic, "its own debwright.toml counts"


def test_all_configured_suites_count_and_not_those_asked_for(product: Path) -> None:
    plan = make_plan(product, patterns=["trixie-*"])
    (companion,) = plan.companions
    assert str(companion.root.target) == "bookworm-amd64"


def test_a_suite_for_another_architecture_alone_is_built_natively(product: Path) -> None:
    edit(product / "debwright.toml", '"bookworm-amd64", "trixie-amd64"', '"bookworm-arm64"')
    assert str(companions(product).targets[0].target) == "bookworm-amd64"


def test_the_age_of_suites() -> None:
    names = ["sid", "trixie", "jammy", "bookworm", "own", "noble", "bullseye", "jammy"]
    wanted = ["bullseye", "jammy", "bookworm", "noble", "trixie", "own", "sid"]
    assert oldest_first(names) == wanted


def without_directory(product: Path) -> None:
    shutil.rmtree(product.parent / "lexicon-data")


def without_debian(product: Path) -> None:
    shutil.rmtree(product.parent / "lexicon-data/debian")


def of_any(product: Path) -> None:
    edit(product.parent / "lexicon-data/debian/control", "Architecture: all", "Architecture: any")


def without_package(product: Path) -> None:
    control = product.parent / "lexicon-data/debian/control"
    control.write_text(control.read_text().split("\n\n")[0] + "\n")


def twice(product: Path) -> None:
    with (product / "debwright.toml").open("a") as file:
        file.write('\n[[companions]]\nsource = "../lexicon-data/."\n')


def itself(product: Path) -> None:
    edit(product / "debwright.toml", "../lexicon-data", ".")


def nested(product: Path) -> None:
    with (product.parent / "lexicon-data/debwright.toml").open("a") as file:
        file.write('\n[[companions]]\nsource = "../lexicon"\n')


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_directory, "there is no directory"),
        (without_debian, "there is no debian/control"),
        (of_any, "is not of architecture all"),
        (without_package, "is not of architecture all"),
        (twice, "is there already"),
        (itself, "has companions of its own"),
        (nested, "has companions of its own"),
    ],
)
def test_what_cannot_be_a_companion_is_refused(
    product: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(product)
    with pytest.raises(DebwrightError) as caught:
        companions(product)
    assert said in caught.value.what
    assert caught.value.exit_code == 2
    assert caught.value.fix


def test_a_configuration_found_above_is_not_the_companions_own(product: Path) -> None:
    """A companion below its product would otherwise be told of itself."""
    (product.parent / ".git").mkdir()
    (product.parent / "lexicon-data/debwright.toml").unlink()
    shutil.copy(product / "debwright.toml", product.parent)
    assert not companions(product).config.section(Lintian).pedantic


def test_a_companion_may_carry_a_wheelhouse_for_the_one_target_it_is_built_on(
    product: Path,
) -> None:
    data = product.parent / "lexicon-data"
    with (data / "debwright.toml").open("a") as file:
        file.write('\n[wheelhouse]\nlock = "requirements.lock"\n')
    (data / "requirements.lock").write_text(f"words==1.0 --hash=sha256:{'0' * 64}\n")
    plan = companions(product)
    assert plan.wheelhouse is not None
    assert [i.name for i in plan.wheelhouse.interpreters] == ["amd64/3.11"]


def test_a_table_without_a_source_is_refused_with_its_line(product: Path) -> None:
    edit(product / "debwright.toml", "source =", "path =")
    with pytest.raises(ConfigError) as caught:
        load(product)
    assert any(e.line for e in caught.value.evidence)


def test_a_companion_is_not_checked_on_a_machine_of_another_kind(product: Path) -> None:
    """A board on the desk is for arm64; the companion is built, and checked, on this machine."""
    whole = job(product)
    board = replace(whole, environment=SshSystem(Address.parse("ssh://pi@board")))
    virtual = replace(whole, environment=VmSystem())
    (companion,) = whole.plan.companions
    assert companion_job(board, companion).environment.kind == "nspawn"
    assert companion_job(virtual, companion).environment.kind == "vm"


# -- what an earlier version had


def job(product: Path, *, force: bool = False) -> Job:
    plan = make_plan(product)
    roots = Roots(Cache(product.parent / "cache"), plan.config)
    return Job(plan, product / "dist", roots, Silent(), force=force)


def built(product: Path) -> Job:
    """The companion's job with results, as the stages leave them."""
    whole = job(product)
    child = companion_job(whole, whole.plan.companions[0])
    directory = child.directory(child.plan.targets[0])
    directory.mkdir(parents=True)
    (directory / "lexicon-data_3.1_all.deb").write_text("package")
    (directory / "build.log").write_text("log")
    log = str((directory / "build.log").relative_to(child.dist))
    result = StageResult(stage="build", status=Status.PASSED, details={"log": log})
    FinishedStages(directory).write(
        "build", {"a": 1}, [directory / "lexicon-data_3.1_all.deb"], result
    )
    finished(child)
    return child


def next_version(product: Path) -> None:
    edit(product / "debian/changelog", "lexicon (1.2)", "lexicon (1.3)")


def test_an_unchanged_companion_is_taken_over_from_the_version_before(product: Path) -> None:
    earlier = built(product)
    next_version(product)
    whole = job(product)
    child = companion_job(whole, whole.plan.companions[0])
    assert child.home != earlier.home
    assert companion_packages(whole) == []
    adopt(child)
    (deb,) = companion_packages(whole)
    assert deb == product / "dist/1.3/companions/lexicon-data/bookworm-amd64" / deb.name
    record = FinishedStages(deb.parent).find("build", {"a": 1})
    assert record is not None
    assert record.result.details.log == str(
        (deb.parent / "build.log").relative_to(product / "dist")
    )
    before = FinishedStages(earlier.home / "bookworm-amd64").find("build", {"a": 1})
    assert before is not None
    assert (before.result.details.log or "").startswith("1.2/")


@pytest.mark.parametrize("change", ["source", "version", "unfinished", "force", "there"])
def test_what_has_changed_is_not_taken_over(product: Path, change: str) -> None:
    earlier = built(product)
    next_version(product)
    if change == "source":
        (product.parent / "lexicon-data/words.txt").write_text("wing: other\n")
    elif change == "version":
        edit(product.parent / "lexicon-data/debian/changelog", "(3.1)", "(3.2)")
    elif change == "unfinished":
        (earlier.home / "companion.key").unlink()
    whole = job(product, force=change == "force")
    child = companion_job(whole, whole.plan.companions[0])
    if change == "there":
        child.home.mkdir(parents=True)
    adopt(child)
    assert companion_packages(whole) == []


# -- reports


def a_run(status: Status) -> RunResult:
    stage = StageResult(stage="build", status=status, details={"exit_code": 3})
    companion = CompanionResult(
        target="lexicon-data", version="3.1", root="bookworm-amd64", source="../lexicon-data",
        strategy="native", strategy_reason="companion from ../lexicon-data", stages=(stage,),
    )  # fmt: skip
    ok = StageResult(stage="build", status=Status.PASSED)
    target = TargetResult(
        target="bookworm-amd64", strategy="native", strategy_reason="x", stages=(ok,)
    )
    return RunResult(
        debwright="0", package="lexicon", version="1.2", started=datetime.now(UTC), seconds=1,
        host="amd64", companions=(companion,), targets=(target,),
    )  # fmt: skip


def test_a_companion_that_failed_fails_the_run_and_is_named() -> None:
    result = a_run(Status.FAILED)
    assert not result.ok
    assert exit_code(result) == 3
    assert verdict(result).headline == "The companion lexicon-data failed"
    (failure,) = failures(result)
    assert failure.reproduce == "debwright build"
    assert failure.inspect == "debwright -C ../lexicon-data shell bookworm-amd64"
    for text in (render_html(result), render_markdown(result), model_json(result)):
        assert "lexicon" in text
        assert "data" in text


def test_a_companion_does_not_count_as_a_target() -> None:
    result = a_run(Status.PASSED)
    assert verdict(result).headline == "The target passed"
    assert RunResult.model_validate_json(model_json(result)) == result


# -- the digest that is remembered


def test_a_file_that_changes_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    now = path.stat().st_ctime + SETTLED_SECONDS + 1
    monkeypatch.setattr("debwright.host.files.time.time", lambda: now)
    first = sha256_file(path)
    assert sha256_file(path) == first
    path.write_text("other")
    assert sha256_file(path) != first
    path.unlink()
    with pytest.raises(FileNotFoundError):
        sha256_file(path)


def test_a_file_changed_just_now_is_read_every_time(tmp_path: Path) -> None:
    """Two writes within one tick of the file system's clock leave the same times."""
    path = tmp_path / "file"
    digests = set()
    for number in range(20):
        path.write_text(str(number % 10))
        digests.add(sha256_file(path))
    assert len(digests) == 10
