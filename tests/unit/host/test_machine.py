"""What this machine is."""

import pytest

from debwright.host import machine
from debwright.model import targets
from debwright.model.errors import MissingError


def test_this_machine_has_an_architecture() -> None:
    assert machine.host_arch() in targets.ARCHITECTURES


def test_without_dpkg_the_kernel_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    asked = machine.host_arch.__wrapped__
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert asked() == "arm64"
    monkeypatch.setattr("platform.machine", lambda: "vax")
    with pytest.raises(MissingError, match="vax"):
        asked()
