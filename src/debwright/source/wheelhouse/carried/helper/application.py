"""`wheelhouse.py tree`: the application of this source package in a private tree."""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

from . import unpack, version
from .compiling import compile_tree
from .manifest import Wheelhouse
from .problem import Problem
from .tree import Tree, copy_source

# setuptools-scm and pbr take the list of files from git, which is not there in a build: a list that
# says "all" stands in, before what the author's own takes out.
_LISTED_BY_GIT = re.compile(r"\b(?:setuptools[-_.]scm|pbr)\b")

# They take no variable; without git they believe the PKG-INFO of a source distribution.
_READS_PKG_INFO = re.compile(r"\b(?:versioningit|setuptools[-_.]git[-_.]versioning)\b")

_CRATES = Path("/usr/share/cargo/registry")
"""Where Debian's packages of crates are (librust-*-dev, Debian's Rust team)."""
_REPLACED = """\
[source.crates-io]
replace-with = "carried"
[source.carried]
directory = "{directory}"
"""


def build(house: Wheelhouse, tree: Tree, arguments: argparse.Namespace, arch: str) -> None:
    """Build the project by its own backend (PEP 517) and unpack it into the tree.

    The backend sees a copy without debian/ and the like, which some would take for packages of the
    project. Raises Problem, also for a version that the backend could not find out.
    """
    source: Path = arguments.source
    debian = _changelog_version()

    def copy(directory: Path) -> Path:
        # Some backends, as versioneer, read the version in the directory's name.
        target = directory / f"{tree.package}-{version.pep440(debian)}"
        target.mkdir()
        copy_source(source, target)
        prepare_files(target, version.pep440(debian))
        prepare_crates(target)
        return target

    with tempfile.TemporaryDirectory(prefix="wheelhouse-") as output:
        wheel = compile_tree(
            house, copy, name=tree.package, version=version.pep440(debian), arch=arch,
            output=Path(output), environment=version.versions(debian),
        )  # fmt: skip
        if arguments.version_of_package:
            _compare(wheel, version.pep440(debian))
        unpack.unpack(
            wheel, tree.packages, arch=arch, scripts=True, prefix=tree.prefix,
            interpreter=tree.interpreter, exclude=arguments.exclude_files,
        )  # fmt: skip
        print(f"wheelhouse: {wheel.name} of this source", flush=True)


def prepare_files(target: Path, release: str) -> None:
    """Put next to a copy of the project what git would say in a repository: files, a version."""
    names = ("pyproject.toml", "setup.py", "setup.cfg")
    text = "\n".join(
        (target / n).read_text("utf-8", "replace") for n in names if (target / n).is_file()
    )
    if _LISTED_BY_GIT.search(text):
        own = target / "MANIFEST.in"
        said = own.read_text(encoding="utf-8") if own.is_file() else ""
        own.write_text(f"graft .\n{said}", encoding="utf-8")
    if "versioneer" in text:
        _fill_in(target, text, release)
    if _READS_PKG_INFO.search(text) and not (target / "PKG-INFO").exists():
        (target / "PKG-INFO").write_text(
            f"Metadata-Version: 2.1\nName: {target.name}\nVersion: {release}\n", encoding="utf-8"
        )


def _fill_in(target: Path, text: str, release: str) -> None:
    """Name the release in files that versioneer has `git archive` fill in (gitattributes(5))."""
    prefix = re.search(r"^tag_prefix\s*=[ \t]*[\"']?([^\"'\s]*)", text, re.M)
    refs = f"tag: {prefix[1] if prefix else ''}{release}"
    for module in target.rglob("_version.py"):
        said = module.read_text("utf-8", "replace")
        if '"$Format:%d$"' in said:
            module.write_text(said.replace('"$Format:%d$"', f'"{refs}"'), encoding="utf-8")


def prepare_crates(target: Path) -> None:
    """Say in a copy of the project where its crates are: in vendor/, else those of Debian.

    Debian's crates are of other versions than the project's lock names.
    """
    manifests = [target / "Cargo.toml", *sorted(target.glob("*/Cargo.toml"))]
    manifest = next((m for m in manifests if m.is_file()), None)
    configured = target / ".cargo/config.toml"
    said = configured.read_text(encoding="utf-8") if configured.is_file() else ""
    if manifest is None or "replace-with" in said:
        return
    vendored = target / "vendor/.debwright.toml"
    if vendored.is_file():
        text = vendored.read_text(encoding="utf-8")
    elif (target / "vendor").is_dir():
        text = _REPLACED.format(directory="vendor")
    elif _CRATES.is_dir():
        text = _REPLACED.format(directory=_CRATES)
        (manifest.parent / "Cargo.lock").unlink(missing_ok=True)
    else:
        return
    configured.parent.mkdir(exist_ok=True)
    configured.write_text(f"{said}\n{text}", encoding="utf-8")


def _changelog_version() -> str:
    try:
        done = subprocess.run(
            ["dpkg-parsechangelog", "-S", "Version"], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem(f"debian/changelog gives no version: {error}") from error
    return done.stdout.strip()


def _compare(wheel: Path, expected: str) -> None:
    """Refuse metadata with another version than the package: a backend that knows no tags."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        found = HeaderParser().parsestr(archive.read(name).decode("utf-8", "replace"))["Version"]
    if _plain(str(found)) != _plain(expected):
        raise Problem(
            f"{wheel.name} has version {found}, and the package {expected}",
            ("the backend takes its version from elsewhere than debian/changelog",),
        )


def _plain(text: str) -> str:
    """A version as far as two spellings of it are the same (PEP 440, normalization)."""
    text = text.lower().lstrip("v")
    for long, short in (("alpha", "a"), ("beta", "b"), ("preview", "rc"), ("pre", "rc")):
        text = re.sub(rf"(\d)[._-]?{long}", rf"\1{short}", text)
    text = re.sub(r"[._-]?(a|b|rc)[._-]?(\d)", r"\1\2", text)
    text = re.sub(r"[._-]0+(?=[1-9])", ".", text)
    public, _, local = text.partition("+")
    public = re.sub(r"(\.0)+$", "", public)
    return f"{public}+{re.sub(r'[-_.]', '.', local)}" if local else public
