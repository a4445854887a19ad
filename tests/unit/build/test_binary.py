"""What is taken out of a build, and what its failure is put down to."""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debwright.build.binary import (
    PackageBuildError,
    build_command,
    build_environment,
    explain,
    lend_source,
    log_lines,
    take,
    tree_name,
)
from debwright.build.binary import test_steps as steps_of
from debwright.build.depends import BuildPlan
from debwright.build.log import BuildLog
from debwright.host.process import CommandError, Completed
from debwright.isolation.namespaces import Spec
from debwright.model.errors import MissingError
from debwright.model.manifest import Manifest
from debwright.model.targets import Strategy, Target
from debwright.roots.overlay import Throwaway, clean, make_throwaway, opened, prepare
from debwright.roots.store import Layer
from debwright.source.make import SourcePackage, read_dsc

AMD64 = Target("bookworm", "amd64")
ARM64 = Target("bookworm", "arm64")


def throwaway(directory: Path, *, hosts: bool = True) -> Throwaway:
    manifest = Manifest(name="base", target="bookworm-amd64", parent=None, inputs={}, packages=(),
                        created=datetime.now(UTC))  # fmt: skip
    own = directory / "layer/tree/etc/hosts"
    own.parent.mkdir(parents=True)
    if hosts:
        own.touch()
    return make_throwaway(directory, Layer(directory / "layer", manifest))


def test_localhost_has_its_address_unless_the_root_says_so_itself(tmp_path: Path) -> None:
    """No name server is asked for it: varnish and others do not start without."""
    made = throwaway(tmp_path / "first", hosts=False)
    assert "127.0.0.1\tlocalhost\n" in (made.upper / "etc/hosts").read_text()
    made = throwaway(tmp_path / "second")
    assert not (made.upper / "etc").exists()


def plan(strategy: Strategy = Strategy.NATIVE, **more: object) -> BuildPlan:
    values = {"source": "x", "target": AMD64, "machine": AMD64, "with_all": True, "with_any": True}
    return BuildPlan(strategy=strategy, **{**values, **more})  # type: ignore[arg-type]


class Debhelper:
    """A root in which dh prints `sequence`, and `--list` says `listed`."""

    def __init__(self, sequence: str, listed: str) -> None:
        self.sequence, self.listed = sequence, listed

    def run(self, argv: list[str], **_: object) -> Completed:
        text = self.listed if any("--list" in word for word in argv) else self.sequence
        return Completed(argv=tuple(argv), returncode=0, output=text)


MAKEFILE = "makefile    simple Makefile\n\nAuto-selected: makefile\n"
NO_SYSTEM = "makefile    simple Makefile\n\nNo system auto-selected or specified\n"


@pytest.mark.parametrize(
    ("sequence", "listed", "steps"),
    [
        ("   dh_auto_build\n   dh_auto_test\n", MAKEFILE, ["dh_auto_test"]),
        ("   dh_auto_test\n", NO_SYSTEM, []),
        ("   dh_auto_test\n", "", ["dh_auto_test"]),
        ("   dh_auto_test -O--buildsystem=none\n", MAKEFILE, []),
        ("   dh_auto_test -O-Snone\n", MAKEFILE, []),
        ("   dh_auto_test -O--buildsystem=pybuild\n", "Specified: pybuild\n",
         ["dh_auto_test -O--buildsystem=pybuild"]),
        ("   debian/rules override_dh_auto_test\n", NO_SYSTEM,
         ["debian/rules override_dh_auto_test"]),
        ("   dh_auto_build\n", MAKEFILE, []),
    ],
)  # fmt: skip
def test_a_tree_that_debhelper_builds_nothing_in_has_no_tests(
    sequence: str, listed: str, steps: list[str]
) -> None:
    assert steps_of(Debhelper(sequence, listed), "/build/x", {}) == steps  # type: ignore[arg-type]


def test_packages_are_taken_and_nothing_else(tmp_path: Path) -> None:
    overlay = throwaway(tmp_path / "scratch")
    home = overlay.upper / "build"
    home.mkdir()
    wanted = [
        "demo-data_1.0-1_all.deb", "demo_1.0-1_amd64.buildinfo", "demo_1.0-1_amd64.changes",
        "libx+y1_2.0~rc1+b1_amd64.deb",
    ]  # fmt: skip
    for name in wanted:
        (home / name).write_text(name)
    (home / "demo_1.0-1_amd64.deb.tmp").touch()
    (home / "demo-1.0").mkdir()
    for odd in ("-rf_1_all.deb", "a b_1_all.deb", "\x1b[31m_1_all.deb", "x\n_1_all.deb", "_1.deb",
                ".hidden_1_all.deb", "<b>_1_all.deb", "\u00e9_1_all.deb"):  # fmt: skip
        (home / odd).touch()
    taken = take(overlay, tmp_path / "out")
    assert [p.name for p in taken] == wanted
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == wanted
    assert all(p.stat().st_mode & 0o7777 == 0o644 for p in taken)


def test_links_pipes_sockets_and_directories_are_not_taken(tmp_path: Path) -> None:
    """Made by a hostile build, a link would lead to a file of this machine."""
    overlay = throwaway(tmp_path / "s")
    home = overlay.upper / "build"
    home.mkdir()
    (tmp_path / "secret").write_text("secret")
    (home / "a_1_all.deb").symlink_to(tmp_path / "secret")
    (home / "b_1_all.deb").symlink_to("nowhere")
    os.mkfifo(home / "c_1_all.deb")
    (home / "d_1_all.deb").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(home, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/e_1_all.deb")
        os.close(here)
        (home / "f_1_all.deb").write_text("good")
        assert [p.name for p in take(overlay, tmp_path / "out")] == ["f_1_all.deb"]


def test_a_home_that_is_a_link_is_not_entered(tmp_path: Path) -> None:
    overlay = throwaway(tmp_path / "s")
    (tmp_path / "else").mkdir()
    (tmp_path / "else/x_1_all.deb").touch()
    (overlay.upper / "build").symlink_to(tmp_path / "else")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        take(overlay, tmp_path / "out")


def modes(root: Path, *names: str) -> list[int]:
    return [(root / n).stat().st_mode & 0o7777 for n in names]


def test_an_overlay_can_be_entered_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        overlay = throwaway(tmp_path / "s")
        prepare(overlay.upper, resolver=True)
    finally:
        os.umask(before)
    assert modes(overlay.upper, "", "usr", "usr/sbin", "etc") == [0o755] * 4
    assert modes(overlay.upper, "usr/sbin/policy-rc.d", "etc/resolv.conf") == [0o755, 0o644]
    clean(overlay.upper)
    assert not [p for p in overlay.upper.rglob("*") if not p.is_dir()]
    clean(overlay.upper)  # a second time is no error


def test_without_a_network_there_is_no_resolver(tmp_path: Path) -> None:
    overlay = throwaway(tmp_path / "s")
    prepare(overlay.upper, resolver=False)
    assert not (overlay.upper / "etc").exists()


@pytest.mark.parametrize("network", [True, False])
def test_a_root_with_the_network_knows_its_proxies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, network: bool
) -> None:
    """Base roots were made through them, and nothing could be installed into those."""
    asked: list[Spec] = []

    @contextmanager
    def entered(spec: Spec) -> Iterator[None]:
        asked.append(spec)
        yield

    monkeypatch.setattr("debwright.roots.overlay.Namespaces", entered)
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    monkeypatch.setenv("https_proxy", "")
    with opened(throwaway(tmp_path), network=network):
        pass
    (spec,) = asked
    found = {k: v for k, v in spec.variables.items() if "proxy" in k}
    assert found == ({"http_proxy": "http://proxy.example.org:3128"} if network else {})


def test_cleaning_up_follows_no_link_out_of_the_upper_directory(tmp_path: Path) -> None:
    """A maintainer script is root inside, and may make /etc a link to /etc: this machine's."""
    machine = tmp_path / "machine"
    (machine / "sbin").mkdir(parents=True)
    (machine / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    (machine / "sbin/policy-rc.d").write_text("mine")
    overlay = throwaway(tmp_path / "s")
    (overlay.upper / "etc").symlink_to(machine)
    (overlay.upper / "usr").symlink_to(machine)
    clean(overlay.upper)
    assert (machine / "resolv.conf").exists()
    assert (machine / "sbin/policy-rc.d").read_text() == "mine"
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        prepare(overlay.upper, resolver=True)
    assert (machine / "resolv.conf").read_text() == "nameserver 192.0.2.1\n"


def test_a_file_that_is_a_link_is_replaced_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    overlay = throwaway(tmp_path / "s")
    (overlay.upper / "etc").mkdir()
    (overlay.upper / "etc/resolv.conf").symlink_to(outside)
    prepare(overlay.upper, resolver=True)
    assert outside.read_text() == "mine"
    assert not (overlay.upper / "etc/resolv.conf").is_symlink()


def source_package(directory: Path, content: bytes = b"abc") -> SourcePackage:
    directory.mkdir(exist_ok=True)
    (directory / "demo_1.0.tar.xz").write_bytes(content)
    path = directory / "demo_1.0.dsc"
    path.write_text(
        "Format: 3.0 (native)\nSource: demo\nBinary: demo\nArchitecture: any\nVersion: 1.0\n"
        "Maintainer: Jo <jo@example.org>\nChecksums-Sha256:\n"
        f" {hashlib.sha256(b'abc').hexdigest()} 3 demo_1.0.tar.xz\n"
    )
    return read_dsc(path)


def test_a_build_sees_its_source_and_no_other_file(tmp_path: Path) -> None:
    source = source_package(tmp_path / "home")
    (tmp_path / "home/private").touch()
    (tmp_path / "home/demo_1.0.tar.xz").chmod(0o600)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    lent = lend_source(source, scratch)
    assert sorted(p.name for p in lent.iterdir()) == ["demo_1.0.dsc", "demo_1.0.tar.xz"]
    assert modes(lent, "", "demo_1.0.dsc", "demo_1.0.tar.xz") == [0o755, 0o644, 0o644]


def test_a_file_that_is_not_what_the_dsc_names_is_not_built(tmp_path: Path) -> None:
    source = source_package(tmp_path / "home", b"abd")
    (tmp_path / "scratch").mkdir()
    with pytest.raises(PackageBuildError, match="is not the file") as caught:
        lend_source(source, tmp_path / "scratch")
    assert caught.value.code == "source/checksum"
    assert caught.value.exit_code == 3


def test_the_tree_has_one_name_everywhere(tmp_path: Path) -> None:
    assert tree_name(source_package(tmp_path)) == "demo-1.0"


def test_the_command_and_its_environment() -> None:
    native = plan()
    assert build_command(native) == ["dpkg-buildpackage", "-us", "-uc", "-b"]
    assert "DEB_BUILD_PROFILES" not in build_environment(native, {})
    cross = plan(Strategy.CROSS, target=ARM64, with_all=False, profiles=("cross", "nocheck"),
                 options=("nocheck", "parallel=1"))  # fmt: skip
    assert build_command(cross) == [
        "dpkg-buildpackage", "-us", "-uc", "-B", "--host-arch=arm64",
        "--build-profiles=cross,nocheck",
    ]  # fmt: skip
    environment = build_environment(cross, {"TZ": "Europe/Paris"})
    assert environment["DEB_BUILD_OPTIONS"] == "nocheck parallel=1"
    assert environment["DEB_BUILD_PROFILES"] == "cross nocheck"
    assert environment["TZ"] == "Europe/Paris"
    assert build_command(plan(with_any=False))[-1] == "-A"


TESTS = """\
   dh_auto_test
pytest tests
============================= test session starts ==============================
FAILED tests/test_app.py::test_add - assert 1 == 2
========================= 1 failed, 3 passed in 0.10s ==========================
dh_auto_test: error: pytest tests returned exit code 1
make: *** [debian/rules:4: binary] Error 25
"""
COMPILE = """\
gcc -g -O2 -Werror=format-security -c -o contest.o contest.c
contest.c:3:5: error: unknown type name 'foo'
make[1]: *** [Makefile:10: src/contest.o] Error 1
make: *** [debian/rules:4: build] Error 2
dpkg-buildpackage: error: debian/rules build subprocess returned exit status 2
"""
NETWORK = """\
fatal: unable to access 'https://example.org/x.git/': Could not resolve host: example.org
make: *** [debian/rules:4: build] Error 128
"""
FULL = """\
x.c: error: something before
cc1: fatal error: error writing to /tmp/x.s: No space left on device
"""


def failing(directory: Path, text: str) -> tuple[Exception, BuildLog]:
    with BuildLog(directory / "build.log") as log:
        log.heading("dpkg-buildpackage")
        for line in text.splitlines():
            log(line)
        done = Completed(argv=("dpkg-buildpackage",), returncode=2, output=text)
        return explain(CommandError(done), plan(), log), log


def checked(directory: Path, error: Exception, log: BuildLog) -> list[str]:
    """The evidence, after seeing that each piece stands where it is said to."""
    lines = log.path.read_text().splitlines()
    assert isinstance(error, PackageBuildError | MissingError)
    for item in error.evidence:
        assert item.file == "build.log"
        assert item.line is not None
        assert lines[item.line - 1].endswith(item.text)
    return [item.text for item in error.evidence]


def test_failing_tests_are_told_from_failing_compilation(tmp_path: Path) -> None:
    error, log = failing(tmp_path, TESTS)
    assert isinstance(error, PackageBuildError)
    assert error.code == "build/tests-failed"
    assert "FAILED tests/test_app.py::test_add - assert 1 == 2" in checked(tmp_path, error, log)
    error, log = failing(tmp_path, COMPILE)
    assert isinstance(error, PackageBuildError)
    assert error.code == "build/failed"
    assert checked(tmp_path, error, log)[0] == "contest.c:3:5: error: unknown type name 'foo'"


@pytest.mark.parametrize(
    ("line", "tests"),
    [
        ("make[2]: *** [Makefile:400: check-am] Error 2", True),
        ("make[3]: *** [Makefile:1: test-suite.log] Error 1", True),
        ("make[1]: *** [Makefile:12: test] Error 1", True),
        ("make: *** [debian/rules:9: override_dh_auto_test-arch] Error 1", True),
        ("make[1]: *** [Makefile:12: src/latest.o] Error 1", False),
        ("make[1]: *** [Makefile:12: checksum.o] Error 1", False),
        ("make[1]: *** [src/test/Makefile:12: attestation] Error 1", False),
    ],
)
def test_which_target_of_make_failed(tmp_path: Path, line: str, tests: bool) -> None:
    error, _ = failing(tmp_path, line)
    assert isinstance(error, PackageBuildError)
    assert (error.code == "build/tests-failed") is tests


def test_a_build_that_asks_the_network_is_told_why_it_cannot(tmp_path: Path) -> None:
    error, log = failing(tmp_path, NETWORK)
    assert isinstance(error, PackageBuildError)
    assert "there is none on purpose" in str(error.cause)
    assert "Could not resolve host" in checked(tmp_path, error, log)[0]


def test_a_full_disk_is_the_machines_fault(tmp_path: Path) -> None:
    error, log = failing(tmp_path, FULL)
    assert isinstance(error, MissingError)
    assert error.exit_code == 5
    assert len(checked(tmp_path, error, log)) == 1


def test_without_a_telling_line_the_last_ones_are_shown(tmp_path: Path) -> None:
    error, log = failing(tmp_path, "\n".join(f"line {n}" for n in range(50)))
    said = checked(tmp_path, error, log)
    assert said[-1] == "=== failed with status 2"
    assert said[0] == "line 45"


def test_a_log_is_read_from_its_end_and_long_lines_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "build.log"
    with BuildLog(path) as log:
        for number in range(100):
            log(f"line {number} " + "x" * 5000)
    found = log_lines(path, limit=3)
    assert [n for n, _ in found] == [98, 99, 100]
    assert all(len(text) <= 500 for _, text in found)


def test_a_log_is_printable_numbered_and_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("debwright.build.log.LIMIT", 200)
    heard: list[str] = []
    with BuildLog(tmp_path / "deep/build.log", heard.append) as log:
        log("\x1b[2Jred\rgone\x85next")
        for number in range(50):
            log(f"line {number}")
    lines = (tmp_path / "deep/build.log").read_text().splitlines()
    assert lines[0].endswith(r"\x1b[2Jred\x0dgone\x85next")
    assert "is cut here" in lines[-1]
    assert len(lines) < 20
    assert len(heard) == log.lines == 51
