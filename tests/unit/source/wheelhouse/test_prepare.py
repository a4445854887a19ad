"""What distributions say of themselves, and what an sdist's build must find locked."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from debwright.config import Config
from debwright.model.errors import ConfigError
from debwright.roots.cache import Cache
from debwright.source.wheelhouse.metadata import about_sdist, about_wheel
from debwright.source.wheelhouse.prepare import find, prepare, wish
from debwright.source.wheelhouse.resolve import WheelhouseError

ARM32 = b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x03\x00\x28\x00" + bytes(44)
BOTH = frozenset({"amd64", "arm64"})


def a_wheel(path: Path, metadata: str, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("v-1.dist-info/METADATA", metadata)
        archive.writestr("v-1.dist-info/licenses/LICENSE.txt", "MIT")
        for name, content in files.items():
            archive.writestr(f"v/{name}", content)
    return path


def a_sdist(path: Path, **files: str) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"v-1/{name.replace('__', '.').replace('_INFO', '-INFO')}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: no\n", "MIT OR Apache-2.0"),
        ("License: BSD-3-Clause\n", "BSD-3-Clause"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        (f"License: {'long ' * 50}\n", None),
        ("", None),
    ],
)
def test_licences(tmp_path: Path, metadata: str, licence: str | None) -> None:
    about = about_wheel(a_wheel(tmp_path / "v.whl", f"Name: v\n{metadata}"), BOTH)
    assert about.licence == licence
    assert about.licence_files == ("v-1.dist-info/licenses/LICENSE.txt",)


def test_metadata_is_one_line_of_text(tmp_path: Path) -> None:
    text = "Summary: a\x1b[31mb\nProject-URL: Source, https://example.org/v\nHome-page: UNKNOWN\n"
    about = about_wheel(a_wheel(tmp_path / "v.whl", text), BOTH)
    assert about.summary == "a [31mb"
    assert about.homepage == "https://example.org/v"


def test_a_wheel_with_another_machines_library(tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path / "vec.whl", "Name: v\n", vec=ARM32)
    with pytest.raises(WheelhouseError, match="a library that arm64 cannot use") as caught:
        about_wheel(wheel, frozenset({"arm64"}))
    (evidence,) = caught.value.evidence
    assert evidence.file == "v/vec"
    assert "32-bit" in evidence.text
    assert caught.value.code == "wheelhouse/wrong-machine"


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"\x1f\x8b"])
def test_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(WheelhouseError, match="cannot be read"):
        about_wheel(tmp_path / "v", BOTH)
    with pytest.raises(WheelhouseError, match="cannot be read"):
        about_sdist(tmp_path / "v")


def test_what_an_sdist_is_compiled_with(tmp_path: Path) -> None:
    text = '[build-system]\nrequires = ["cmake>=3.20 ; python_version < \'3.12\'", "ninja"]\n'
    about = about_sdist(a_sdist(tmp_path / "v.tar.gz", PKG_INFO="License: MIT\n",
                                pyproject__toml=text))  # fmt: skip
    assert [r.name for r in about.requires] == ["cmake", "ninja"]
    assert about.licence == "MIT"
    old = about_sdist(a_sdist(tmp_path / "old.tar.gz", setup__py=""))
    assert [r.name for r in old.requires] == ["setuptools"]
    with pytest.raises(WheelhouseError, match=r"cannot be read"):
        about_sdist(a_sdist(tmp_path / "bad.tar.gz", pyproject__toml="[build-system\n"))


HASH = "0" * 64


def publish(tmp_path: Path, name: str, file: Path) -> str:
    """Put a file into the index (PEP 503) below `tmp_path`; returns its hash."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    home = tmp_path / "index" / name
    home.mkdir(parents=True, exist_ok=True)
    file.rename(home / file.name)
    (home / "index.html").write_text(f'<a href="{file.name}#sha256={digest}">{file.name}</a>')
    return digest


def project(tmp_path: Path, build_lock: str | None, requires: str) -> Config:
    """The lock of one sdist, in an index that is a directory."""
    text = f"[build-system]\nrequires = [{requires}]\n"
    digest = publish(tmp_path, "v", a_sdist(tmp_path / "v-1.tar.gz", pyproject__toml=text))
    (tmp_path / "requirements.lock").write_text(f"v==1 --hash=sha256:{digest}\n")
    settings = {"lock": "requirements.lock", "index": (tmp_path / "index").as_uri()}
    if build_lock is not None:
        (tmp_path / "build.lock").write_text(build_lock)
        settings["build_lock"] = "build.lock"
    return Config.model_validate({"targets": {"build": ["bookworm-amd64"]}, "wheelhouse": settings})


def a_cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


def tools(tmp_path: Path, *names: str) -> str:
    """A lock of build tools that are in the index."""
    lines = []
    for name in names:
        wheel = a_wheel(tmp_path / f"{name}-2-py3-none-any.whl", f"Name: {name}\n")
        lines.append(f"{name}==2 --hash=sha256:{publish(tmp_path, name, wheel)}\n")
    return "".join(lines)


def test_a_wheelhouse_is_made_once(tmp_path: Path) -> None:
    asked = wish(project(tmp_path, tools(tmp_path, "ninja"), '"ninja>=1"'), tmp_path)
    assert asked is not None
    cache = a_cache(tmp_path)
    assert find(asked, cache) is None
    said: list[str] = []
    made = prepare(asked, cache, note=said.append, activity=said.append)
    assert made.files == 2
    said.clear()
    again = prepare(asked, cache, note=said.append, activity=said.append)
    assert again.component == made.component
    assert said == [], "nothing is resolved, fetched or packed again"
    assert find(asked, cache) is not None
    made.component.tarball.unlink()
    assert find(asked, cache) is None


@pytest.mark.parametrize(
    ("locked", "requires", "says"),
    [
        (["ninja"], '"cmake"', "compiled with cmake, which build.lock"),
        (["ninja"], '"ninja>=3"', "compiled with ninja>=3, which build.lock"),
    ],
)
def test_build_requirements_must_be_locked(
    tmp_path: Path, locked: list[str], requires: str, says: str
) -> None:
    asked = wish(project(tmp_path, tools(tmp_path, *locked), requires), tmp_path)
    assert asked is not None
    with pytest.raises(WheelhouseError, match=says) as caught:
        prepare(asked, a_cache(tmp_path), note=lambda _: None, activity=lambda _: None)
    assert caught.value.code == "wheelhouse/build-requirement"
    assert "uv pip compile" in (caught.value.fix or "")


def test_without_a_build_lock_the_distribution_has_the_tools(tmp_path: Path) -> None:
    asked = wish(project(tmp_path, None, '"cmake"'), tmp_path)
    assert asked is not None
    assert prepare(asked, a_cache(tmp_path), note=print, activity=print).files == 1


def test_a_change_of_anything_is_another_wish(tmp_path: Path) -> None:
    digests = set()
    for build_lock, arch in ((None, "amd64"), (f"x==1 --hash=sha256:{HASH}", "amd64"),
                             (None, "arm64")):  # fmt: skip
        config = project(tmp_path, build_lock, "")
        targets = config.targets.model_copy(update={"build": [f"bookworm-{arch}"]})
        asked = wish(config.model_copy(update={"targets": targets}), tmp_path)
        assert asked is not None
        digests.add(asked.digest)
    assert len(digests) == 3


def test_no_wheelhouse_no_wish(tmp_path: Path) -> None:
    assert wish(Config(), tmp_path) is None


def test_a_lock_that_is_not_there_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    config = Config.model_validate({"wheelhouse": {"lock": "nowhere.lock"}})
    with pytest.raises(ConfigError, match=r"nowhere\.lock cannot be read"):
        wish(config, tmp_path)
