"""Deliberately bad packages: each is caught by the named check, with the evidence to act on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.kit.debs import Content, Item, build, make_deb
from tests.kit.elffiles import Program
from tests.kit.packages import context, judged
from tests.kit.secretfiles import GITHUB, KEY, PGP, aws, github

from debwright.checks.engine.base import FileCheck
from debwright.checks.files.buildpath import BuildPathCheck
from debwright.checks.files.contents import ContentsCheck
from debwright.checks.files.elf import ElfCheck
from debwright.checks.files.hardening import HardeningCheck
from debwright.checks.files.metadata import MetadataCheck
from debwright.checks.files.secrets import SecretsCheck
from debwright.model.results import Finding, Severity, Status

STATIC: dict[str, Callable[[], FileCheck]] = {
    "elf": ElfCheck,
    "hardening": HardeningCheck,
    "contents": ContentsCheck,
    "secrets": SecretsCheck,
    "buildpath": BuildPathCheck,
    "metadata": MetadataCheck,
}
PROGRAM = Program().build()
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0f' * 32}\nsize 90211328\n"


@dataclass(frozen=True, kw_only=True)
class Bad:
    """What is wrong, and what has to be said of it."""

    files: dict[str, Content]
    check: str
    code: str
    file: str
    says: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR
    arch: str = "amd64"
    config: dict[str, Any] = field(default_factory=dict)
    uid: int | None = None
    """Makes the package without dpkg-deb, with files of this account."""

    def build(self, directory: Path) -> Path:
        if self.uid is None:
            return build(directory, self.files, arch=self.arch)
        items = [Item(f".{path}", uid=self.uid) for path in self.files]
        return make_deb(directory / "demo_1.0-1_amd64.deb", *items)


def program(**wrong: Any) -> dict[str, Content]:
    return {"/usr/bin/demo": (Program(**wrong).build(), 0o755)}


BAD = {
    "wrong owner": Bad(
        files={"/etc/demo.conf": ""}, uid=1000, check="contents", code="files/owner",
        file="/etc/demo.conf", says=("1000/0",),
    ),
    "setuid": Bad(
        files={"/usr/bin/demo": (PROGRAM, 0o4755)}, check="contents", code="files/setuid",
        file="/usr/bin/demo", says=("-rwsr-xr-x", "4755"),
    ),
    "setgid": Bad(
        files={"/usr/bin/demo": (PROGRAM, 0o2755)}, check="contents", code="files/setuid",
        file="/usr/bin/demo", says=("2755",),
    ),
    "world-writable": Bad(
        files={"/etc/demo.conf": ("x=1\n", 0o666)}, check="contents", code="files/world-writable",
        file="/etc/demo.conf", says=("-rw-rw-rw-",),
    ),
    "usr-local": Bad(
        files={"/usr/local/bin/demo": ("#!/bin/sh\n", 0o755)}, check="contents",
        code="files/place", file="/usr/local/bin/demo",
    ),
    "home": Bad(
        files={"/home/jo/.profile": "x"}, check="contents", code="files/place",
        file="/home/jo/.profile",
    ),
    "opt": Bad(
        files={"/opt/demo/x": "x"}, check="contents", code="files/place", file="/opt/demo/x",
        severity=Severity.WARNING,
    ),
    "opt-refused": Bad(
        files={"/opt/demo/x": "x"}, check="contents", code="files/place", file="/opt/demo/x",
        config={"files": {"opt": "error"}},
    ),
    "a directory of its own below /": Bad(
        files={"/data/demo.db": "x"}, check="contents", code="files/place", file="/data/demo.db",
    ),
    "a variable of make in a path": Bad(
        files={"/usr/lib/$(DEB_HOST_MULTIARCH)/demo/x.so": "x"}, check="contents",
        code="files/unexpanded", file="/usr/lib/$(DEB_HOST_MULTIARCH)",
    ),
    "a variable of the shell in a path": Bad(
        files={"/etc/${NAME}.conf": "x"}, check="contents", code="files/unexpanded",
        file="/etc/${NAME}.conf",
    ),
    "a pointer of git-lfs in place of a file": Bad(
        files={"/usr/share/demo/model.bin": LFS}, check="contents", code="files/lfs-pointer",
        file="/usr/share/demo/model.bin", says=("version https://git-lfs.github.com/spec/v1",),
    ),
    "metadata of version 0.0.0": Bad(
        files={"/usr/lib/python3/dist-packages/demo-0.0.0.dist-info/METADATA":
               "Metadata-Version: 2.1\nName: demo\nVersion: 0.0.0\n"},
        check="metadata", code="metadata/version", severity=Severity.WARNING,
        file="/usr/lib/python3/dist-packages/demo-0.0.0.dist-info/METADATA",
        says=("demo 0.0.0",),
    ),
    "metadata of another version": Bad(
        files={"/usr/share/nodejs/demo/package.json": '{"name": "demo", "version": "2.5.1"}'},
        check="metadata", code="metadata/version", severity=Severity.WARNING,
        file="/usr/share/nodejs/demo/package.json", says=("demo 2.5.1",),
    ),
    "wrong architecture": Bad(
        files=program(machine=183), check="elf", code="elf/wrong-architecture",
        file="/usr/bin/demo", says=("arm64", "e_machine 183"),
    ),
    "architecture all with a program": Bad(
        files=program(), arch="all", check="elf", code="elf/wrong-architecture",
        file="/usr/bin/demo", says=("amd64",),
    ),
    "no PIE": Bad(
        files=program(kind=2), check="hardening", code="hardening/no-pie", file="/usr/bin/demo",
        says=("ET_EXEC",),
    ),
    "executable stack": Bad(
        files=program(stack_flags=7), check="hardening", code="hardening/executable-stack",
        file="/usr/bin/demo", says=("PT_GNU_STACK",),
    ),
    "no say on the stack": Bad(
        files=program(stack_flags=None), check="hardening", code="hardening/executable-stack",
        file="/usr/bin/demo", says=("no PT_GNU_STACK",),
    ),
    "no RELRO": Bad(
        files=program(relro=False), check="hardening", code="hardening/no-relro",
        file="/usr/bin/demo", severity=Severity.WARNING,
    ),
    "no RELRO, as an error": Bad(
        files=program(relro=False), check="hardening", code="hardening/no-relro",
        file="/usr/bin/demo", config={"hardening": {"relro": "error"}},
    ),
    "lazy binding": Bad(
        files=program(now=False), check="hardening", code="hardening/lazy-binding",
        file="/usr/bin/demo", config={"hardening": {"bind_now": "error"}},
    ),
    "no stack protector": Bad(
        files=program(names=(b"libc.so.6", b"strcpy")), check="hardening",
        code="hardening/no-stack-protector", file="/usr/bin/demo", says=("strcpy",),
        severity=Severity.WARNING,
    ),
    "private key": Bad(
        files={"/etc/demo/server.pem": f"# generated\n{KEY}\n"}, check="secrets",
        code="secrets/private-key", file="/etc/demo/server.pem",
        says=("-----BEGIN RSA PRIVATE KEY-----", ":2:"),
    ),
    "private key in a program": Bad(
        files={"/usr/lib/demo/data.bin": b"\0\1\2\0" + KEY.encode() + b"\0"}, check="secrets",
        code="secrets/private-key", file="/usr/lib/demo/data.bin",
    ),
    "OpenPGP private key": Bad(
        files={"/usr/share/demo/key.asc": PGP}, check="secrets", code="secrets/private-key",
        file="/usr/share/demo/key.asc",
    ),
    "private key as a JSON string": Bad(
        files={"/etc/demo.json": '{"key": "' + KEY.replace("\n", "\\n") + '"}'}, check="secrets",
        code="secrets/private-key", file="/etc/demo.json",
    ),
    "GitHub token": Bad(
        files={"/usr/lib/demo/release.py": f'x = 1\nTOKEN = "{GITHUB}"\n'}, check="secrets",
        code="secrets/token", file="/usr/lib/demo/release.py", says=(":2:", "not shown"),
    ),
    "AWS key": Bad(
        files={"/etc/demo.ini": f"[s3]\nid = {aws()}\n"}, check="secrets", code="secrets/token",
        file="/etc/demo.ini",
    ),
    "password in a setting": Bad(
        files={"/etc/demo.conf": 'a = 1\ndb_password = "Zk8qW3vR1tY7pL5mN2bX9cD4"\n'},
        check="secrets", code="secrets/assigned", file="/etc/demo.conf", says=(":2:",),
        severity=Severity.WARNING,
    ),
    "password in a URL": Bad(
        files={"/etc/demo.toml": 'db = "postgres://demo:kT9xQ2mLw@db.intra:5432/x"\n'},
        check="secrets", code="secrets/credentials", file="/etc/demo.toml",
        severity=Severity.WARNING,
    ),
    "credentials file": Bad(
        files={"/usr/lib/demo/.git-credentials": "x\n"}, check="secrets",
        code="secrets/private-file", file="/usr/lib/demo/.git-credentials",
    ),
    "build path in a program": Bad(
        files={"/usr/bin/demo": (PROGRAM + b"\0/build/demo-1.0/src/main.c\0", 0o755)},
        check="buildpath", code="buildpath/embedded", file="/usr/bin/demo",
        says=("/build/demo-1.0/src/main.c",), severity=Severity.WARNING,
    ),
    "build path, as an error": Bad(
        files={"/usr/lib/demo/x.py": 'ROOT = "/home/runner/work/demo/demo"\n'},
        check="buildpath", code="buildpath/embedded", file="/usr/lib/demo/x.py",
        says=("/home/runner/work/demo/demo",), config={"files": {"build_paths": "error"}},
    ),
    "interpreter of the build": Bad(
        files={"/usr/bin/demo": ("#!/build/demo-1.0/.venv/bin/python3\n", 0o755)},
        check="buildpath", code="buildpath/interpreter", file="/usr/bin/demo",
        says=("#!/build/demo-1.0/.venv/bin/python3",),
    ),
    "library path of the build": Bad(
        files=program(runpath=b"/build/demo-1.0/lib:$ORIGIN"), check="buildpath",
        code="buildpath/rpath", file="/usr/bin/demo", says=("/build/demo-1.0/lib",),
    ),
    "library path that is relative": Bad(
        files=program(runpath=b"lib"), check="buildpath", code="buildpath/rpath",
        file="/usr/bin/demo",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_caught_with_the_evidence(name: str, tmp_path: Path) -> None:
    bad = BAD[name]
    deb = bad.build(tmp_path)
    subject = context(tmp_path, deb, **bad.config)
    result = judged(STATIC[bad.check](), subject)
    matching = [f for f in result.findings if f.code == bad.code and bad.file in f.message]
    assert matching, [(f.code, f.message) for f in result.findings]
    finding = matching[0]
    assert finding.severity is bad.severity
    assert all(f.code in reference() for f in result.findings)
    assert (result.status is Status.FAILED) == (bad.severity is Severity.ERROR)
    assert finding.evidence[0].file == bad.file
    assert finding.fix
    said = quoted(finding)
    for text in bad.says:
        assert text in said
    for other, make in STATIC.items():
        if other != bad.check:
            assert errors(judged(make(), subject).findings) == [], other


@cache
def reference() -> frozenset[str]:
    """The codes that the reference has."""
    page = Path(__file__).parents[3] / "docs/reference/codes.md"
    rows = (line for line in page.read_text().splitlines() if line.startswith("| `"))
    return frozenset(row.split("`")[1] for row in rows)


def quoted(finding: Finding) -> str:
    return "\n".join(f"{e.file}:{e.line}: {e.text}" for e in finding.evidence)


def errors(findings: tuple[Finding, ...]) -> list[str]:
    return [f.code for f in findings if f.severity is Severity.ERROR]


def test_a_good_package_is_left_alone(tmp_path: Path) -> None:
    deb = build(
        tmp_path,
        {
            "/usr/bin/demo": (PROGRAM, 0o755),
            "/usr/lib/demo/helper": ("#!/usr/bin/python3\nimport os\n", 0o755),
            "/etc/demo.conf": "password_file = /etc/demo/password\ntoken =\n# secret: see README\n",
            "/usr/share/doc/demo/copyright": "x" * 4000,
            "/usr/lib/python3/dist-packages/demo-1.dist-info/METADATA": "Name: demo\nVersion: 1\n",
            "/usr/lib/demo/vendor/other-0.0.0.dist-info/METADATA": "Name: other\nVersion: 0.0.0\n",
            "/usr/lib/demo/package.json": '{"name": "demo", "version": "0.0.0", "private": true}',
            "/usr/lib/demo/pointers.py": f"SPEC = '{LFS}'\n",
            "/usr/lib/demo/Outer$Inner.class": "x",
            "/usr/lib/demo/lib.so": PROGRAM + b"-----BEGIN RSA PRIVATE KEY-----\0-----END",
        },
        compression="gzip",
    )
    subject = context(tmp_path, deb)
    for name, make in STATIC.items():
        result = judged(make(), subject)
        assert result.findings == (), name
        assert result.status is Status.PASSED


def test_secrets_are_not_repeated_in_the_report(tmp_path: Path) -> None:
    secret = github(7)
    deb = build(tmp_path, {"/etc/x.conf": f"token = {secret}\n", "/etc/y.pem": KEY})
    dumped = SecretsCheck().run(context(tmp_path, deb)).model_dump_json()
    assert secret not in dumped
    assert secret[8:20] not in dumped
    assert KEY.splitlines()[3] not in dumped


def test_a_published_test_key_is_only_told_of(tmp_path: Path) -> None:
    deb = build(tmp_path, {"/usr/lib/demo/tests/server.pem": KEY})
    result = SecretsCheck().run(context(tmp_path, deb))
    assert result.status is Status.PASSED
    assert [f.severity for f in result.findings] == [Severity.WARNING]


def test_allowed_places_are_allowed(tmp_path: Path) -> None:
    deb = build(tmp_path, {"/srv/www/index.html": "x", "/srv/wwwx/y": "x"})
    config = {"files": {"allow": ["/srv/www/"]}}
    result = ContentsCheck().run(context(tmp_path, deb, **config))
    assert {f.evidence[0].file for f in result.findings} == {"/srv/wwwx", "/srv/wwwx/y"}
