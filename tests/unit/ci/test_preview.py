"""The packages of a change, as an artifact that apt can install from."""

import shlex
import subprocess
from pathlib import Path

import pytest
from tests.kit.commands import invoke
from tests.kit.debs import make_deb

from debwright.ci.preview import lines_to_try, make_preview
from debwright.cli.common import Options
from debwright.cli.workflows import make_preview_of
from debwright.model.errors import UsageError

TARGET = "bookworm-amd64"


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


def test_apt_reads_it(tmp_path: Path) -> None:
    deb = make_deb(tmp_path / "demo_1.0_amd64.deb", version="1.0")
    preview = tmp_path / "preview"
    make_preview([deb], preview)
    make_preview([deb], preview)  # again, in the place of what is there
    # The real apt, with lists of its own.
    for name in ("lists/partial", "cache/archives/partial", "parts"):
        (tmp_path / name).mkdir(parents=True)
    source = lines_to_try("true", ["demo"])[1].partition(" | ")[0]
    said = subprocess.run(
        ["sh", "-c", source], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    (tmp_path / "sources.list").write_text(said.stdout)
    (tmp_path / "status").write_text("")
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{tmp_path}/sources.list";\n'
        f'Dir::Etc::SourceParts "{tmp_path}/parts";\nDir::State::Lists "{tmp_path}/lists";\n'
        f'Dir::State::Status "{tmp_path}/status";\nDir::Cache "{tmp_path}/cache";\n'
        'APT::Architecture "amd64";\nAPT::Sandbox::User "root";\n'
    )
    environment = {"PATH": "/usr/bin:/bin", "APT_CONFIG": str(tmp_path / "apt.conf")}
    subprocess.run(["apt-get", "-q", "update"], check=True, env=environment, capture_output=True)
    known = subprocess.run(
        ["apt-cache", "policy", "demo"], check=True, env=environment, capture_output=True, text=True
    )
    assert "Candidate: 1.0" in known.stdout
    with pytest.raises(UsageError, match="no package to look at"):
        make_preview([], preview)


def test_the_summary_has_the_three_lines(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = project / "dist/1.0"
    (home / TARGET).mkdir(parents=True)
    (home / "companions/m/bookworm-amd64").mkdir(parents=True)
    make_deb(home / TARGET / "demo_1.0_amd64.deb", version="1.0")
    make_deb(home / "companions/m/bookworm-amd64/models_1_all.deb", version="1")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/demo")
    options = Options(directory=project)
    with pytest.raises(UsageError, match="of one target"):
        invoke(make_preview_of, options)
    assert invoke(make_preview_of, options, "-t", TARGET) == 0
    assert {p.name for p in (project / "dist/preview").iterdir()} == {
        "Packages", "demo_1.0_amd64.deb", "models_1_all.deb",
    }  # fmt: skip
    summary = (tmp_path / "summary").read_text()
    lines = summary.split("```sh\n")[1].split("\n```")[0].splitlines()
    assert len(lines) == 3
    assert shlex.split(lines[0]) == [
        "gh", "run", "download", "77", "--repo", "example/demo", "--name",
        "preview-bookworm-amd64", "--dir", "preview",
    ]  # fmt: skip
    assert lines[2].endswith("apt-get install demo")
