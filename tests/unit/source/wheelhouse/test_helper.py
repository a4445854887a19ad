"""wheelhouse.py: what a source package carries to install its distributions with."""

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.source.wheelhouse import component
from debwright.source.wheelhouse.carried.helper import elf, lent, repack, sdist, unpack
from debwright.source.wheelhouse.carried.helper.manifest import Settings, settings_for, sha256
from debwright.source.wheelhouse.carried.helper.problem import Problem

ARM64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xb7\x00" + bytes(44)
ARM32 = b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x03\x00\x28\x00" + bytes(44)


def a_wheel(path: Path, files: dict[str, bytes], **attributes: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = attributes.get("mode", 0o100644) << 16
            archive.writestr(info, content)
    return path


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """An unpacked wheelhouse with one pure wheel."""
    wheel = a_wheel(
        tmp_path / "w-1-py3-none-any.whl",
        {
            "w/__init__.py": b"one = 1\n",
            "w/tests/test_w.py": b"",
            "w-1.data/scripts/w": b"#!python\nprint(1)\n",
            "w-1.data/data/share/w.txt": b"data",
            "w-1.data/headers/w.h": b"",
            "w-1.dist-info/METADATA": b"Name: w\n",
            "w-1.dist-info/RECORD": b"",
        },
    )
    item = {
        "name": "W", "version": "1", "file": wheel.name, "sha256": sha256(wheel), "kind": "wheel",
        "use": "run", "interpreters": ["amd64/3.11", "arm64/3.11"],
    }  # fmt: skip
    component.write(component.manifest_text([item], {}), [wheel], tmp_path / "c.tar.gz")
    with tarfile.open(tmp_path / "c.tar.gz") as tar:
        tar.extractall(tmp_path, members=[m for m in tar if m.isreg() or m.isdir()])  # noqa: S202
    return tmp_path / "wheelhouse"


def run(house: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(house / "wheelhouse.py"), *arguments],
        capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], **env},
    )  # fmt: skip


def files_below(directory: Path) -> set[str]:
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}


def test_install(house: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(house, "install", "--arch=arm64", "--python=3.11", f"--target={out}",
               "--exclude-files=*/tests/*", SOURCE_DATE_EPOCH="1700000000")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert files_below(out) == {"w/__init__.py", "share/w.txt", "w-1.dist-info/METADATA"}
    info = (out / "w/__init__.py").stat()
    assert info.st_mode & 0o777 == 0o644
    assert info.st_mtime == 1700000000
    assert not list(house.rglob("__pycache__")), "the source tree stays as it was unpacked"


def test_scripts_only_when_asked_for(house: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(house, "install", "--arch=amd64", "--python=3.11", f"--target={out}", "--scripts")
    assert done.returncode == 0, done.stderr
    assert (out / "bin/w").read_text().startswith("#!/usr/bin/python3\n")
    assert os.access(out / "bin/w", os.X_OK)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--python=3.13"], "nothing for Python 3.13 on arm64; it was made for amd64/3.11"),
        (["--only=nothing"], "has no nothing; it has w"),
        (["--skip=nothing"], "has no nothing; it has w"),
    ],
)
def test_what_is_not_there(house: Path, tmp_path: Path, arguments: list[str], says: str) -> None:
    done = run(house, "install", "--arch=arm64", "--python=3.11", f"--target={tmp_path / 'out'}",
               *arguments)  # fmt: skip
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_changed_file_is_refused(house: Path, tmp_path: Path) -> None:
    with (house / "files/w-1-py3-none-any.whl").open("ab") as file:
        file.write(b"!")
    for command in (["verify"], ["install", "--arch=amd64", "--python=3.11", "--target=out"]):
        done = run(house, *command)
        assert done.returncode == 1
        assert "is not the file that was locked" in done.stderr
    assert not (tmp_path / "out").exists()


def test_extract_list_verify(house: Path, tmp_path: Path) -> None:
    done = run(house, "extract", "--name=w", f"--target={tmp_path / 'x'}", "--files=*.txt")
    assert done.returncode == 0, done.stderr
    assert files_below(tmp_path / "x") == {"share/w.txt"}
    done = run(house, "extract", "--name=w", f"--target={tmp_path / 'x'}", "--files=*.gguf")
    assert done.returncode == 1 and "no file that matches *.gguf" in done.stderr
    assert "w 1 w-1-py3-none-any.whl" in run(house, "list").stdout
    assert run(house, "verify").stdout == "wheelhouse: 1 files are what they should be\n"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "files": [1]}'])
def test_a_damaged_manifest(house: Path, text: str) -> None:
    (house / "manifest.json").write_text(text)
    done = run(house, "list")
    assert done.returncode == 1
    assert done.stderr.startswith("wheelhouse: error:")


def test_a_library_for_another_machine_is_refused(tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path / "v.whl", {"v/vec.so": ARM32})
    with pytest.raises(Problem, match="32-bit ELF file for armhf, not arm64"):
        unpack.unpack(wheel, tmp_path / "out", arch="arm64")
    wheel = a_wheel(tmp_path / "v.whl", {"v/vec.so": ARM64})
    assert unpack.unpack(wheel, tmp_path / "out", arch="arm64")
    assert unpack.unpack(a_wheel(tmp_path / "v.whl", {"a": ARM32}), tmp_path / "out", arch=None)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\\..\\x", "w-1.data/other/x"])
def test_members_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    wheel = a_wheel(tmp_path / "v.whl", {name: b""})
    with pytest.raises(Problem):
        unpack.unpack(wheel, tmp_path / "out", arch=None)


def test_links_in_a_wheel_are_refused(tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path / "v.whl", {"passwd": b"/etc/passwd"}, mode=0o120777)
    with pytest.raises(Problem, match="neither file nor directory"):
        unpack.unpack(wheel, tmp_path / "out", arch=None)


def test_two_wheels_may_not_disagree(tmp_path: Path) -> None:
    out = tmp_path / "out"
    unpack.unpack(a_wheel(tmp_path / "a.whl", {"x/y.py": b"1"}), out, arch=None)
    unpack.unpack(a_wheel(tmp_path / "b.whl", {"x/y.py": b"1"}), out, arch=None)
    with pytest.raises(Problem, match="is there already, and is another file"):
        unpack.unpack(a_wheel(tmp_path / "c.whl", {"x/y.py": b"2"}), out, arch=None)


def test_what_is_no_wheel(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"PK")
    with pytest.raises(Problem, match="not a wheel that can be read"):
        unpack.unpack(tmp_path / "a.whl", tmp_path / "out", arch=None)


def a_tar(path: Path, *members: tuple[str, Any]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.mtime = 1_700_000_000
            if isinstance(content, bytes):
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            else:
                entry.type, entry.linkname = content
                tar.addfile(entry)
    return path


def test_an_sdist_is_unpacked_with_its_date(tmp_path: Path) -> None:
    archive = a_tar(
        tmp_path / "a-1.tar.gz", ("a-1/x", b"x"), ("a-1/d/link", (tarfile.SYMTYPE, "../x"))
    )
    (tmp_path / "out").mkdir()
    directory, epoch = sdist.unpack(archive, tmp_path / "out")
    assert directory == tmp_path / "out/a-1"
    assert epoch == 1_700_000_000
    assert (directory / "d/link").read_bytes() == b"x"


@pytest.mark.parametrize(
    "members",
    [
        [("../x", b"x")],
        [("/x", b"x")],
        [("a-1/l", (tarfile.SYMTYPE, "/etc/passwd"))],
        [("a-1/l", (tarfile.SYMTYPE, "../../x"))],
        [("a-1/d", (tarfile.SYMTYPE, "e")), ("a-1/d/x", b"x")],
        [("a-1/dev", (tarfile.CHRTYPE, ""))],
        [("a-1/x", b"x"), ("b/x", b"x")],
        [],
    ],
)
def test_sdists_that_are_refused(tmp_path: Path, members: list[tuple[str, Any]]) -> None:
    archive = a_tar(tmp_path / "a-1.tar.gz", *members)
    (tmp_path / "out").mkdir()
    with pytest.raises(Problem):
        sdist.unpack(archive, tmp_path / "out")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("text", "backend", "paths"),
    [
        ("", "setuptools.build_meta:__legacy__", []),
        ('[build-system]\nrequires = []\nbuild-backend = "a.b:c"\n', "a.b:c", []),
        ('[project]\nbuild-backend = "no"\n[build-system]\nbuild-backend="x"\n'
         'backend-path = [".",\n "in"]\n[tool]\n', "x", [".", "in"]),
    ],
)  # fmt: skip
def test_the_build_backend(tmp_path: Path, text: str, backend: str, paths: list[str]) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert sdist.build_system(tmp_path) == (backend, paths)


@pytest.mark.parametrize(
    ("name", "python"),
    [
        ("a-1-py3-none-linux_x86_64.whl", None),
        ("a-1-py2.py3-none-any.whl", None),
        ("a-1-cp311-cp311-linux_x86_64.whl", "3.11"),
        ("a-1-1-cp39-cp39-linux_x86_64.whl", "3.9"),
        ("a-1-cp38-abi3-linux_x86_64.whl", None),
        ("a-1-cp311-none-linux_x86_64.whl", "3.11"),
    ],
)
def test_what_a_wheels_name_binds_it_to(name: str, python: str | None) -> None:
    assert repack.python_of(name) == python


def test_settings_of_an_architecture_go_over_those_of_all() -> None:
    tables = {
        "a": {
            "environment": {"X": "1", "Y": "1"}, "keep": ["k"],
            "arch": {"arm64": {"environment": {"X": "2"}, "keep": ["l"]}},
        }
    }  # fmt: skip
    assert settings_for(tables, "a", "amd64") == Settings({"X": "1", "Y": "1"}, keep=("k",))
    assert settings_for(tables, "a", "arm64") == Settings({"X": "2", "Y": "1"}, keep=("l",))
    assert settings_for(tables, "b", "arm64") == Settings()
    digests = {settings_for(tables, "a", arch).digest() for arch in ("amd64", "arm64")}
    assert len(digests) == 2


@given(st.binary(max_size=64))
def test_any_file_is_some_machines_or_none(head: bytes) -> None:
    assert elf.wrong_machine(b"#!" + head, "amd64") is None
    assert elf.wrong_machine(head, "unknown") is None
    found = elf.machine(b"\x7fELF" + head)
    assert found is None or len(found) == 3


def test_lent_wheels_must_be_of_this_sdist_and_these_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from debwright.source.wheelhouse.carried.helper.manifest import Entry

    wheel = tmp_path / "a-1-py3-none-linux_x86_64.whl"
    wheel.write_bytes(b"wheel")
    entry = Entry("a", "1", "a-1.tar.gz", "s" * 64, "sdist", "run", frozenset(), tmp_path / "a")
    settings = Settings({"X": "1"})
    record = {"sdist": entry.sha256, "arch": "amd64", "settings": settings.digest(),
              "python": None, "file": wheel.name, "sha256": sha256(wheel)}  # fmt: skip
    (tmp_path / "index.json").write_text(json.dumps({"wheels": [record]}))
    assert lent.find(entry, "amd64", "3.11", settings) is None, "nothing is lent"
    monkeypatch.setenv(lent.VARIABLE, str(tmp_path))
    assert lent.find(entry, "amd64", "3.11", settings) == wheel
    assert lent.find(entry, "arm64", "3.11", settings) is None
    assert lent.find(entry, "amd64", "3.11", Settings()) is None
    (tmp_path / "index.json").write_text(json.dumps({"wheels": [{**record, "python": "3.13"}]}))
    assert lent.find(entry, "amd64", "3.11", settings) is None
    (tmp_path / "index.json").write_text(json.dumps({"wheels": [record]}))
    wheel.write_bytes(b"another")
    with pytest.raises(Problem, match="not the wheel its index names"):
        lent.find(entry, "amd64", "3.11", settings)
    (tmp_path / "index.json").unlink()
    with pytest.raises(Problem, match="cannot be read"):
        lent.find(entry, "amd64", "3.11", settings)
