"""What apt's own words are taken to mean, and when it is asked again."""

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from debwright.host.process import CommandError, Completed
from debwright.isolation.namespaces import Namespaces, Spec
from debwright.model.errors import BuildError, DebwrightError, MissingError
from debwright.roots import apt, bootstrap
from debwright.roots.apt import (
    DebCache,
    MirrorError,
    UnsatisfiableError,
    explain,
    retry,
    when_unlocked,
)  # fmt: skip
from debwright.systems.runtime import planned


def failed(output: str, status: int = 100) -> Completed:
    return Completed(argv=("apt-get", "update"), returncode=status, output=output)


MIRROR = {
    "resolve": """\
Ign:1 http://mirror.example.org/debian bookworm InRelease
Err:1 http://mirror.example.org/debian bookworm InRelease
  Temporary failure resolving 'mirror.example.org'
E: Failed to fetch http://mirror.example.org/debian/dists/bookworm/InRelease  Temporary failure \
resolving 'mirror.example.org'
E: Some index files failed to download. They have been ignored, or old ones used instead.
""",
    "refused": """\
E: Failed to fetch http://127.0.0.1:9/debian/pool/main/h/hello/hello_2.10-3_amd64.deb  Could not \
connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)
E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?
""",
    "sync": """\
E: Failed to fetch http://m.example.org/debian/dists/sid/main/binary-amd64/Packages.xz  File has \
unexpected size (9000 != 9001). Mirror sync in progress? [IP: 192.0.2.1 80]
""",
    "hash": """\
E: Failed to fetch http://m.example.org/debian/dists/sid/main/binary-amd64/Packages.xz  Hash Sum \
mismatch
""",
    "suite": """\
E: The repository 'http://m.example.org/debian nosuch Release' does not have a Release file.
""",
    "moved": """\
Err:1 http://m.example.org/debian bookworm/main amd64 hello amd64 2.10-3
  404  Not Found [IP: 192.0.2.1 80]
""",
    "mmdebstrap": "E: apt-get update --error-on=any failed: download failed\n",
}

UNMET = {
    "locate": ("E: Unable to locate package no-such-package\n", "no-such-package"),
    "depends": (
        """\
The following packages have unmet dependencies:
 builddeps:/tmp/x_1-1.dsc : Depends: libnope-dev but it is not installable
E: Unable to correct problems, you have held broken packages.
""",
        "libnope-dev",
    ),
    "version": (
        """\
The following packages have unmet dependencies:
 greeter : Depends: python3 (>= 99) but 3.11.2-1+b1 is to be installed
E: Unable to correct problems, you have held broken packages.
""",
        "python3",
    ),
    "candidate": ("E: Package 'foo' has no installation candidate\n", "foo"),
    "build-dep": (
        """\
 builddeps:/tmp/x_1-1.dsc:arm64 : Depends: python3-nope:arm64 but it is not installable
E: Unable to correct problems, you have held broken packages.
""",
        "python3-nope:arm64",
    ),
}


@pytest.mark.parametrize("name", MIRROR)
def test_trouble_with_the_mirror(name: str) -> None:
    error = explain(failed(MIRROR[name]), "base")
    assert isinstance(error, MirrorError)
    assert error.exit_code == 5
    assert error.evidence
    assert "mirror" in str(error.fix)


@pytest.mark.parametrize("name", UNMET)
def test_what_cannot_be_satisfied_is_named(name: str) -> None:
    text, wanted = UNMET[name]
    error = explain(failed(text), "bookworm-amd64: x")
    assert isinstance(error, UnsatisfiableError)
    assert isinstance(error, BuildError)
    assert wanted in error.what


@pytest.mark.parametrize(
    "text",
    [
        "E: You don't have enough free space in /var/cache/apt/archives/.\n",
        "dpkg: error processing archive x.deb (--unpack):\n cannot copy extracted data for "
        "'./usr/bin/x' to '/usr/bin/x.dpkg-new': failed to write (No space left on device)\n",
        "E: Failed to fetch http://m.example.org/x.deb  Error writing to file - write (28: No "
        "space left on device)\nE: Unable to fetch some archives\n",
    ],
)
def test_a_full_disk_is_not_the_mirrors_fault(text: str) -> None:
    error = explain(failed(text), "base")
    assert isinstance(error, MissingError)
    assert not isinstance(error, MirrorError)  # or it would be tried three times
    assert "disk is full" in error.what


def test_a_missing_key_is_told_from_a_missing_mirror() -> None:
    error = explain(
        failed(
            "W: GPG error: http://m.example.org/debian bookworm InRelease: The following "
            "signatures couldn't be verified because the public key is not available: NO_PUBKEY "
            "0E98404D386FA1D9\nE: The repository 'http://m.example.org/debian bookworm InRelease' "
            "is not signed.\n"
        ),
        "base",
    )
    assert isinstance(error, MissingError)
    assert not isinstance(error, MirrorError)
    assert "signature" in error.what
    assert "NO_PUBKEY" in error.evidence[0].text


def test_anything_else_shows_its_last_words() -> None:
    error = explain(failed("E: dpkg was interrupted, you must manually run it\n"), "installing")
    assert isinstance(error, CommandError)
    assert error.what == "installing failed"
    assert "dpkg was interrupted" in error.evidence[0].text


def test_evidence_is_said_once_and_not_for_ever() -> None:
    text = "".join(f"E: Failed to fetch http://m/{n % 20}\n" for n in range(100))
    error = explain(failed(text), "base")
    said = [e.text for e in error.evidence]
    assert len(said) == len(set(said)) == 8


def mirror_down() -> MirrorError:
    return MirrorError("base: the package archive could not be read")


def test_the_mirror_gets_three_attempts_with_growing_pauses() -> None:
    calls: list[int] = []
    pauses: list[float] = []
    notes: list[str] = []

    def action() -> None:
        calls.append(1)
        raise mirror_down()

    with pytest.raises(MirrorError):
        retry(action, note=notes.append, sleep=pauses.append)
    assert len(calls) == 3
    assert pauses == [2.0, 4.0]
    assert "attempt 2 of 3 in 2 s" in notes[0]


def test_success_at_a_later_attempt_is_success() -> None:
    outcomes: list[DebwrightError | str] = [mirror_down(), "made"]

    def action() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, DebwrightError):
            raise outcome
        return outcome

    assert retry(action, sleep=lambda _: None) == "made"


@pytest.mark.parametrize("error", [UnsatisfiableError("x"), MissingError("disk"), KeyError("k")])
def test_nothing_else_is_tried_again(error: Exception) -> None:
    calls: list[int] = []

    def action() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        retry(action, sleep=lambda _: None)
    assert len(calls) == 1


def mmdebstrap_said(text: str) -> DebwrightError:
    return bootstrap._explain(CommandError(failed(text, 1)))


def test_mmdebstrap_is_missing_only_when_it_is() -> None:
    error = mmdebstrap_said("nsenter: failed to execute mmdebstrap: No such file or directory\n")
    assert error.what == "mmdebstrap is not installed"
    other = mmdebstrap_said(
        "dpkg: dependency problems prevent configuration of foo:\n foo depends on bar; however:\n"
        "  Package bar is not installed.\nE: setup failed: dpkg --configure failed\n"
    )
    assert "mmdebstrap is not installed" not in other.what
    assert isinstance(other, CommandError)


def test_a_root_that_cannot_be_run_here_names_the_emulator() -> None:
    error = mmdebstrap_said("E: arm64 can neither be executed natively nor via qemu (arch-test)\n")
    assert isinstance(error, MissingError)
    assert "qemu-user-static" in str(error.fix)


def lent(root: Path, name: str, packages: dict[str, bytes]) -> Path:
    scratch = root / name / "try0"  # every layer's own directory has this name
    scratch.mkdir(parents=True)
    DebCache(root / "kept").lend(scratch)
    for package, content in packages.items():
        (scratch / "archives" / package).write_bytes(content)
    return scratch


def test_downloads_are_kept_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    scratch = lent(tmp_path, "one", {"a_1_all.deb": b"abc", "partial.txt": b"no"})
    (scratch / "archives" / "b_1_all.deb").symlink_to(tmp_path / "secret")
    (scratch / "archives" / "d.deb").mkdir()
    assert DebCache(tmp_path / "kept").keep(scratch) == 3
    assert [p.name for p in (tmp_path / "kept").iterdir()] == ["a_1_all.deb"]
    assert (tmp_path / "kept/a_1_all.deb").stat().st_mode & 0o777 == 0o644


def test_two_sandboxes_keep_the_same_package_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").mkdir()
    scratches = [lent(tmp_path, name, {"a_1_all.deb": b"abc"}) for name in ("one", "two")]
    both = threading.Barrier(2, timeout=10)
    copyfile = shutil.copyfile

    def slowly(source: Path, target: Path) -> None:
        copyfile(source, target)
        both.wait()

    monkeypatch.setattr(shutil, "copyfile", slowly)
    problems: list[Exception] = []

    def keep(scratch: Path) -> None:
        try:
            DebCache(tmp_path / "kept").keep(scratch)
        except OSError as problem:
            problems.append(problem)

    threads = [threading.Thread(target=keep, args=(s,)) for s in scratches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert [p.name for p in (tmp_path / "kept").iterdir()] == ["a_1_all.deb"]


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kept").mkdir()
    scratch = lent(tmp_path, "one", {"a_1_all.deb": b"abc"})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        DebCache(tmp_path / "kept").keep(scratch)
    assert not list((tmp_path / "kept").iterdir())


SIMULATION = """\
NOTE: This is only a simulation!
Reading package lists...
Building dependency tree...
The following additional packages will be installed:
  libpython3.11-minimal python3
Inst libpython3.11-minimal (3.11.2-6+deb12u5 Debian:12.11/stable, Debian-Security:12/\
stable-security [arm64])
Inst libc6 [2.36-9+deb12u9] (2.36-9+deb12u10 Debian:12.11/stable [arm64])
Inst libssl3:amd64 (3.0.16-1~deb12u1 Debian:12.11/stable [amd64]) []
Inst media-types (10.0.0 Debian:12.11/stable [all])
Inst dash [0.5.12-2] (0.5.12-2+b1 Debian:12.11/stable [arm64]) [python3:arm64 ]
Inst greeter (1.0-1 localhost [arm64])
Inst greeter-data:arm64 (1.0-1  [all])
Conf libpython3.11-minimal (3.11.2-6+deb12u5 Debian:12.11/stable [arm64])
Remv old [1.0]
"""


def test_a_simulation_names_what_comes_beside_the_packages() -> None:
    assert planned(SIMULATION, {"greeter", "greeter-data"}) == [
        "libpython3.11-minimal=3.11.2-6+deb12u5",
        "libc6=2.36-9+deb12u10",
        "libssl3:amd64=3.0.16-1~deb12u1",
        "media-types=10.0.0",
        "dash=0.5.12-2+b1",
    ]


def test_a_simulation_of_nothing() -> None:
    assert planned("greeter is already the newest version (1.0-1).\n", {"greeter"}) == []


def test_an_expired_archive_is_not_retried() -> None:
    """A stale mirror stays stale: saying so at once beats three attempts."""
    text = (
        "E: Release file for http://mirror.test/debian/dists/sid/InRelease is expired (invalid "
        "since 17d 5h 51min 8s). Updates for this repository will not be applied.\n"
    )
    error = explain(failed(text), "base")
    assert not isinstance(error, MirrorError)
    assert error.exit_code == 5
    assert "clock" in str(error.cause)
    assert "17d" in error.evidence[0].text


LOCKED = (
    "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (apt-get)\n",
    "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 9 (dpkg)\n",
    "dpkg: error: dpkg frontend lock was locked by another process with pid 812\n",
)


@pytest.mark.parametrize("said", LOCKED)
def test_another_apt_at_work_is_waited_for(said: str) -> None:
    answers = [failed(said), failed(said), Completed(argv=("dpkg",), returncode=0, output="")]
    slept: list[float] = []
    notes: list[str] = []
    done = when_unlocked(lambda: answers.pop(0), note=notes.append, sleep=slept.append)
    assert done.returncode == 0
    assert len(slept) == 2
    assert len(notes) == 1
    forever = failed(said)
    assert when_unlocked(lambda: forever, seconds=9, sleep=slept.append) is forever
    assert len(slept) == 5


@pytest.mark.parametrize(
    "said", [f"Setting up demo (1) ...\n{LOCKED[1]}", "E: Unable to locate package x\n"]
)
def test_a_script_that_asks_for_the_lock_is_at_fault_itself(said: str) -> None:
    asked: list[int] = []

    def run() -> Completed:
        asked.append(1)
        return failed(said)

    assert when_unlocked(run).returncode == 100
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("arguments", "network"),
    [(["update"], True), (["--download-only", "install", "x"], True), (["install", "x"], False),
     (["build-dep", "/tmp/x.dsc"], False), (["install", "--simulate", "x"], False)],
)  # fmt: skip
def test_only_what_fetches_is_given_the_network(arguments: list[str], network: bool) -> None:
    """No script of a package that is being installed."""
    asked: list[bool] = []

    def run(argv: Sequence[str], **options: Any) -> Completed:
        asked.append(options["network"])
        return Completed(argv=tuple(argv), returncode=0, output="")

    inside = cast(Namespaces, SimpleNamespace(run=run, spec=Spec(network=True)))
    apt.get(inside, arguments, what="a test")
    assert asked == [network]
