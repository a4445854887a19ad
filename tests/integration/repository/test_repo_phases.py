"""Phased updates, judged by apt of this machine; docs/repository.md has what other suites do."""
# ruff: noqa: PLR0917 - fixtures come by name

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from debwright.cli.app import call
from debwright.keys.signing.gpg import GpgSigner
from debwright.repository import edits, plan
from debwright.repository.edits import Promotion, promote, renew
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.phases import Wanted
from debwright.repository.plan import load
from debwright.repository.publish import publish
from debwright.repository.verify.repository import verify_repository

pytestmark = pytest.mark.integration

MakeDeb = Callable[..., Path]
Files = Callable[..., list[PackageFile]]
MACHINES = [hashlib.md5(str(n).encode()).hexdigest() for n in range(24)]  # noqa: S324 - for ids


@pytest.fixture
def machines(
    tmp_path: Path, make_apt: Callable[..., Any]
) -> Callable[[Path], list[bool]]:  # fmt: skip
    """Which of the machines, all with greeter 1.0-1, would get 2.0-1 by `apt-get upgrade`."""

    asked: list[Path] = []

    def ask(repo: Path) -> list[bool]:
        asked.append(repo)
        apt = make_apt((repo / "greeter-bookworm.sources").read_text(), name=f"apt-{len(asked)}")
        (apt.root / "dpkg/status").write_text(
            "Package: greeter\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\n"
            "Maintainer: Greeter <greeter@example.org>\nDescription: says hello\n It does.\n\n"
        )
        apt.get("update")
        # A test may run in a chroot, where apt takes every update.
        options = [
            "-o",
            "APT::Get::Always-Include-Phased-Updates=false",
            "-o",
            "Dir::Bin::ischroot=",
        ]
        found = []
        for machine in MACHINES:
            said = apt.get("-s", "upgrade", *options, "-o", f"APT::Machine-ID={machine}")
            found.append(bool(re.search(r"^Inst greeter", said, re.MULTILINE)))
        return found

    return ask


def phases(repo: Path) -> dict[str, int | None]:
    state = load(repo)
    assert state is not None
    return {f"{s} {e.version}": e.phased for s, m in state.suites.items() for e in m.entries}


def test_a_part_of_the_machines_gets_it_more_and_more_and_none_when_it_is_taken_back(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path, machines: Callable[[Path], list[bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter")), signer, settings)
    publish(repo, files(make_deb("greeter", "2.0-1")), signer, settings, percent=10)
    first = machines(repo)
    if all(first):
        pytest.skip("apt takes this machine for a chroot, where it takes every update")
    assert sum(first) < len(MACHINES) / 2
    later = time.time() + 3700
    wanted = Wanted(suite="bookworm", source="greeter", percents=(40, 70), every=3600)
    assert not edits.phase(repo, wanted, signer, settings).unchanged
    second = machines(repo)
    assert renew(repo, signer, settings).unchanged
    monkeypatch.setattr(plan, "time", SimpleNamespace(time=lambda: later))
    assert not renew(repo, signer, settings).unchanged
    third = machines(repo)
    assert sum(first) < sum(second) < sum(third) < len(MACHINES)
    # Who was among the first is among those that follow.
    assert all(b for a, b in zip(first + second, second + third, strict=True) if a)
    stop = Wanted(suite="bookworm", source="greeter", percents=(0,))
    edits.phase(repo, stop, signer, settings)
    assert sum(machines(repo)) <= 1  # apt's draw goes from 0 to 100
    assert edits.phase(repo, stop, signer, settings).unchanged
    edits.phase(repo, Wanted(suite="bookworm", source="greeter", percents=(100,)), signer, settings)
    assert all(machines(repo))
    assert verify_repository(repo, keyring) == []


def test_a_phase_is_of_its_suite(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter"), suite="bookworm-nightly"), signer, settings, percent=5)
    promotion = Promotion(source="bookworm-nightly", target="bookworm")
    promote(repo, [promotion], signer, settings, percent=20)
    assert phases(repo) == {"bookworm-nightly 1.0-1": 5, "bookworm 1.0-1": 20}
    assert promote(repo, [promotion], signer, settings).unchanged
    text = (repo / "dists/bookworm/main/binary-amd64/Packages").read_text()
    assert "Phased-Update-Percentage: 20\n" in text


def test_by_hand(
    tmp_path: Path, make_deb: MakeDeb, key_home: Path, fingerprint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "debwright.toml").write_text(
        f'[signing]\nkey = "{fingerprint}"\nhome = "{key_home}"\n[repository]\norigin = "G"\n'
    )
    run = ["-C", str(tmp_path), "repo"]

    def said(*command: str) -> str:
        capsys.readouterr()
        assert call([*run, *command]) == 0
        return capsys.readouterr().out

    deb = str(make_deb("greeter"))
    said("add", "--suite", "bookworm", "--phase", "15", deb)
    assert "greeter 1.0-1 amd64 (upgrade for 15 % of machines)" in said("list", "--packages")
    said("phase", "--suite", "bookworm", "greeter", "--steps", "20,50,100", "--every", "12h")
    listed = said("list", "--packages")
    assert "upgrade for 20 %" in listed
    assert "bookworm: greeter 1.0-1 gets 20 % from" in listed
    assert "1.0-1 (15 %) -> 1.0-1 (20 %)" in said("diff", "1", "2")
    said("phase", "--suite", "bookworm", "greeter", "--stop")
    assert "% from" not in said("list", "--packages")
    said("phase", "--suite", "bookworm", "greeter", "--everyone")
    assert "upgrade for" not in said("list", "--packages")
    for wrong in (
        [], ["--percent", "101"], ["--stop", "--everyone"], ["--steps", "50,20"],
        ["--steps", "5,x"], ["--steps", "5", "--every", "soon"], ["--stop", "--every", "1d"],
    ):  # fmt: skip
        assert call([*run, "phase", "--suite", "bookworm", "greeter", *wrong]) != 0
    assert call([*run, "phase", "--suite", "trixie", "greeter", "--stop"]) != 0
