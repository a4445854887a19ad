"""Which targets are built where; what a change touches; what a step hands over."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.kit.commands import invoke
from tests.unit.ci.test_collect import project  # noqa: F401

from debwright.ci.provider import write_outputs
from debwright.cli.common import Options
from debwright.cli.workflows import show_matrix
from debwright.model.errors import DebwrightError, UsageError


def git(directory: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", "-C", directory, *settings, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def tree(project: Path) -> Path:  # noqa: F811
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "first")
    return project


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path


LEXICON = Path(__file__).parents[2] / "projects/lexicon"


def matrix(tree: Path, step: Path, **asked: object) -> list[dict[str, Any]]:
    arguments = [f"--{name}" if on is True else f"--{name}={on}" for name, on in asked.items()]
    options = Options(directory=tree)
    assert invoke(show_matrix, options, *arguments) == 0
    name, _, value = (step / "output").read_text().splitlines()[-1].partition("=")
    assert name == "matrix"
    return list(json.loads(value))


def test_cross_on_amd64_is_the_rule(tree: Path, step: Path) -> None:
    amd, arm = matrix(tree, step)
    assert (amd["target"], amd["runner"], amd["planned"]) == (
        "bookworm-amd64", "ubuntu-24.04", "native",
    )  # fmt: skip
    assert (arm["runner"], arm["strategy"], arm["planned"]) == ("ubuntu-24.04", "auto", "cross")
    assert "emulated if that fails" in arm["reason"]
    assert amd["sbom"] == "1.0/bookworm-amd64/demo_1.0_amd64.cdx.json"
    summary = (step / "summary.md").read_text()
    assert "| <code>bookworm\\-arm64</code> | <code>ubuntu\\-24.04</code> | cross |" in summary


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("native", ("ubuntu-24.04-arm", "auto", "native")),
        ("emulated", ("ubuntu-24.04", "emulated", "emulated")),
    ],
)
def test_the_switch_for_arm64(
    tree: Path, step: Path, how: str, expected: tuple[str, str, str]
) -> None:
    with (tree / "debwright.toml").open("a") as file:
        file.write(f'[workflows]\narm64 = "{how}"\n')
    _, arm = matrix(tree, step)
    assert (arm["runner"], arm["strategy"], arm["planned"]) == expected


def test_one_job_of_each_kind_of_machine_hands_over_what_all_have(tree: Path, step: Path) -> None:
    assert [e["whole"] for e in matrix(tree, step)] == [True, False]
    with (tree / "debwright.toml").open("a") as file:
        file.write('[workflows]\narm64 = "native"\n')
    assert [e["whole"] for e in matrix(tree, step)] == [True, True]


def test_one_architecture(tree: Path, step: Path) -> None:
    assert [e["target"] for e in matrix(tree, step, arch="arm64")] == ["bookworm-arm64"]
    with pytest.raises(UsageError, match="architecture"):
        matrix(tree, step, arch="$(id)")


def test_a_runner_that_cannot_build_a_target_can_still_plan_it(
    tree: Path, step: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raspberry Pi OS is not there for amd64: it is emulated, by a job that installs QEMU."""
    monkeypatch.setattr("debwright.host.machine.emulation_problem", lambda _: "no interpreter")
    config = tree / "debwright.toml"
    text = config.read_text()
    for targets in ('"raspios-bookworm-arm64"', '"bookworm-amd64", "raspios-bookworm-arm64"'):
        config.write_text(text.replace('"bookworm-amd64", "bookworm-arm64"', targets))
        entry = matrix(tree, step)[-1]
        assert (entry["target"], entry["planned"]) == ("raspios-bookworm-arm64", "emulated")


def test_an_architecture_without_a_target_is_told(tree: Path, step: Path) -> None:
    """GitHub fails on an empty matrix, and does not say why."""
    config = tree / "debwright.toml"
    config.write_text(config.read_text().replace(', "bookworm-arm64"', ""))
    with pytest.raises(UsageError) as caught:
        matrix(tree, step, arch="arm64")
    assert "no target is of the architecture arm64" in caught.value.render()
    assert "targets: bookworm-amd64" in caught.value.render()
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("how", "arch"), [("cross", "amd64"), ("native", "arm64")])
def test_companions_are_in_the_first_job_where_it_builds_them(
    tmp_path: Path, step: Path, how: str, arch: str
) -> None:
    shutil.copytree(LEXICON, tmp_path / "work")
    product = tmp_path / "work/lexicon"
    config = product / "debwright.toml"
    config.write_text(
        config.read_text().replace('["bookworm-amd64", "trixie-amd64"]',
                                   '["bookworm-arm64", "trixie-amd64"]')
        + f'[workflows]\narm64 = "{how}"\n'
    )  # fmt: skip
    first, second = matrix(product, step)
    home = f"1.2/companions/lexicon-data/bookworm-{arch}"
    assert first["companions"] == [
        {"debs": f"{home}/*.deb", "sbom": f"{home}/lexicon-data_3.1_{arch}.cdx.json"}
    ]
    assert second["companions"] == []


def test_a_change_gets_the_light_run(tree: Path, step: Path) -> None:
    assert [e["target"] for e in matrix(tree, step, light=True)] == ["bookworm-amd64"]
    with (tree / "debwright.toml").open("a") as file:
        file.write('[workflows]\nlight = ["*-arm64"]\n')
    assert [e["target"] for e in matrix(tree, step, light=True)] == ["bookworm-arm64"]


def test_only_what_is_touched_is_built(tree: Path, step: Path) -> None:
    top = tree.parent / "top"
    git(tree.parent, "clone", "-q", str(tree), str(top))
    (top / "services").mkdir()
    git(top, "mv", "debian", "services/debian")
    git(top, "mv", "debwright.toml", "services/debwright.toml")
    (top / "debwright.toml").write_text('[workflows]\nproject = "services"\npaths = ["tools/*"]\n')
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "moved")
    base = git(top, "rev-parse", "HEAD")
    for name, number in (("README.md", 0), ("tools/x", 1), ("services/y", 1)):
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text("new")
        git(top, "add", "-A")
        git(top, "commit", "-q", "-m", name)
        assert len(matrix(top, step, light=True, since=base)) == number, name
        base = git(top, "rev-parse", "HEAD")


@pytest.mark.parametrize("since", ["--output=/tmp/x", "$(id)", "no-such-commit", "-p"])
def test_a_strange_commit_is_only_a_name(tree: Path, step: Path, since: str) -> None:
    with pytest.raises(UsageError) as caught:
        matrix(tree, step, since=since)
    said = caught.value.render()
    assert "git cannot tell what has changed since" in said
    assert "--since" in said.rpartition("next:")[2]
    assert not Path("/tmp/x...HEAD").exists()


def test_file_names_in_the_summary_are_only_text(tree: Path, step: Path) -> None:
    base = git(tree, "rev-parse", "HEAD")
    (tree / "a|b`<img src=x>\n::error::x").write_text("")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "x")
    matrix(tree, step, since=base)
    summary = (step / "summary.md").read_text()
    assert "<img" not in summary
    assert "\n::error" not in summary
    assert "&lt;img" in summary


def test_an_output_is_one_line(step: Path) -> None:
    with pytest.raises(DebwrightError, match="several lines"):
        write_outputs({"a": "b\nc=d"})
    assert not (step / "output").exists()


def test_what_is_cross_built_is_proven_on_real_hardware(
    tree: Path, step: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def arm() -> list[dict[str, Any]]:
        matrix(tree, step)
        line = next(x for x in reversed((step / "output").read_text().splitlines())
                    if x.startswith("arm="))  # fmt: skip
        return list(json.loads(line.removeprefix("arm=")))

    monkeypatch.delenv("DEBWRIGHT_INSTALLED", raising=False)
    (entry,) = arm()
    assert (entry["target"], entry["runner"]) == ("bookworm-arm64", "ubuntu-24.04-arm")
    monkeypatch.setenv("DEBWRIGHT_INSTALLED", "/somewhere")
    assert arm() == [], "a person who runs the workflow has one machine"
    monkeypatch.delenv("DEBWRIGHT_INSTALLED")
    with (tree / "debwright.toml").open("a") as file:
        file.write('[workflows]\narm64 = "native"\n')
    assert arm() == [], "it was built and checked there already"
