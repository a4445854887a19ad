"""Commands in sandboxes: what is run on this machine, and what only inside."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from debwright.cli import shell
from debwright.host import process, terminal
from debwright.host.process import Completed
from debwright.isolation import cgroups
from debwright.isolation.holder import inside, mount_overlay
from debwright.isolation.namespaces import Namespaces, Spec
from debwright.model.errors import MissingError
from debwright.systems.nspawn import NspawnSandbox
from debwright.systems.nspawn.booted import escaped


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have been run."""
    commands: list[list[str]] = []

    def run(argv: Sequence[str], **_: Any) -> Completed:
        commands.append([str(word) for word in argv])
        return Completed(argv=tuple(commands[-1]), returncode=0, output="")

    monkeypatch.setattr(process, "run", run)
    return commands


HOSTILE = {"LD_PRELOAD": "/home/jo/project/evil.so", "GCONV_PATH": "/home/jo", "PATH": "/evil"}


@pytest.mark.parametrize("kind", ["namespaces", "nspawn"])
def test_a_projects_variables_are_set_inside_only(started: list[list[str]], kind: str) -> None:
    """What enters runs on this machine, as root: LD_PRELOAD would load a file of the project."""
    if kind == "namespaces":
        Namespaces(Spec(), pid=4711).run(["make"], env=HOSTILE)
    else:
        NspawnSandbox(None, leader=4711).run(["make"], env=HOSTILE)  # type: ignore[arg-type]
    (words,) = started
    outside = words[: words.index("--")]
    assert outside[:2] == ["env", "-i"]
    assert ("nsenter" if kind == "namespaces" else "perl") in outside
    assert not [w for w in outside if w.split("=")[0] in {"LD_PRELOAD", "GCONV_PATH"}]
    assert "PATH=/evil" not in outside
    assert words[words.index("--") + 1 :] == ["env", *(f"{k}={v}" for k, v in HOSTILE.items()),
                                              "make"]  # fmt: skip


def test_without_variables_nothing_more_is_started(started: list[list[str]]) -> None:
    for root in (None, Path("/somewhere")):
        Namespaces(Spec(root=root), pid=4711).run(["true"], cwd="/build", uid=1234)
        words = started[-1]
        assert words[-2:] == ["--", "true"]
        assert "--setuid=1234" in words
        assert "--setgid=1234" in words
        assert "--wdns=/build" in words


def test_a_shell_sets_them_inside_too(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(argv: list[str]) -> int:
        commands.append(argv)
        return 7

    monkeypatch.setattr(terminal, "run", run)
    assert shell._enter(["nsenter", "--"], "id", HOSTILE) == 7
    words = commands[0]
    assert "LD_PRELOAD=/home/jo/project/evil.so" in words[words.index("--") :]
    assert "LD_PRELOAD=/home/jo/project/evil.so" not in words[: words.index("--")]
    assert words[-3:] == ["sh", "-c", "id"]


def test_what_is_of_a_root_is_entered_with_bounds(started: list[list[str]]) -> None:
    """This machine's own programs, and what runs beside them, are entered by nsenter(1) alone."""
    for root, pivot in ((None, True), (Path("/r"), False), (Path("/r"), True)):
        Namespaces(Spec(root=root, pivot=pivot), pid=4711, shifted=True).run(["true"])
    NspawnSandbox(None, leader=4711, first_id=524288).run(["true"])  # type: ignore[arg-type]
    names = [Path(w[w.index("LC_ALL=C.UTF-8") + 1]).name for w in started]
    assert names == ["nsenter", "nsenter", "perl", "perl"]
    for words in started[2:]:
        spaces = next(w for w in words if w.startswith("--namespaces="))
        assert spaces == "--namespaces=mnt,pid,ipc,uts,net,user", "its own ids come last"
        assert [w for w in words if w.startswith("--filter=/proc/")]


@pytest.mark.parametrize(
    ("link", "allowed"), [("/etc", False), ("../../outside", False), ("real", True), (None, True)]
)
def test_a_mount_does_not_go_through_a_link_out_of_the_root(
    tmp_path: Path, link: str | None, allowed: bool
) -> None:
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    if link is None:
        (root / "proc").mkdir()
    else:
        (root / "proc").symlink_to(link)
    if allowed:
        assert inside(str(root), "/proc") == str(root / "proc")
    else:
        with pytest.raises(OSError, match="leads outside"):
            inside(str(root), "/proc/sub")


@pytest.mark.parametrize("odd", ["/cache/a:b", "/cache/a,b", "/cache/a\\b"])
def test_a_path_an_overlay_cannot_be_given_is_refused(odd: str) -> None:
    spec = {"lower": ["/l"], "upper": odd, "work": "/w", "options": []}
    with pytest.raises(OSError, match="may not hold"):
        mount_overlay(spec, "/nowhere")


def test_paths_for_nspawn_are_escaped() -> None:
    assert escaped(Path("/a:b\\c")) == "/a\\:b\\\\c"


def test_a_control_group_that_cannot_be_made_is_explained_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first").mkdir()
    monkeypatch.setattr(cgroups, "systemd_runs", lambda: False)
    monkeypatch.setattr(cgroups, "_parents", lambda: [tmp_path / "first", tmp_path / "gone"])
    with (
        pytest.raises(MissingError, match="control group") as caught,
        cgroups.own_group(),
    ):
        pass
    assert "gone" in caught.value.evidence[0].text
    assert not list((tmp_path / "first").iterdir())


def test_a_control_group_is_gone_after_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "systemd_runs", lambda: False)
    monkeypatch.setattr(cgroups, "_parents", lambda: [tmp_path])
    with cgroups.own_group() as placement:
        (directory,) = placement.directories
        assert directory.is_dir()
        assert placement.joined(["true"])[:3] == ["sh", "-ec", placement.joined([])[2]]
        (directory / "payload").mkdir()
    assert not list(tmp_path.iterdir())


def test_groups_of_the_dead_are_removed_and_those_of_the_living_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "systemd_runs", lambda: False)
    monkeypatch.setattr(cgroups, "_parents", lambda: [tmp_path])
    dead, living, other = "debwright-4999999-ab", "debwright-1-ab", "debwright-x-ab"
    for name in (dead, living, other):
        (tmp_path / name).mkdir()
    cgroups.heal()
    assert sorted(p.name for p in tmp_path.iterdir()) == [living, other]
