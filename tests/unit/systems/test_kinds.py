"""The kinds of systems, and where each is asked for."""

from pathlib import Path

import pytest
from tests.kit.pages import TOP

from debwright.config import LoadedConfig, load
from debwright.model.errors import UsageError
from debwright.systems.choose import system_for
from debwright.systems.environments import Environments
from debwright.systems.kinds import Kind, kind_of, kinds


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedConfig:
    (tmp_path / "debwright.toml").write_text(
        '[environments]\nsandbox = "ssh://pi@board"\nssh_config = "ssh"\n'
    )
    return load(tmp_path)


def test_the_command_line_goes_before_the_configuration(loaded: LoadedConfig) -> None:
    assert str(system_for(loaded)) == "ssh://pi@board"
    assert str(system_for(loaded, "nspawn")) == "nspawn"
    with pytest.raises(UsageError, match="not a kind of sandbox"):
        system_for(loaded, "dokcer")
    with pytest.raises(UsageError, match="nothing else has anything to lose"):
        system_for(loaded, "vm", replace=True)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_each_kind_has_its_row_in_the_documentation(kind: Kind) -> None:
    rows = (TOP / "docs/sandboxes.md").read_text().splitlines()
    default = " (default)" if kind.name == Environments().sandbox else ""
    assert f"| `{kind.form}`{default} | {kind.about} | {kind.needs} | {kind.good_for} |" in rows


def test_a_kind_is_found_by_its_module_or_by_another() -> None:
    assert {k.name for k in kinds()} == {
        "docker", "nspawn", "nspawn-or-docker", "podman", "ssh", "vm",
    }  # fmt: skip
    for text, name in (("nspawn", "nspawn"), ("podman", "podman"), ("ssh://pi@board", "ssh")):
        kind = kind_of(text)
        assert kind is not None
        assert kind.name == name
    assert kind_of("container") is None, "a module that is no kind"
    assert kind_of("ssh") is None
    assert kind_of("") is None
