"""The version of a project: what it says of itself, or what git's tags say."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Literal

from packaging.version import InvalidVersion, Version

from debwright.host.git import git
from debwright.host.process import CommandError
from debwright.init.ecosystems.python.backends import BuildSystem
from debwright.init.ecosystems.python.packages import ROOTS, top_modules
from debwright.init.ecosystems.python.tables import dig, text_of
from debwright.model.errors import Evidence, UsageError
from debwright.source.order import compare
from debwright.source.version import from_git

FIRST = "0.1.0"
_OF_VERSIONS = ("/_version.py", "/version.py", "/__version__.py", "/__about__.py")
PREFIXES = ("v", "", "release-", "{name}-", "{name}-v", "{name}/v")
"""What release tags have before the version, the usual ones first."""
_ASSIGNED = re.compile(
    r"^(?:__version__|VERSION|version)\s*(?::[^=\n]+)?=\s*(['\"][^'\"\n]+['\"])", re.M
)
_SETUP = re.compile(r"""^\s*version\s*=\s*["']?([0-9][^"',\s]*)""", re.M)
# After a prefix as PREFIXES has it; not what some call 20240501 or 3.
_TAG = re.compile(
    r"(?:[A-Za-z][\w.]*[-_/])?[vV]?(\d+(?:\.\d+)+(?:[-.]?(?:a|b|rc|post|dev)\.?\d+)*)"
)
_CARGO = re.compile(r"""^\[package\]$[^\[]*?^version\s*=\s*["']([^"']+)["']""", re.S | re.M)
_MESON = re.compile(r"""project\([^)]*?version\s*:\s*'([^']+)'""", re.S)


@dataclass(frozen=True, kw_only=True)
class Told:
    """The version, and where the next one will come from."""

    upstream: str
    """As Debian's upstream version, with an epoch where there is one."""
    source: Literal["changelog", "git"] = "changelog"
    tag_prefix: str = "v"
    tagged: bool = False
    """Whether the project's metadata get the version from tags."""
    notes: tuple[str, ...] = ()


def read_version(directory: Path, name: str, data: Mapping[str, Any], build: BuildSystem) -> Told:
    """Raises UsageError for a version that is none."""
    if _from_tags(data, build):
        return newest_tag(directory, name)
    text = _static(data) or _dynamic(directory, name, data) or _published(directory)
    if text is None:
        note = f"no version was found: debian/changelog begins with {FIRST}; correct it"
        return Told(upstream=FIRST, notes=(note,))
    return Told(upstream=_debian(text))


def debian_version(version: Version) -> str:
    """In Debian's order: 1.0rc1 is below 1.0, 1.0.dev1 below 1.0a1, 1.0.post1 below 1.0.1.

    "~" sorts below nothing, twice below once, "+" above nothing (policy 5.6.12); a suffix that
    begins with a letter would sort above.
    """
    base = ".".join(str(n) for n in version.release)
    early = "".join(str(p) for p in version.pre or ())
    late = f"+post{version.post}" if version.post is not None else ""
    mark = "~" if early or late else "~~"
    dev = f"{mark}dev{version.dev}" if version.dev is not None else ""
    local = f"+{version.local}" if version.local else ""
    epoch = f"{version.epoch}:" if version.epoch else ""
    return epoch + base + (f"~{early}" if early else "") + late + dev + local


def _debian(text: str) -> str:
    try:
        return debian_version(Version(text))
    except InvalidVersion as error:
        raise UsageError(
            f"{text[:80]!r} is not a version",
            evidence=[Evidence(text=f"version = {text!r}"[:200])],
            cause="Python's versions are those of PEP 440, as 1.2.3 and 1.2.3rc1",
            fix="correct it in pyproject.toml",
        ) from error


def _static(data: Mapping[str, Any]) -> str | None:
    project = dig(data, "project")
    version = project.get("version", dig(data, "tool", "poetry").get("version"))
    if version is None or isinstance(version, str):
        return version
    raise UsageError(
        f"the version is not a text: {version!r}",
        evidence=[Evidence(text=f"version = {version!r}"[:200], file="pyproject.toml")],
        fix=f'version = "{version}"',
    )


def _from_tags(data: Mapping[str, Any], build: BuildSystem) -> bool:
    tool = dig(data, "tool")
    if "poetry-dynamic-versioning" in build.names:
        # Its version in [tool.poetry] is a placeholder.
        return dig(tool, "poetry-dynamic-versioning").get("enable") is True
    if _static(data) is not None or dig(tool, "setuptools", "dynamic").get("version"):
        return False
    hatch = dig(tool, "hatch", "version")
    if hatch:
        return hatch.get("source", "regex") not in ("regex", "code", "env", "nodejs")
    if dig(tool, "pdm", "version").get("source") == "scm":
        return True
    return build.tagged


def newest_tag(directory: Path, name: str) -> Told:
    """The version of the highest release tag, and the form of it."""
    if (best := _highest(directory, name)) is not None:
        return best
    if (found := _other_tag(directory)) is not None:
        tag, version = found
        note = (
            f"the version is that of the tag {tag}; tags of its form do not count later on, only "
            "those like v1.2.3: write the next version into debian/changelog"
        )
        return Told(upstream=debian_version(version), tagged=True, notes=(note,))
    text = _published(directory)
    if text is not None:
        return Told(upstream=_debian(text), tagged=True)
    note = (
        f"the version comes from git's tags, and there is none like v1.2.3: {FIRST} stands in "
        f"debian/changelog until then"
    )
    return Told(upstream=FIRST, tagged=True, notes=(note,))


def _highest(directory: Path, name: str) -> Told | None:
    """The highest release tag of any form: a project may have changed the form of its tags."""
    found: list[Told] = []
    for form in PREFIXES:
        prefix = form.format(name=name)
        try:
            info = from_git(directory, tag_prefix=prefix)
        except UsageError:
            break  # no repository
        if info.tag is not None:
            upstream = info.upstream.partition("+")[0]
            found.append(Told(upstream=upstream, source="git", tag_prefix=prefix, tagged=True))
    best: Told | None = None
    for told in found:
        if best is None or compare(told.upstream, best.upstream) > 0:
            best = told
    return best


def _other_tag(directory: Path) -> tuple[str, Version] | None:
    """The highest tag that ends in a version of Python's, as `v1.2`, `2024.01` and `v1.2.0rc1`."""
    try:
        names = git(directory, "tag", "--merged", "HEAD").output.split()
    except (CommandError, UsageError):
        return None
    found = []
    for name in names:
        match = _TAG.fullmatch(name)
        if match and len(name) <= 128:
            found.append((name, Version(match[1])))
    return max(found, key=lambda pair: pair[1], default=None)


def _published(directory: Path) -> str | None:
    """The version in PKG-INFO, which a source distribution has."""
    text = text_of(directory, "PKG-INFO")
    version = HeaderParser().parsestr(text)["Version"] if text else None
    return str(version) if version else None


def _dynamic(directory: Path, name: str, data: Mapping[str, Any]) -> str | None:
    tool = dig(data, "tool")
    told = dig(tool, "setuptools", "dynamic", "version")
    files = told.get("file", ())
    for file in [files] if isinstance(files, str) else files:
        if (text := text_of(directory, str(file)).strip()) and "\n" not in text:
            return text
    for place in _places(directory, name, tool, told.get("attr")):
        if match := _ASSIGNED.search(text_of(directory, place)):
            return str(ast.literal_eval(match[1]))
    cargo = str(dig(tool, "maturin").get("manifest-path", "Cargo.toml"))
    for place, pattern in (("setup.cfg", _SETUP), ("setup.py", _SETUP), ("meson.build", _MESON),
                           (cargo, _CARGO)):  # fmt: skip
        if match := pattern.search(text_of(directory, place)):
            return match[1]
    return None


def _places(directory: Path, name: str, tool: Mapping[str, Any], attr: object) -> Iterator[str]:
    """Files that may hold `__version__ = "..."`."""
    for table, key in (
        (dig(tool, "hatch", "version"), "path"),
        (dig(tool, "pdm", "version"), "path"),
        (dig(tool, "scikit-build", "metadata", "version"), "input"),
    ):
        if isinstance(place := table.get(key), str):
            yield place
    if attr:
        modules = [str(attr).rpartition(".")[0]]
    else:
        modules = [re.sub(r"[-.]+", "_", name), *top_modules(directory, name)]
    roots = [f"{root}/" if root else "" for root in ROOTS]
    for module in dict.fromkeys(modules):
        for root in roots:
            for end in ("/__init__.py", ".py", *_OF_VERSIONS):
                yield f"{root}{module.replace('.', '/')}{end}"
