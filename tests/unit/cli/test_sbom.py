"""debwright sbom FILE...: where it writes, what it says, and what it refuses."""

import json
from pathlib import Path

import pytest
from tests.kit.debs import build

from debwright.cli.app import call


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_both_forms_lie_beside_the_package(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deb = build(tmp_path, {"/usr/bin/x": "x"}, arch="all")
    assert call(["--json", "sbom", str(deb)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert Path(said["cyclonedx"]) == tmp_path / "demo_1.0-1_all.cdx.json"
    assert json.loads(Path(said["spdx"]).read_text())["spdxVersion"] == "SPDX-2.3"
    assert said["bundled"] == []


def test_what_is_no_package_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "x.txt"
    text.write_text("x")
    broken = tmp_path / "x.deb"
    broken.write_text("x")
    assert call(["sbom", str(text)]) == 2
    assert call(["sbom", str(broken)]) == 2
    assert call(["sbom", str(tmp_path / "absent.deb")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_two_architectures_are_two_bills(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = build(tmp_path, {"/usr/bin/x": "x"}, name="one", arch="amd64")
    two = build(tmp_path, {"/usr/bin/x": "x"}, name="two", arch="arm64")
    assert call(["sbom", str(one), str(two)]) == 2
    assert "amd64, arm64" in capsys.readouterr().err
