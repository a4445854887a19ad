"""Scripts and programs that are built already become a package, and each file its place."""

import struct
import tomllib
from pathlib import Path
from typing import Any

import pytest

from debwright.config import Config
from debwright.init import scaffold
from debwright.init.ecosystem import recognise
from debwright.init.ecosystems.files import prebuilt
from debwright.init.model import Project
from debwright.init.render import render
from debwright.model.errors import UsageError

UNIT = """\
[Unit]
Description=Watch disks
[Service]
ExecStart=/usr/bin/watchdisk
[Install]
WantedBy=multi-user.target
"""
MACHINES = {"amd64": 62, "arm64": 183, "riscv64": 243}


def elf(arch: str) -> bytes:
    """The header of a program without anything in it."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    return head + struct.pack("<HHIQQQIHHHHHH", 2, MACHINES[arch], 1, *[0] * 10)


def read(home: Path, **files: str | bytes) -> tuple[Project, dict[str, str]]:
    """Names of files with `__` for a slash and `_` for a dot."""
    for name, content in files.items():
        path = home / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = recognise(home)
    assert found.name == "files"
    project = found.read(home)
    written, _ = render(project)
    return project, {file.path: file.text for file in written}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "thing"
    made.mkdir()
    return made


def entries(files: dict[str, str]) -> list[dict[str, Any]]:
    data = tomllib.loads(files["debwright.toml"])
    Config.model_validate(data)
    return list(data["package"]["files"])


@pytest.mark.parametrize(
    "name", ["watchdisk_sh", "watchdisk", "bin__watchdisk", "scripts__watchdisk_sh"]
)
def test_a_script_goes_where_its_unit_starts_it(home: Path, name: str) -> None:
    project, files = read(home, watchdisk_service=UNIT, **{name: "#!/bin/sh\n"})
    source = name.replace("__", "/").replace("_", ".")
    assert entries(files) == [{"src": source, "dst": "/usr/bin/watchdisk", "mode": "0755"}]
    assert (project.name, project.architecture) == ("watchdisk", "all")
    assert tomllib.loads(files["debwright.toml"])["service"]["unit"] == "watchdisk.service"
    assert "include debian/package-files.mk" in files["debian/rules"]
    assert "cp watchdisk.service debian/watchdisk.service" in files["debian/rules"]


def test_what_a_unit_starts_in_usr_local_is_moved_and_the_unit_with_it(home: Path) -> None:
    unit = UNIT.replace("/usr/bin/", "/usr/local/bin/").replace(
        "[Install]", "EnvironmentFile=/etc/default/watchdisk\n[Install]"
    )
    _, files = read(
        home, watchdisk_service=unit, watchdisk_pl="#!/usr/bin/perl\n",
        etc__watchdisk_default="LIMIT=90\n",
    )  # fmt: skip
    assert {e["dst"] for e in entries(files)} == {"/usr/bin/watchdisk", "/etc/default/watchdisk"}
    assert "ExecStart=/usr/bin/watchdisk\n" in files["debian/watchdisk.service"]
    assert "perl:any" in files["debian/control"]


def test_a_program_for_each_architecture_by_its_header(home: Path) -> None:
    project, files = read(
        home, watchdisk_service=UNIT, bin__amd64__watchdisk=elf("amd64"),
        bin__arm64__watchdisk=elf("arm64"),
    )  # fmt: skip
    assert entries(files)[0]["src"] == {
        "amd64": "bin/amd64/watchdisk", "arm64": "bin/arm64/watchdisk"
    }  # fmt: skip
    assert project.architecture == "amd64 arm64"
    assert project.targets == ("bookworm-amd64", "bookworm-arm64")
    assert "override_dh_strip:" in files["debian/rules"]
    assert "unstripped-binary-or-object" in files["debian/watchdisk.lintian-overrides"]


@pytest.mark.parametrize(
    ("name", "arch"),
    [
        ("tool-linux-arm64", "arm64"), ("tool_linux_amd64", "amd64"), ("tool-x86_64", "amd64"),
        ("tool-aarch64-unknown-linux-musl", "arm64"), ("tool.arm64", "arm64"), ("tool", "amd64"),
        ("tool-x64", "amd64"), ("tool-linux-riscv64", "riscv64"),
    ],
)  # fmt: skip
def test_names_that_say_an_architecture(home: Path, name: str, arch: str) -> None:
    (home / name).write_bytes(elf(arch))
    (found,) = prebuilt.programs(home, [name])
    assert (found.name, dict(found.files)) == ("tool", {arch: name})


def test_a_program_for_another_machine_is_refused(home: Path) -> None:
    (home / "arm64").mkdir()
    for name, arch in (("tool-linux-arm64", "amd64"), ("arm64/tool", "amd64")):
        (home / name).write_bytes(elf(arch))
        with pytest.raises(UsageError, match=f"{name} is a program for amd64"):
            prebuilt.programs(home, [name])
    for magic, system in ((b"MZ\x90\0", "Windows"), (b"\xcf\xfa\xed\xfe", "macOS")):
        (home / "other").write_bytes(magic + bytes(60))
        with pytest.raises(UsageError, match=f"other is a program for {system}"):
            prebuilt.programs(home, ["other"])
    sparc = bytearray(elf("amd64"))
    sparc[18] = 43
    (home / "sun").write_bytes(sparc)
    with pytest.raises(UsageError, match="does not build for"):
        prebuilt.programs(home, ["sun"])


def test_only_architectures_that_have_all_programs_are_built(home: Path) -> None:
    project, _ = read(home, watchdisk_service=UNIT, watchdisk=elf("amd64"))
    assert project.targets == ("bookworm-amd64",)
    assert project.architecture == "amd64"


def test_commands_without_a_service(home: Path) -> None:
    project, files = read(home, bin__greet="#!/usr/bin/env python3\n", greet_1=".TH GREET 1\n")
    assert {e["dst"] for e in entries(files)} == {"/usr/bin/greet", "/usr/share/man/man1/"}
    assert project.programs == ()  # the author's page is there
    assert tomllib.loads(files["debwright.toml"])["smoke"] == ["test -x /usr/bin/greet"]
    assert "python3:any" in files["debian/control"]


def test_a_list_of_the_author_s_own_counts_as_it_is(home: Path) -> None:
    own = '[package]\nfiles = [{ src = "x.sh", dst = "/usr/sbin/x", mode = "0750" }]\n'
    project, files = read(home, debwright_toml=own, x_sh="#!/bin/sh\n", y_sh="#!/bin/sh\n")
    assert project.package_files == ({"src": "x.sh", "dst": "/usr/sbin/x", "mode": "0750"},)
    assert "debwright.toml" not in files
    for _ in range(2):
        made = scaffold(home)
        assert (home / "debwright.toml").read_text() == own
    assert not made.created


def test_what_was_edited_in_the_list_of_init_stays(home: Path) -> None:
    read(home, watchdisk_service=UNIT, watchdisk_sh="#!/bin/sh\n")
    scaffold(home)
    path = home / "debwright.toml"
    path.write_text(path.read_text().replace('mode = "0755"', 'mode = "0750"'))
    scaffold(home)
    assert 'dst = "/usr/bin/watchdisk", mode = "0750"' in path.read_text()


@pytest.mark.parametrize("source", ["gone.sh", "dist/x"])
def test_a_file_that_is_none_of_the_project_s_is_refused(home: Path, source: str) -> None:
    own = f'[package]\nfiles = [{{ src = "{source}", dst = "/usr/bin/x" }}]\n'
    with pytest.raises(UsageError, match=f"{source} is none of the project's files"):
        read(home, debwright_toml=own, dist__x="#!/bin/sh\n")


def test_nfpm_s_contents_are_taken_over(home: Path) -> None:
    nfpm = """\
name: thing
version: v1.4.0
maintainer: Ann <ann@example.org>
description: Does a thing
license: MIT
depends: [curl, "jq (>= 1.6)", "$(id)"]
contents:
  - src: ./out/thing-${ARCH}
    dst: /usr/bin/thing
    file_info: {mode: 0755}
  - {src: thing.conf, dst: /etc/thing.conf, type: "config|noreplace"}
  - {dst: /var/lib/thing, type: dir, file_info: {owner: thing}}
  - {src: x.rpm.conf, dst: /etc/x, packager: rpm}
scripts: {postinstall: post.sh}
"""
    project, files = read(
        home, nfpm_yaml=nfpm, thing_conf="", **{"out__thing-amd64": elf("amd64"),
                                                "out__thing-arm64": elf("arm64")},
    )  # fmt: skip
    assert entries(files) == [
        {"dst": "/usr/bin/thing", "mode": "0755",
         "src": {"amd64": "out/thing-amd64", "arm64": "out/thing-arm64"}},
        {"dst": "/etc/thing.conf", "src": "thing.conf", "type": "config"},
        {"dst": "/var/lib/thing", "type": "dir", "owner": "thing"},
    ]  # fmt: skip
    assert project.version == "1.4.0"
    assert {"curl", "jq (>= 1.6)"} <= set(project.depends)
    assert not any("id" in d for d in project.depends)
    assert any("scripts" in note for note in project.notes)


def test_without_a_place_for_anything_it_says_what_to_write(home: Path) -> None:
    with pytest.raises(UsageError, match="nothing says what goes where") as caught:
        read(home, other_service=UNIT.replace("watchdisk", "other"), install_sh="#!/bin/sh\n")
    assert "files = [" in str(caught.value.fix)
