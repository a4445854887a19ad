"""One result of several: what is taken over, and what is not."""

import hashlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.kit.commands import invoke
from tests.kit.stages import Heard

from debwright.ci.collect import collected_result
from debwright.cli.collect import collect_results
from debwright.cli.common import Options
from debwright.model.errors import CheckError, DebwrightError, UsageError
from debwright.model.results import Artifact, RunResult, StageResult, Status, TargetResult
from debwright.pipeline.planning import make_plan
from debwright.pipeline.stages.base import Job
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots

TARGETS = ("bookworm-amd64", "bookworm-arm64")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    tree = tmp_path / "demo"
    (tree / "debian/source").mkdir(parents=True)
    (tree / "debian/source/format").write_text("3.0 (native)\n")
    (tree / "debian/control").write_text(
        "Source: demo\nMaintainer: A <a@example.org>\n\nPackage: demo\nArchitecture: any\n"
        "Description: d\n"
    )
    (tree / "debian/changelog").write_text(
        "demo (1.0) unstable; urgency=medium\n\n  * First.\n\n"
        " -- A <a@example.org>  Mon, 02 Nov 2026 10:00:00 +0000\n"
    )
    (tree / "debian/rules").write_text("")
    (tree / "debwright.toml").write_text(
        '[package]\nversion_from = "changelog"\n'
        '[targets]\nbuild = ["bookworm-amd64", "bookworm-arm64"]\n'
    )
    return tree


def job(
    results: Path, target: str, files: dict[str, bytes], *, failed: int = 0, version: str = "1.0",
    package: str = "demo", commit: str | None = None,
) -> Path:  # fmt: skip
    """What the job of one target leaves."""
    dist = results / f"packages-{target}"
    home = dist / version / target
    home.mkdir(parents=True, exist_ok=True)
    artifacts = []
    for name, content in files.items():
        (home / name).write_bytes(content)
        artifacts.append(
            Artifact(
                path=f"{version}/{target}/{name}",
                kind="deb",
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
            )
        )
    stage = StageResult(
        stage="build", status=Status.FAILED if failed else Status.PASSED,
        details={"exit_code": failed} if failed else {},
    )  # fmt: skip
    write(
        dist / version / "report.json",
        RunResult(
            debwright="1", package=package, version=version, started=datetime.now(UTC), seconds=3,
            host="amd64 debian 12", commit=commit,
            targets=(
                TargetResult(
                    target=target, strategy="native", strategy_reason="it is so", stages=(stage,),
                    artifacts=tuple(artifacts),
                ),
            ),
        ),
    )  # fmt: skip
    return dist


def write(path: Path, result: RunResult) -> None:
    path.write_text(result.model_dump_json())


def run(project: Path, results: Path, arch: str = "all") -> int:
    options = Options(directory=project, json=True)
    arguments = ["--arch", arch, str(results)]
    return int(invoke(collect_results, options, *arguments))


def test_all_targets_become_one_result(project: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    for target in TARGETS:
        job(results, target, {f"demo_1.0_{target}.deb": target.encode(), "demo_1.0_all.deb": b"a"})
    assert run(project, results) == 0
    home = project / "dist/1.0"
    result = RunResult.model_validate_json((home / "report.json").read_bytes())
    assert [t.target for t in result.targets] == list(TARGETS)
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=home, check=False)
    assert done.returncode == 0
    for name in ("report.html", "report.md", "junit.xml", "report.sarif"):
        assert (home / name).is_file()
    assert (project / "dist/report.sarif").read_bytes() == (home / "report.sarif").read_bytes()


def test_the_machine_that_collects_need_not_be_able_to_build(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its runner has no QEMU, and Raspberry Pi OS cannot be built otherwise."""
    monkeypatch.setattr("debwright.host.machine.emulation_problem", lambda _: "no interpreter")
    config = project / "debwright.toml"
    config.write_text(config.read_text().replace("bookworm-arm64", "raspios-bookworm-arm64"))
    for target in (TARGETS[0], "raspios-bookworm-arm64"):
        job(tmp_path / "r", target, {f"{target}.deb": b"a"})
    assert run(project, tmp_path / "r") == 0


def test_a_single_job_is_put_straight_into_the_directory(project: Path, tmp_path: Path) -> None:
    """So does actions/download-artifact with the one match of its pattern."""
    config = project / "debwright.toml"
    config.write_text(config.read_text().replace(', "bookworm-arm64"', ""))
    assert run(project, job(tmp_path / "r", TARGETS[0], {"a.deb": b"a"})) == 0
    assert (project / "dist/1.0" / TARGETS[0] / "a.deb").is_file()


def test_a_failed_target_fails_the_whole_with_its_code(project: Path, tmp_path: Path) -> None:
    job(tmp_path / "r", TARGETS[0], {"a.deb": b"a"})
    job(tmp_path / "r", TARGETS[1], {}, failed=3)
    assert run(project, tmp_path / "r") == 3
    assert (project / "dist/1.0" / TARGETS[0] / "a.deb").is_file(), "what was built is handed over"


def test_a_target_without_a_result_has_failed(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job(tmp_path / "r", TARGETS[0], {"a.deb": b"a"})
    assert run(project, tmp_path / "r") == 5
    assert "there is no result of bookworm-arm64" in capsys.readouterr().out
    assert run(project, tmp_path / "r", arch="amd64") == 0, "it was not asked for"


def test_two_different_files_of_one_name(project: Path, tmp_path: Path) -> None:
    for number, target in enumerate(TARGETS):
        job(tmp_path / "r", target, {"demo_1.0_all.deb": bytes([number])})
    with pytest.raises(CheckError, match=r"different files of the name demo_1\.0_all") as caught:
        run(project, tmp_path / "r")
    assert "--reproducible" in caught.value.render()
    assert not (project / "dist/1.0").exists()


def test_an_altered_file_is_not_taken(project: Path, tmp_path: Path) -> None:
    dist = job(tmp_path / "r", TARGETS[0], {"a.deb": b"a"})
    (dist / "1.0" / TARGETS[0] / "a.deb").write_bytes(b"b")
    with pytest.raises(CheckError, match="is not what the job made"):
        run(project, tmp_path / "r")


@pytest.mark.parametrize(
    "path", ["../../secret", "/etc/passwd", "1.0/../../../secret", "1.1/x/a.deb", "1.0/link/a.deb"]
)
def test_a_report_cannot_reach_outside(project: Path, tmp_path: Path, path: str) -> None:
    """A build's own code may have written it."""
    dist = job(tmp_path / "r", TARGETS[0], {"a.deb": b"a"})
    (tmp_path / "secret").write_bytes(b"a")
    (dist / "1.0/link").symlink_to(dist / "1.0" / TARGETS[0])
    report = dist / "1.0/report.json"
    report.write_text(report.read_text().replace(f"1.0/{TARGETS[0]}/a.deb", path))
    with pytest.raises(CheckError, match="outside of its results"):
        run(project, tmp_path / "r")


@pytest.mark.parametrize("other", [{"package": "other"}, {"version": "1.1"}])
def test_results_of_something_else(project: Path, tmp_path: Path, other: dict[str, str]) -> None:
    job(tmp_path / "r", TARGETS[0], {}, **other)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"and this is demo 1\.0"):
        run(project, tmp_path / "r")


def test_results_of_another_commit_of_the_same_version(project: Path, tmp_path: Path) -> None:
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(
            ["git", "-C", project, "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
            check=True,
        )
    done = subprocess.run(
        ["git", "-C", project, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    )
    for target in TARGETS:
        job(tmp_path / "good", target, {}, commit=done.stdout.strip())
    assert run(project, tmp_path / "good") == 0
    job(tmp_path / "r", TARGETS[0], {}, commit=done.stdout.strip())
    job(tmp_path / "r", TARGETS[1], {}, commit="1" * 40)
    with pytest.raises(UsageError, match=r"is of the commit 1{40}, and this is"):
        run(project, tmp_path / "r")


def test_what_is_no_report(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "r/packages-x/1.0/report.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(DebwrightError, match="is not the report of a run"):
        run(project, tmp_path / "r")


def test_nothing_at_all(project: Path, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    with pytest.raises(UsageError, match="there is no result below"):
        run(project, tmp_path / "r")


def with_source(results: Path, target: str, files: dict[str, bytes], gone: str = "") -> None:
    """A job of the target whose report has sources; one of its files is not handed over."""
    dist = job(results, target, files)
    path = dist / "1.0/report.json"
    result = RunResult.model_validate_json(path.read_bytes())
    (only,) = result.targets
    artifacts = [
        a if a.path.endswith(".deb") else a.model_copy(update={"kind": "source"})
        for a in only.artifacts
    ]
    changed = only.model_copy(update={"artifacts": tuple(artifacts)})
    write(path, result.model_copy(update={"targets": (changed,)}))
    if gone:
        (dist / "1.0" / target / gone).unlink()


def test_sources_of_upstream_are_handed_over_and_kept_once(project: Path, tmp_path: Path) -> None:
    orig = b"upstream" * 1000
    digest = hashlib.sha256(orig).hexdigest()
    dsc = (
        "Format: 3.0 (quilt)\nSource: demo\nBinary: demo\nArchitecture: any\nVersion: 1.0\n"
        f"Checksums-Sha256:\n {digest} {len(orig)} demo_1.0.orig.tar.xz\n"
    ).encode()
    results = tmp_path / "r"
    for target, gone in zip(TARGETS, ("demo_1.0.orig.tar.xz", ""), strict=True):
        files = {"demo_1.0.dsc": dsc, "demo_1.0.orig.tar.xz": orig, f"{target}.deb": b"d"}
        with_source(results, target, files, gone)
    assert run(project, results) == 0
    home = project / "dist/1.0"
    assert len(list(home.rglob("*.orig.tar.xz"))) == 1
    assert (home / "SHA256SUMS").read_text().count(".orig.tar.xz") == 1
    # A release has every target's source package whole again.
    plan = make_plan(project, elsewhere=True)
    roots = Roots(Cache(tmp_path / "cache"), plan.config)
    collected_result(Job(plan, project / "dist", roots, Heard()))
    assert len(list(home.rglob("*.orig.tar.xz"))) == 2


def test_a_file_that_no_job_handed_over_is_not_made_up(project: Path, tmp_path: Path) -> None:
    for target in TARGETS:
        with_source(tmp_path / "r", target, {"demo_1.0.orig.tar.xz": b"x"}, "demo_1.0.orig.tar.xz")
    with pytest.raises(CheckError, match="is not what the job made"):
        run(project, tmp_path / "r")
