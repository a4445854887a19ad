"""The stand-ins for GitHub's actions refuse what the actions refuse."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[5] / "src/debwright/ci/providers/github/stand_ins/stand_in.sh"


def stand_in(store: Path, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", SCRIPT, name], capture_output=True, text=True, check=False,
        env={**os.environ, "DEBWRIGHT_CI_STORE": str(store), "NAME": "", "OVERWRITE": "false",
             "MISSING": "error", "SBOM": "", **inputs},
    )  # fmt: skip


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    made = tmp_path / "dist"
    (made / "1.0/.hidden").mkdir(parents=True)
    (made / "1.0/a_1.0_all.deb").write_bytes(b"deb")
    (made / "1.0/link.deb").symlink_to("a_1.0_all.deb")
    (made / "1.0/.hidden/file").write_text("x")
    (made / ".lock").touch()
    return made


def test_an_artifact_has_what_github_would_give_back(tmp_path: Path, dist: Path) -> None:
    done = stand_in(tmp_path / "store", "upload-artifact", NAME="packages", FILES=str(dist))
    assert done.returncode == 0, done.stdout + done.stderr
    there = tmp_path / "store/artifacts/packages"
    assert {str(p.relative_to(there)) for p in there.rglob("*")} == {
        "1.0", "1.0/a_1.0_all.deb", "1.0/link.deb",
    }  # fmt: skip
    assert not (there / "1.0/link.deb").is_symlink()
    again = stand_in(tmp_path / "store", "upload-artifact", NAME="packages", FILES=str(dist))
    assert again.returncode == 1
    assert "there is an artifact of the name packages already" in again.stdout


def test_names_that_an_artifact_cannot_have(tmp_path: Path, dist: Path) -> None:
    (dist / "1:1.0").mkdir()
    done = stand_in(tmp_path / "store", "upload-artifact", NAME="packages", FILES=str(dist))
    assert done.returncode == 1
    assert "1:1.0 has a character" in done.stdout
    assert not (tmp_path / "store").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="others' files can be made by root only")
@pytest.mark.parametrize("path", ["1.0", "1.0/a_1.0_all.deb"])
def test_what_only_root_can_read_is_not_uploaded(tmp_path: Path, dist: Path, path: str) -> None:
    """debwright is root there, by sudo; the action is not."""
    (dist / path).chmod(0o700)
    done = stand_in(tmp_path / "store", "upload-artifact", NAME="packages", FILES=str(dist))
    assert done.returncode == 1
    assert "can be read by root only" in done.stdout


def test_a_bill_of_materials_is_one_that_can_be_attested(tmp_path: Path, dist: Path) -> None:
    bill = tmp_path / "a.cdx.json"
    bill.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6"}')
    inputs = {"FILES": f"{dist}/*/*.deb", "SBOM": str(bill)}
    done = stand_in(tmp_path / "store", "attest", **inputs)
    assert done.returncode == 1
    assert "has no serialNumber" in done.stdout
    bill.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid"}')
    assert stand_in(tmp_path / "store", "attest", **inputs).returncode == 0
    inputs["FILES"] = f"{dist}/*/none*.deb"
    assert "no subject matches" in stand_in(tmp_path / "store", "attest", **inputs).stdout


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", ""])
def test_names_that_lead_elsewhere(tmp_path: Path, dist: Path, name: str) -> None:
    done = stand_in(tmp_path / "store", "upload-artifact", NAME=name, FILES=str(dist))
    assert done.returncode == 1
    assert "is not a name" in done.stdout
    assert not (tmp_path / "up").exists()
