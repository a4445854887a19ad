"""A table below carriers/ adds a component to the source package, and counts in its digest."""

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from debwright.config import Config
from debwright.model import registry
from debwright.pipeline.plan import carried_of, carriers_in, whole_digest
from debwright.roots.cache import Cache
from debwright.source.carrier import PACKAGE, Carried, Carrier, Say


@dataclass(frozen=True)
class Words:
    digest: str

    def prepare(self, cache: Cache, *, note: Say, activity: Say) -> Carried:
        raise NotImplementedError


class WordsCarrier(Carrier):
    def asked(self, config: Config, source: Path) -> Words:  # noqa: ARG002
        return Words((source / "words").read_text())


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(f"{PACKAGE}.targets")
    module.__dict__["CARRIER"] = WordsCarrier()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(registry, "names", lambda _: ("notify", "targets"))


@pytest.mark.usefixtures("words")
def test_only_tables_of_the_file_ask(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("one")
    config = Config.model_validate({"targets": {"build": ["bookworm-amd64"]}})
    assert carriers_in(config) == ["targets"]
    assert [asked.digest for asked in carried_of(config, tmp_path)] == ["one"]
    assert carried_of(Config(), tmp_path / "not-there") == ()


@pytest.mark.usefixtures("words")
def test_what_is_carried_decides_whether_a_source_package_is_made_again(tmp_path: Path) -> None:
    config = Config.model_validate({"targets": {"build": ["bookworm-amd64"]}})

    def digest(text: str) -> str:
        (tmp_path / "words").write_text(text)
        return whole_digest("tree", config, None, carried_of(config, tmp_path))

    assert digest("one") == digest("one") != digest("two")
    assert whole_digest("tree", config, None) == whole_digest("tree", config, None, ())
