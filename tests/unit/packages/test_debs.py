"""Binary packages: what is read of them, and what is found in their files."""

import stat
import tarfile
from pathlib import Path

import pytest
from tests.kit.debs import Item, build, elf, make_deb

from debwright.checks.engine.base import CheckContext
from debwright.checks.files.contents import ContentsCheck, contents_findings
from debwright.checks.files.elf import ElfCheck, elf_finding
from debwright.config import Config
from debwright.model.errors import UsageError
from debwright.model.results import Severity, Status
from debwright.model.targets import Target
from debwright.packages.debs import Member, members, read_deb
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots

AMD64, ARM64, I386 = 62, 183, 3


def context(directory: Path, *debs: Path) -> CheckContext:
    return CheckContext(
        target=Target("bookworm", "amd64"), host_arch="amd64", config=Config(),
        debs=[read_deb(d) for d in debs], changes=None,
        roots=Roots(Cache(directory / "cache"), Config()), output=directory,
        log=lambda _: None, activity=lambda _: None,
    )  # fmt: skip


def test_the_control_file_is_read(tmp_path: Path) -> None:
    deb = read_deb(make_deb(tmp_path / "x.deb", more="Source: demo-src (1.0)\n"))
    assert (deb.package, deb.version, deb.arch, deb.source) == (
        "demo", "1.0-1", "amd64", "demo-src",
    )  # fmt: skip
    assert deb.relations == {"Depends": "libc6 (>= 2.36), python3"}
    assert deb.installed_kib == 12
    assert not deb.debug
    assert deb.size == deb.path.stat().st_size


def test_dpkgs_own_packages_are_read(tmp_path: Path) -> None:
    path = build(
        tmp_path, {"usr/share/demo/.hidden": "x"}, name="demo-dbgsym", version="1:1.0-1",
        arch="all", more="Section: debug\n",
    )  # fmt: skip
    deb = read_deb(path)
    assert deb.debug
    assert deb.source == "demo-dbgsym"
    found = {m.path: m for m in members(path)}
    assert list(found) == [
        "/", "/usr", "/usr/share", "/usr/share/demo", "/usr/share/demo/.hidden",
    ]  # fmt: skip
    assert found["/"].kind == "directory"
    assert (found["/usr/share/demo/.hidden"].uid, found["/usr/share/demo/.hidden"].head) == (
        0, b"x",
    )  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        {"package": "../../../tmp/evil"},
        {"package": "-oDir::Etc=x"},
        {"version": "1.0/../../../../tmp/evil"},
        {"version": "evil"},
        {"arch": "../x"},
        {"more": "Source: ../../../../tmp/evil\n"},
    ],
)
def test_hostile_fields_are_refused(tmp_path: Path, fields: dict[str, str]) -> None:
    """They name directories below dist/, and are arguments of apt-get."""
    with pytest.raises(UsageError, match="not a readable Debian package") as caught:
        read_deb(make_deb(tmp_path / "x.deb", **fields))  # type: ignore[arg-type]
    assert "is not allowed there" in caught.value.evidence[0].text


@pytest.mark.parametrize("content", [b"", b"!<arch>\n", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_package_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.deb"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="not a readable Debian package") as caught:
        read_deb(path)
    assert "dpkg-deb --info" in str(caught.value.fix)


def test_a_broken_data_archive_is_an_error_not_a_traceback(tmp_path: Path) -> None:
    path = make_deb(tmp_path / "x.deb", data=b"\x1f\x8b" + bytes(40))
    with pytest.raises(UsageError, match=r"the files of x\.deb cannot be read"):
        list(members(path))


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("debwright.packages.debs.LIMIT", 2)
    path = make_deb(tmp_path / "x.deb", *(Item(f"./f{n}") for n in range(3)))
    with pytest.raises(UsageError, match="more than 2 files"):
        list(members(path))


def test_paths_are_shown_as_they_are(tmp_path: Path) -> None:
    names = ["./.config", "./..odd", "../escape", "/abs", "plain", "./usr/../etc/x", ".", "./"]
    path = make_deb(tmp_path / "x.deb", *(Item(n) for n in names))
    assert [m.path for m in members(path)] == [
        "/.config", "/..odd", "/../escape", "/abs", "/plain", "/usr/../etc/x", "/", "/",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arch", "head", "found"),
    [
        ("amd64", elf(AMD64), None),
        ("arm64", elf(ARM64), None),
        ("i386", elf(I386, bits=1), None),
        ("arm64", elf(AMD64), "is for amd64, the package is for arm64"),
        ("all", elf(AMD64), "is for amd64, the package is for all"),
        ("amd64", elf(AMD64, bits=1), "is for amd64"),
        ("amd64", elf(999), "is for machine 999"),
        ("amd64", b"#!/bin/sh\n", None),
        ("amd64", b"\x7fELF", None),
        ("amd64", b"", None),
    ],
)
def test_elf_files_are_of_the_packages_architecture(
    tmp_path: Path, arch: str, head: bytes, found: str | None
) -> None:
    path = make_deb(tmp_path / "x.deb", Item("./usr/bin/x", head), arch=arch)
    (member,) = members(path)
    finding = elf_finding(read_deb(path), member)
    if found is None:
        assert finding is None
    else:
        assert finding is not None
        assert found in finding.message
        assert finding.evidence[0].file == "/usr/bin/x"


def member(path: str = "/usr/bin/x", **more: object) -> Member:
    values = {"mode": 0o755, "uid": 0, "gid": 0, "size": 1, "kind": "file", "link": "", "head": b""}
    return Member(path=path, **{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        (member(), []),
        (member(mode=0o4755), ["files/setuid"]),
        (member(mode=0o2755), ["files/setuid"]),
        (member("/var/games", mode=0o2775, kind="directory"), []),
        (member("/var/x", mode=0o777, kind="directory"), ["files/world-writable"]),
        (member("/var/x", mode=0o1777, kind="directory"), []),
        (member("/usr/lib/x.so", mode=0o777, kind="symlink"), []),
        (member(mode=0o666), ["files/world-writable"]),
        (member(uid=1000), ["files/owner"]),
        (member(gid=99), []),
        (member("/usr/local/bin/x"), ["files/place"]),
        (member("/home/jo/x"), ["files/place"]),
        (member("/../../etc/cron.d/x"), ["files/place"]),
        (member("/usr/share/doc/..x"), []),
        (member("/var/dev-x", kind="special", mode=0o600), ["files/special"]),
        (member(mode=0o6777, uid=1000, path="/tmp/x"),
         ["files/setuid", "files/world-writable", "files/owner", "files/place"]),
    ],
)  # fmt: skip
def test_owners_modes_and_places(tmp_path: Path, found: Member, codes: list[str]) -> None:
    deb = read_deb(make_deb(tmp_path / "x.deb"))
    findings = contents_findings(deb, found, Config())
    assert [f.code for f in findings] == codes
    for finding in findings:
        assert found.path in finding.evidence[0].text


def test_the_checks_conclude(tmp_path: Path) -> None:
    good = make_deb(tmp_path / "a.deb", Item("./usr/bin/x", elf(AMD64), 0o755))
    bad = make_deb(
        tmp_path / "b.deb", Item("./usr/bin/y", elf(ARM64), 0o4755),
        Item("./usr/bin/z", kind=tarfile.SYMTYPE, link="y"), package="other",
    )  # fmt: skip
    subject = context(tmp_path, good)
    assert ElfCheck().run(subject).status is Status.PASSED
    assert ContentsCheck().run(subject).status is Status.PASSED
    both = context(tmp_path, good, bad)
    (finding,) = ElfCheck().run(both).findings
    assert finding.severity is Severity.ERROR
    contents = ContentsCheck().run(both)
    assert contents.status is Status.FAILED
    assert stat.filemode(stat.S_IFREG | 0o4755) in contents.findings[0].evidence[0].text


def test_only_what_a_user_installs_is_looked_at(tmp_path: Path) -> None:
    udeb = make_deb(tmp_path / "u.udeb", Item("./bin/x", elf(ARM64)))
    subject = context(tmp_path, udeb)
    assert subject.installable == []
