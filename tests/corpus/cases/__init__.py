"""Small things that break on purpose, each in one way, and the code of what breaks them.

A case says how it is made; the log is what real tools say of it (`generate.py`). `code` is the
problem a reader of the log would have to correct first. `token` is a word that only this case's
own source has: a log without it shows another failure than the one meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True, kw_only=True)
class Case:
    """One broken thing."""

    name: str
    code: int
    """What diagnose should say; 0: nothing it could know (a bug of the program itself)."""
    script: str
    """For sh, in the case's directory."""
    token: str
    files: Mapping[str, str] = field(default_factory=dict)
    where: str = "build"
    """`build`: a root with compilers and build tools; `booted`: a system with systemd; `arm64`: a
    root of another architecture under qemu-user; `docker`: a shell that reaches a Docker daemon."""
    root: bool = False
    """As root instead of as the user that builds."""
    later: bool = False
    """Written when the rules were finished, to be read by them once."""
    succeeds: bool = False
    """A log of work that ended well: diagnose must have nothing to say."""

    @property
    def held_out(self) -> bool:
        """A third of the cases, by their names alone: no rule was written with them in sight."""
        third = sha256(self.name.encode()).digest()[0] % 3 == 0
        return not self.succeeds and (third or self.later)


CONTROL = """Source: {name}
Section: misc
Priority: optional
Maintainer: Jo Doe <jo@example.org>
Standards-Version: 4.6.2
Build-Depends: {depends}
Rules-Requires-Root: no

Package: {name}
Architecture: {arch}
Depends: {run_depends}
Description: a small package
 It is there to be built.
"""
CHANGELOG = """{name} (1.0-1) unstable; urgency=medium

  * First version.

 -- Jo Doe <jo@example.org>  Mon, 01 Jan 2024 12:00:00 +0000
"""


def package(
    name: str,
    code: int,
    token: str,
    files: Mapping[str, str] | None = None,
    *,
    rules: str = "%:\n\tdh $@\n",
    depends: str = "debhelper-compat (= 13)",
    run_depends: str = "${misc:Depends}, ${shlibs:Depends}",
    arch: str = "any",
    script: str = "dpkg-buildpackage -us -uc -b",
    format_: str = "3.0 (native)\n",
    where: str = "build",
    root: bool = False,
    succeeds: bool = False,
) -> Case:
    """A case that is a source package; `files` replaces and adds. A dh package unless told."""
    tree = {
        "debian/control": CONTROL.format(
            name=name, depends=depends, arch=arch, run_depends=run_depends
        ),
        "debian/changelog": CHANGELOG.format(name=name).replace(
            "1.0-1", "1.0" if "native" in format_ else "1.0-1"
        ),
        "debian/rules": "#!/usr/bin/make -f\n" + rules,
        "debian/source/format": format_,
        **(files or {}),
    }
    return Case(
        name=name,
        code=code,
        script=script,
        token=token,
        files=tree,
        where=where,
        root=root,
        succeeds=succeeds,
    )


def everything() -> tuple[Case, ...]:
    """All cases, in a fixed order; names are unique."""
    from . import building, debian, infrastructure, installing, later, python, services

    parts = (building, debian, infrastructure, installing, later, python, services)
    cases = tuple(case for part in parts for case in part.CASES)
    names = [case.name for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, twice
    return cases
