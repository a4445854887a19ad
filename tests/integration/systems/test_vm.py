"""Checks in a virtual machine: a boot under software emulation takes minutes, so: make check-vm."""

import json
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright
from tests.kit import bellhop

from debwright.systems.vm import vm_problem

pytestmark = pytest.mark.vm


@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_a_package_in_a_machine_of_its_own(arch: str, tmp_path: Path) -> None:
    if problem := vm_problem(arch):
        pytest.skip(problem.what)
    (tmp_path / "debwright.toml").write_text(
        bellhop.CONFIG.replace("bookworm-amd64", f"bookworm-{arch}")
    )
    debwright = Debwright(tmp_path)
    run = debwright("check", "--sandbox", "vm", str(bellhop.make(tmp_path, arch)))
    assert run.code == 0, run.said
    (path,) = tmp_path.glob("dist/check/*/*/check.json")
    found = {result["name"]: result for result in json.loads(path.read_text())["checks"]}
    for name in ("dependencies", "install", "service", "smoke", "files", "reboot", "purge"):
        assert found[name]["status"] == "passed", found[name]
    assert found["install"]["measurements"]["boot_seconds"] > 0
    assert any("virtual machine" in note for note in found["service"]["notes"])
