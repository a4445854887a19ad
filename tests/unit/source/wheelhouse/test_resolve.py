"""Choosing among what an index has."""

import json

import pytest

from debwright.host.process import Completed
from debwright.model.errors import MissingError
from debwright.source.wheelhouse.interpreters import Interpreter
from debwright.source.wheelhouse.lockfile import Lock, parse
from debwright.source.wheelhouse.resolve import (
    Found,
    WheelhouseError,
    _explain,
    choose,
    from_json,
    read_answer,
    to_json,
)


def digest(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()


def lock_of(*files: str, name: str = "numpy", version: str = "2.4.6", marker: str = "") -> Lock:
    hashes = " ".join(f"--hash=sha256:{digest(f)}" for f in files)
    text = f"{name}=={version}{marker} {hashes}\n"
    from pathlib import Path

    return Lock(path=Path("l"), name="requirements.lock", text=text, pins=parse(text, "l"))


def found(*files: str, name: str = "numpy", version: str = "2.4.6") -> list[Found]:
    return [
        Found(name=name, version=version, file=f, url=f"https://i/{f}", sha256=digest(f))
        for f in files
    ]


def python(arch: str = "amd64", version: str = "3.11", glibc: int = 36) -> Interpreter:
    return Interpreter(arch=arch, python=version, full=f"{version}.1", glibc=(2, glibc))


W311 = "numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"
W313 = "numpy-2.4.6-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"
ARM = "numpy-2.4.6-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl"
NEW = "numpy-2.4.6-cp311-cp311-manylinux_2_38_x86_64.whl"
MUSL = "numpy-2.4.6-cp311-cp311-musllinux_1_2_x86_64.whl"
SDIST = "numpy-2.4.6.tar.gz"


def test_each_interpreter_gets_its_wheel() -> None:
    files = [W311, W313, ARM, MUSL, SDIST]
    chosen = choose(
        lock_of(*files), found(*files), [python(), python("arm64"), python(version="3.13")],
        use="run",
    )  # fmt: skip
    assert {(c.file, c.interpreters) for c in chosen} == {
        (W311, ("amd64/3.11",)),
        (ARM, ("arm64/3.11",)),
        (W313, ("amd64/3.13",)),
    }


def test_a_wheel_for_a_newer_library_is_left_alone() -> None:
    chosen = choose(lock_of(NEW, SDIST), found(NEW, SDIST), [python()], use="run")
    assert [c.kind for c in chosen] == ["sdist"]
    chosen = choose(lock_of(NEW, SDIST), found(NEW, SDIST), [python(glibc=41)], use="run")
    assert [c.file for c in chosen] == [NEW]


def test_no_wheel_for_a_minor_names_what_there_is() -> None:
    with pytest.raises(WheelhouseError, match=r"no wheel for Python 3\.13 on amd64") as caught:
        choose(lock_of(W311), found(W311), [python(version="3.13", glibc=41)], use="run")
    assert caught.value.code == "wheelhouse/no-wheel"
    texts = [e.text for e in caught.value.evidence]
    assert texts[0].startswith("numpy==2.4.6") and texts[1] == W311
    assert "2.41" in (caught.value.cause or "")


def test_files_that_are_not_in_the_lock_are_not_taken() -> None:
    chosen = choose(lock_of(SDIST), found(W311, SDIST), [python()], use="run")
    assert [c.file for c in chosen] == [SDIST]
    with pytest.raises(WheelhouseError, match="no file of numpy") as caught:
        choose(lock_of("another"), found(W311, SDIST), [python()], use="run")
    assert caught.value.code == "wheelhouse/no-file"


def test_an_index_without_hashes_is_judged_when_fetched() -> None:
    files = [Found(name="numpy", version="2.4.6", file=W311, url="https://i/w", sha256=None)]
    (chosen,) = choose(lock_of(W311, SDIST), files, [python()], use="run")
    assert set(chosen.hashes) == {digest(W311), digest(SDIST)}


def test_what_is_configured_to_be_compiled_takes_the_sdist() -> None:
    only = frozenset({"numpy"})
    files = [W311, SDIST]
    chosen = choose(lock_of(*files), found(*files), [python()], use="run", compiled=only)
    assert [c.file for c in chosen] == [SDIST]
    with pytest.raises(WheelhouseError, match="no wheel") as caught:
        choose(lock_of(W311), found(W311), [python()], use="run", compiled=only)
    assert "[wheelhouse.compile.numpy]" in (caught.value.cause or "")


def test_markers_and_exclusions() -> None:
    lock = lock_of(W311, marker=" ; python_version < '3.12'")
    assert choose(lock, found(W311), [python(version="3.13")], use="run") == ()
    assert len(choose(lock, found(W311), [python()], use="run")) == 1
    left_out = frozenset({"numpy"})
    assert choose(lock, found(W311), [python()], use="run", exclude=left_out) == ()


def test_the_order_of_the_index_does_not_matter() -> None:
    again = "numpy-2.4.6-1-cp311-cp311-manylinux_2_27_x86_64.whl"
    files = [W311, SDIST, ARM, "numpy-2.4.6.zip", again]
    forward = choose(lock_of(*files), found(*files), [python()], use="run")
    backward = choose(lock_of(*files), found(*reversed(files)), [python()], use="run")
    assert forward == backward
    assert [c.file for c in forward] == [W311], "its 2_28 is nearer to 2.36 than 2_27"
    assert from_json(to_json(forward)) == forward


def test_reading_what_uv_answers() -> None:
    text = f"""
lock-version = "1.0"
[[packages]]
name = "NumPy"
version = "2.4.6"
sdist = {{ url = "https://i/a%2Bb/{SDIST}?x=1", hashes = {{ sha256 = "aa" }} }}
wheels = [
  {{ url = "file:///w/{W311}", hashes = {{ sha256 = "bb" }} }},
  {{ url = "https://i/strange.exe", hashes = {{}} }},
  {{ url = "https://i/not-a-wheel.whl", hashes = {{}} }},
]
[[packages]]
name = "local"
"""
    assert [(f.name, f.file, f.sha256) for f in read_answer(text)] == [
        ("numpy", W311, "bb"),
        ("numpy", SDIST, "aa"),
    ]


def test_an_index_out_of_reach_is_the_environments_fault() -> None:
    said = "error: Request failed\n  cause: error sending request for url (https://i/numpy/)\n"
    done = Completed(argv=("uv",), returncode=2, output="", error=said)
    error = _explain(done, lock_of(W311))
    assert isinstance(error, MissingError)
    assert error.exit_code == 5
    other = _explain(Completed(argv=("uv",), returncode=1, output="", error="no such version"),
                     lock_of(W311))  # fmt: skip
    assert isinstance(other, WheelhouseError)
    assert other.exit_code == 3
    assert json.dumps(str(other))
