"""The packages' files agree with the program and with what is bundled."""

import importlib.machinery
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import local_rag
from kit import TOP
from local_rag.config.settings import PACKAGED_MODELS, load_settings
from local_rag.models.cpu import REQUIRED

MODELS = TOP.parent / "local-rag-models"
# The option of ggml's CMake files for each flag that /proc/cpuinfo knows.
GGML = {
    "sse4_2": "GGML_SSE42", "avx": "GGML_AVX", "avx2": "GGML_AVX2", "fma": "GGML_FMA",
    "f16c": "GGML_F16C", "bmi2": "GGML_BMI2",
}  # fmt: skip
ARM = {"asimd": "armv8", "asimdhp": "+fp16", "asimddp": "+dotprod"}


def script(name: str) -> ModuleType:
    """A program of debian/ as a module."""
    path = str(TOP / "debian" / name)
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), path)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def cmake_arguments(arch: str) -> list[str]:
    text = (TOP / "debwright.toml").read_text(encoding="utf-8")
    found = re.search(rf"llama-cpp-python\.arch\.{arch}\].*?CMAKE_ARGS = \"([^\"]*)\"", text, re.S)
    assert found is not None
    return found[1].split()


def test_llama_cpp_is_compiled_for_the_processors_that_are_asked_for() -> None:
    on = {a[2:-3] for a in cmake_arguments("amd64") if a.endswith("=ON")}
    assert on == {GGML[flag] for flag in REQUIRED["x86_64"]}
    assert "-DGGML_NATIVE=OFF" in cmake_arguments("amd64")
    (arm,) = (a.split("=")[1] for a in cmake_arguments("arm64") if "CPU_ARM_ARCH" in a)
    assert all(ARM[flag] in arm for flag in REQUIRED["aarch64"])
    assert arm.count("+") == len([flag for flag in REQUIRED["aarch64"] if "+" in ARM[flag]])


def test_the_changelogs_know_this_version() -> None:
    version = re.escape(local_rag.__version__)
    debian = (TOP / "debian" / "changelog").read_text(encoding="utf-8")
    assert re.match(rf"local-rag \({version}-[0-9.]+\) ", debian)
    assert re.search(rf"^## {version}$", (TOP / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


def test_the_shipped_configuration_is_accepted_and_is_the_default() -> None:
    settings = load_settings({}, paths=[TOP / "debian" / "config.yaml"])
    assert settings.model_dump() == load_settings({}, paths=[]).model_dump()


def test_each_commented_key_of_the_shipped_configuration_is_known(tmp_path: Path) -> None:
    text = (TOP / "debian" / "config.yaml").read_text(encoding="utf-8")
    opened = re.sub(r"^(\s*)# (\s*[a-z_]+:.*)$", r"\1\2", text, flags=re.MULTILINE)
    (tmp_path / "config.yaml").write_text(opened)
    settings = load_settings({}, paths=[tmp_path / "config.yaml"])
    assert settings.server.token_file == Path("/etc/local-rag/token")
    assert settings.imports.watch


def test_models_are_packaged_where_they_are_looked_for() -> None:
    for install in MODELS.glob("debian/*.install"):
        directory = install.read_text(encoding="utf-8").split()[1]
        assert Path("/", directory) == PACKAGED_MODELS


def test_the_models_package_has_the_same_check_of_licences() -> None:
    ours = (TOP / "debian/check-copyright").read_bytes()
    assert (MODELS / "debian/check-copyright").read_bytes() == ours


def left_out(source: Path) -> set[str]:
    """Distributions of the lock that the package does not carry."""
    text = (source / "debwright.toml").read_text(encoding="utf-8")
    found = re.search(r"^exclude = (\[.*\])$", text.partition("[wheelhouse]")[2], re.MULTILINE)
    return {name.replace("-", "_") for name in json.loads(found[1])} if found else set()


def pinned(lock: Path) -> list[str]:
    names = re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return sorted({name.replace("-", "_").lower() for name in names})


@pytest.mark.parametrize(
    ("source", "locks"),
    [
        (TOP, ("requirements.lock", "requirements-build.lock")),
        (MODELS, ("requirements.lock",)),
    ],
    ids=["local-rag", "local-rag-models"],
)
def test_all_that_is_locked_has_its_licence_in_copyright(
    source: Path, locks: tuple[str, ...]
) -> None:
    assert "numpy" not in left_out(source)
    text = (source / "debian" / "copyright").read_text(encoding="utf-8")
    for lock in locks:
        for name in set(pinned(source / lock)) - left_out(source):
            assert f"Files: wheelhouse/files/{name}-*" in text, name


def item(**changes: Any) -> dict[str, Any]:
    return {
        "name": "click", "version": "8", "file": "click-8.whl", "licence": "BSD-3-Clause",
        **changes,
    }  # fmt: skip


def test_the_build_refuses_what_copyright_does_not_cover() -> None:
    problems = script("check-copyright").problems
    text = (TOP / "debian" / "copyright").read_text(encoding="utf-8")
    assert list(problems(text, {"files": [item()]})) == []
    (said,) = problems(text, {"files": [item(licence="MPL-2.0")]})
    assert "lacks MPL-2.0" in said
    (said,) = problems(text, {"files": [item(licence="My own terms")]})
    assert "unknown (My own terms)" in said
    (said,) = problems(text, {"files": [item(name="new", file="new-1.whl")]})
    assert "no stanza for wheelhouse/files/new-1.whl" in said
    without = text.replace("License: PSF-2\n PYTHON", "License: Other\n PYTHON")
    assert any("the text of PSF-2 is missing" in p for p in problems(without, {"files": []}))


def test_the_unit_lets_the_service_do_its_work() -> None:
    unit = (TOP / "debian" / "local-rag.service").read_text(encoding="utf-8")
    assert "ExecStart=/usr/bin/local-rag serve\n" in unit
    # The processor and the free memory are read in /proc; children have limits set to them.
    assert not re.search(r"^ProcSubset=pid", unit, re.MULTILINE)
    assert not re.search(r"^LimitNPROC=|^TasksMax=[0-9]{1,2}$", unit, re.MULTILINE)
