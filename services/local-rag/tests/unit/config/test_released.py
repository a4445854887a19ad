"""Whoever upgrades keeps their configuration: that of every released version is accepted."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import local_rag
from kit import TOP
from local_rag.config.layers import known_keys
from local_rag.config.settings import Settings, load_settings

RELEASED = TOP / "tests/released"
FILES = sorted(RELEASED.glob("*/*.yaml"))
THIS = RELEASED / local_rag.__version__


def keys_of(path: Path) -> set[str]:
    sections = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {f"{section}.{key}" for section, keys in sections.items() for key in keys or {}}


def plain(value: Any) -> Any:
    """A setting as YAML would have it."""
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_it_is_accepted_and_means_the_same(path: Path) -> None:
    settings = load_settings({}, paths=[path])
    for section, keys in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        for key, value in (keys or {}).items():
            assert plain(getattr(getattr(settings, section), key)) == value, f"{section}.{key}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_it_is_accepted_beside_the_file_of_this_version(path: Path) -> None:
    """The package's file is under it when the user's own is in the home directory."""
    settings = load_settings({}, paths=[TOP / "debian/config.yaml", path])
    assert keys_of(path) <= set(settings.origins)


def test_this_version_is_recorded() -> None:
    """What it ships and every key it knows: the versions after it must take them."""
    assert THIS.is_dir(), f"make {THIS} from the directory of the version before"
    shipped = (TOP / "debian/config.yaml").read_bytes()
    assert (THIS / "shipped.yaml").read_bytes() == shipped
    known = {key for key in known_keys(Settings) if "." in key}
    assert keys_of(THIS / "every-key.yaml") == known


def test_every_key_has_another_value_than_its_default() -> None:
    """Or a version that ignores the key would pass."""
    settings = load_settings({}, paths=[THIS / "every-key.yaml"])
    default = load_settings({}, paths=[])
    same = [
        f"{section}.{key}"
        for section, model in default.model_dump().items()
        for key, value in model.items()
        if settings.model_dump()[section][key] == value
    ]
    assert same == []


def test_a_version_that_refuses_one_is_found(tmp_path: Path) -> None:
    """The tests above can fail."""
    broken = tmp_path / "config.yaml"
    broken.write_text((THIS / "shipped.yaml").read_text() + "\nretrieval: {kk: 3}\n")
    with pytest.raises(Exception, match=r"unknown key retrieval\.kk"):
        load_settings({}, paths=[broken])
