"""Models tried in a process of their own, some of which kill it."""

import signal
import sys
from pathlib import Path

import pytest

from kit import gguf as make
from local_rag.core.errors import CpuUnsupported, ModelError
from local_rag.models.probe import probe
from local_rag.models.registry import ModelRegistry

pytestmark = pytest.mark.slow


def interpreter(tmp_path: Path, script: str) -> str:
    """Return a program that stands in the interpreter's place and dies as told."""
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_real_models_work(embedding_gguf: Path, generator_gguf: Path) -> None:
    found = probe(embedding_gguf, "embedding")
    assert found["dimensions"] == 384
    assert probe(generator_gguf, "llm")["model_id"].startswith("SmolLM2")


def test_a_refusal_in_the_child_is_told_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"llama\.cpp cannot load odd\.gguf") as caught:
        probe(make.write(tmp_path / "odd.gguf"), "llm")
    assert caught.value.hint
    assert caught.value.details["log"]


@pytest.mark.parametrize(
    ("number", "error", "says"),
    [
        (signal.SIGILL, CpuUnsupported, "instruction this processor does not have"),
        (signal.SIGKILL, ModelError, "memory ran out"),
        (signal.SIGABRT, ModelError, r"crashes on m.gguf \(SIGABRT\)"),
        (signal.SIGSEGV, ModelError, "SIGSEGV"),
        (signal.SIGBUS, ModelError, "SIGBUS"),
    ],
)
def test_how_a_child_died_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type, says: str
) -> None:
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path, f"kill -{int(number)} $$"))
    with pytest.raises(error, match=says) as caught:
        probe(tmp_path / "m.gguf", "llm")
    assert caught.value.hint


def test_a_child_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path, "exec sleep 30"))
    with pytest.raises(ModelError, match="did not load within"):
        probe(tmp_path / "m.gguf", "llm", timeout_s=0.3)


def test_a_child_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "executable", interpreter(tmp_path, "echo no module named numpy >&2; exit 1")
    )
    with pytest.raises(ModelError, match="exit code 1: no module named numpy"):
        probe(tmp_path / "m.gguf", "llm")


def test_registry_with_real_models(
    tmp_path: Path, embedding_gguf: Path, generator_gguf: Path
) -> None:
    (tmp_path / "minilm.gguf").symlink_to(embedding_gguf)
    (tmp_path / "smollm2.gguf").symlink_to(generator_gguf)
    registry = ModelRegistry([tmp_path])
    kinds = {info.name: (info.kind, info.quantisation) for info in registry.list()}
    assert kinds == {"minilm": ("embedding", "q8_0"), "smollm2": ("llm", "q4_1")}
    assert registry.use("llm", "smollm2").active
    outcome = registry.verify("minilm")
    assert outcome.ok
    assert "loads and works" in outcome.message
