"""[package] files becomes commands of make that install exactly them."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.config import Config
from debwright.config.contents import PackageFile
from debwright.model.errors import ConfigError
from debwright.pipeline.plan import whole_digest
from debwright.source.contents import INCLUDED, generated


def files(*entries: dict[str, Any]) -> list[PackageFile]:
    return Config.model_validate({"package": {"files": list(entries)}}).package.files


def installed(tree: Path, *entries: dict[str, Any], arch: str = "amd64") -> Path:
    """What make does of them, in a tree; debhelper's part is left out."""
    for path, text in generated("p", files(*entries)).items():
        (tree / path).parent.mkdir(exist_ok=True)
        (tree / path).write_text(text.replace("include /usr/share/dpkg/architecture.mk", ""))
    targets = ["override_dh_auto_install"]
    if "execute_after_dh_fixperms" in (tree / INCLUDED).read_text():
        targets.append("execute_after_dh_fixperms")
    subprocess.run(
        ["make", "-s", "-f", INCLUDED, f"DEB_HOST_ARCH={arch}", *targets], cwd=tree, check=True
    )
    return tree / "debian/p"


def test_files_directories_trees_links_and_modes(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("#!/bin/sh\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/a.conf").write_text("x = 1\n")
    (tmp_path / "etc/b.conf").write_text("x = 2\n")
    top = installed(
        tmp_path,
        {"src": "a.sh", "dst": "/usr/bin/a", "mode": "0755"},
        {"src": "etc/*.conf", "dst": "/etc/a/", "type": "config", "mode": "0640"},
        {"src": "etc", "dst": "/usr/share/a/defaults", "type": "tree"},
        {"dst": "/var/spool/a", "type": "dir", "mode": "0750", "owner": "a", "group": "adm"},
        {"src": "/usr/bin/a", "dst": "/usr/bin/b", "type": "symlink"}
        | {"src": "a"},
        {"src": "etc/a.conf", "dst": "/opt/a/a.conf", "type": "config"},
    )  # fmt: skip
    assert (top / "usr/bin/a").stat().st_mode & 0o777 == 0o755
    assert (top / "etc/a/b.conf").stat().st_mode & 0o777 == 0o640
    assert (top / "usr/share/a/defaults/a.conf").read_text() == "x = 1\n"
    assert (top / "var/spool/a").is_dir()
    assert (top / "usr/bin/b").readlink() == Path("a")
    assert (tmp_path / "debian/p.tmpfiles").read_text() == "d /var/spool/a 0750 a adm\n"
    # debhelper knows all of /etc itself.
    assert (tmp_path / "debian/p.conffiles").read_text() == "/opt/a/a.conf\n"


def test_a_program_for_each_architecture(tmp_path: Path) -> None:
    for arch in ("amd64", "arm64"):
        (tmp_path / arch).mkdir()
        (tmp_path / arch / "tool").write_text(arch)
    entry = {"src": {"amd64": "amd64/tool", "arm64": "arm64/tool"}, "dst": "/usr/bin/tool"}
    assert (installed(tmp_path, entry, arch="arm64") / "usr/bin/tool").read_text() == "arm64"
    with pytest.raises(subprocess.CalledProcessError):
        installed(tmp_path, entry, arch="riscv64")


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({"src": "../x", "dst": "/a"}, "not a path of the project"),
        ({"src": "/etc/passwd", "dst": "/a"}, "not a path of the project"),
        ({"src": "a;b", "dst": "/a"}, "not a path of the project"),
        ({"src": "$(shell id)", "dst": "/a"}, "not a path of the project"),
        ({"src": "a", "dst": "etc/a"}, "not a path in a package"),
        ({"src": "a", "dst": "/a/../b"}, "not a path in a package"),
        ({"src": "a", "dst": "/a\nb"}, "not a path in a package"),
        ({"src": "a", "dst": "/a", "mode": "755; id"}, "not acceptable"),
        ({"src": "a", "dst": "/a", "owner": "x y"}, "not acceptable"),
    ],
)
def test_what_make_or_a_shell_would_interpret_is_refused(entry: dict[str, Any], what: str) -> None:
    with pytest.raises(Exception, match=what):
        files(entry)


@given(text=st.text(min_size=1, max_size=30))
def test_no_path_gets_out_of_the_command_that_it_stands_in(text: str) -> None:
    try:
        made = generated("p", files({"src": text, "dst": f"/{text}"}))
    except ValueError:
        return
    lines = [line for line in made[INCLUDED].splitlines() if line.startswith("\t")]
    assert len(lines) == 2
    assert not set("$`;&|<>(){}\\\"'#! \n") & set(text)


def test_a_changed_list_makes_another_source_package() -> None:
    def digest(*entries: dict[str, Any]) -> str:
        return whole_digest("x", Config.model_validate({"package": {"files": list(entries)}}), None)

    one = {"src": "a", "dst": "/usr/bin/a"}
    assert digest() != digest(one) != digest(one | {"mode": "0755"})


def test_contradictions_are_named(tmp_path: Path) -> None:
    from debwright.config import load

    (tmp_path / "debwright.toml").write_text(
        '[package]\nfiles = [{ src = "a", dst = "/a", type = "dir" }, { dst = "/b" }]\n'
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    said = str(caught.value) + "".join(e.text for e in caught.value.evidence)
    assert "empty directory comes from nowhere" in said
    assert "nothing says which file it is" in said
