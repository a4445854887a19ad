"""What a lock says, whether npm, pnpm or yarn wrote it: packages, and where each is unpacked."""

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from debwright.model.codes import ERROR, Code, CodedError, Codes
from debwright.model.errors import BuildError, ExitCode

CODES = Codes(
    {
        "npm/hash": Code(ERROR, "What the registry serves is not what was locked."),
        "npm/lock": Code(ERROR, "A lock of npm, pnpm or yarn names what cannot be fetched."),
        "npm/no-hash": Code(
            ERROR, "Neither the lock nor the registry says what a package hashes to."
        ),
    }
)

NAME = re.compile(r"(?:@[a-z0-9~][\w.~-]*/)?[a-zA-Z0-9~_-][\w.~-]*", re.ASCII)
VERSION = re.compile(r"\d[0-9A-Za-z.+-]*", re.ASCII)
ALGORITHMS = ("sha512", "sha384", "sha256", "sha1")
"""Of Subresource Integrity and of old locks, the best first."""


class NpmError(CodedError, BuildError):
    """The tarballs that a lock names cannot be had; `code` is the finding's."""

    codes = CODES


class RegistryUnreachable(BuildError):
    """The registry does not answer: nothing is wrong with the project."""

    exit_code = ExitCode.MISSING


@dataclass(frozen=True, kw_only=True)
class Integrity:
    """What a tarball must hash to."""

    algorithm: str
    hexdigest: str

    def __str__(self) -> str:
        return f"{self.algorithm} {self.hexdigest}"


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Where a package may be used, as its package.json says; empty: everywhere."""

    os: tuple[str, ...] = ()
    cpu: tuple[str, ...] = ()
    libc: tuple[str, ...] = ()

    def fits(self, cpus: frozenset[str]) -> bool:
        """Whether some Linux with glibc on one of `cpus` (process.arch) may use it."""
        return (
            _allows(self.os, frozenset({"linux"}))
            and _allows(self.libc, frozenset({"glibc"}))
            and _allows(self.cpu, cpus)
        )


def _allows(said: tuple[str, ...], have: frozenset[str]) -> bool:
    """`!x` forbids, everything else is a list of what is allowed (package.json(5), os and cpu)."""
    wanted = {one for one in said if not one.startswith("!") and one != "any"}
    refused = {one[1:] for one in said if one.startswith("!")}
    return bool((have & wanted if wanted else have) - refused)


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A package at one place of the tree that node looks through."""

    path: str
    """As `node_modules/a/node_modules/@b/c`."""
    name: str
    """In the registry, which an alias has another name for."""
    version: str
    url: str | None
    """None: the registry's own address for the name and version."""
    integrity: Integrity | None
    dev: bool = False
    """Only the build needs it."""
    optional: bool = False
    platform: Platform | None = None
    """None: the lock does not say."""
    scripts: bool | None = None
    """Whether it has a script that is run when it is installed; None: the lock does not say."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """A directory of the project itself that stands in the tree, as a member of a workspace."""

    path: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Tree:
    """What node_modules has."""

    packages: tuple[Locked, ...]
    links: tuple[Link, ...] = ()


def integrity(text: object) -> Integrity | None:
    """The best hash of a Subresource Integrity text (W3C, 3.3), as `sha512-BASE64`."""
    found: dict[str, str] = {}
    for word in text.split() if isinstance(text, str) else ():
        algorithm, _, value = word.partition("-")
        try:
            found.setdefault(
                algorithm, base64.b64decode(value.partition("?")[0], validate=True).hex()
            )
        except (binascii.Error, ValueError):
            continue
    return best(found)


def best(found: dict[str, str]) -> Integrity | None:
    """The best of hashes by algorithm."""
    for algorithm in ALGORITHMS:
        if digest := found.get(algorithm):
            return Integrity(algorithm=algorithm, hexdigest=digest)
    return None


def checked(package: Locked, file: str) -> Locked:
    """`package`, when its names cannot lead elsewhere. Raises NpmError."""
    parts = PurePosixPath(package.path).parts
    sane = "node_modules" in parts and ".." not in parts and not package.path.startswith("/")
    if not sane or not NAME.fullmatch(package.name) or not VERSION.fullmatch(package.version):
        raise NpmError(
            f"{file} names a package that npm would not install",
            code="npm/lock",
            cause=f"path {package.path[:100]!r}, name {package.name[:100]!r}, version "
            f"{package.version[:40]!r}",
        )
    return package


def refused(name: str, where: str, file: str) -> NpmError:
    """The error for a dependency that is no tarball of a registry."""
    return NpmError(
        f"{name} comes from {where}, and not from a registry",
        code="npm/lock",
        cause=f"{file} has no hash of it, so that nobody could tell whether it was changed",
        fix="publish it to a registry, or make it a workspace of the project",
    )
