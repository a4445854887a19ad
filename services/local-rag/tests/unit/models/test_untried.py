"""Models that nobody has tried here are tried in a child before the service loads them."""

from pathlib import Path

import pytest

from kit import gguf as make
from kit.faces import settings_for
from local_rag.config.settings import LimitSettings
from local_rag.core.errors import ModelError
from local_rag.models import generator, registry
from local_rag.models.manager import Models
from local_rag.monitor.governor import Governor


@pytest.fixture
def models(tmp_path: Path) -> Models:
    own = tmp_path / "data" / "models"
    own.mkdir(parents=True)
    make.write(own / "tiny.gguf")
    return Models(settings_for(tmp_path), Governor(LimitSettings(), tmp_path))


def test_what_kills_the_child_is_never_loaded_here(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []

    def probe(path: Path, kind: str) -> dict[str, float]:
        raise ModelError(f"llama.cpp crashes on {path.name}", hint="fetch it again")

    monkeypatch.setattr(registry, "probe", probe)
    monkeypatch.setattr(generator, "load_generator", lambda path, *_: loaded.append(path))
    with pytest.raises(ModelError, match="crashes on tiny"):
        models.get_generator()
    assert loaded == []
    said = models.health("llm")
    assert said.state == "degraded"
    assert "crashes on tiny" in said.message


def test_what_works_in_the_child_is_loaded_and_not_tried_again(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def load(path: Path, *_: object) -> object:
        steps.append("load")
        return models

    monkeypatch.setattr(registry, "probe", lambda *_: steps.append("probe") or {"seconds": 0})
    monkeypatch.setattr(generator, "load_generator", load)
    models.get_generator()
    models.generator.unload()
    models.get_generator()
    assert steps == ["probe", "load", "load"]
