"""What the live checks make of the words of systemd, dpkg and journalctl."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.debs import Item, make_deb

from debwright.checks.engine.base import CheckContext
from debwright.checks.engine.edits import Conffile, parse_conffiles
from debwright.checks.engine.journal import parse
from debwright.checks.engine.memory import excess
from debwright.checks.engine.previous import expand, find_previous
from debwright.checks.engine.session import Session
from debwright.checks.live.benchmarks import summary
from debwright.checks.live.crash import restart_pause
from debwright.checks.live.exposure import overall, worst
from debwright.checks.live.regression import growth, packaged, required
from debwright.checks.live.upgrade import prompts
from debwright.checks.live.writes import own_directories, undeclared
from debwright.host.process import Completed
from debwright.isolation.snapshot import Entry
from debwright.model.errors import UsageError
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.systems.base import BootedSandbox, FileMark
from debwright.systems.ownership import declared

SECURITY = """\
  NAME                         DESCRIPTION                               EXPOSURE
✓ SystemCallFilter=~@swap      System call allow list defined
✗ PrivateNetwork=              Service has access to the host's network       0.5
✗ User=/DynamicUser=           Service runs as root user                      0.4
✗ CapabilityBoundingSet=~CAP_SYS_TIME  Service processes may change the system clock  0.2
  DeviceAllow=                 Service has no device ACL                      0.2

→ Overall exposure level for demo.service: 9.6 UNSAFE 😨
"""


def test_megabytes_are_those_of_the_configuration() -> None:
    """10^6 bytes, as its reference says: not 2^20."""
    assert excess(30_000_000, 30.0) is None
    assert excess(30_100_000, 30.0) == "30.1 MB proportional set size, 30.0 MB allowed"
    assert excess(10**12, None) is None


def test_the_exposure_level_and_what_raises_it_most() -> None:
    assert overall(SECURITY) == 9.6
    rows = worst(SECURITY)
    assert rows[0] == "0.5 PrivateNetwork=: Service has access to the host's network"
    assert [row[:3] for row in rows] == ["0.5", "0.4", "0.2", "0.2"]
    assert overall("Unit demo.service not found.") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("100ms", 0.1), ("1s", 1), ("1min 30s", 90), ("2h", 7200), ("500us", 0.0005), ("0", 0),
     ("infinity", None), ("", 0), ("x", None)],
)  # fmt: skip
def test_time_spans_of_systemd(text: str, seconds: float | None) -> None:
    assert restart_pause(text) == (None if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=60))
def test_any_time_span_is_seconds_or_nothing(text: str) -> None:
    found = restart_pause(text)
    assert found is None or isinstance(found, float)


def test_conffiles_as_dpkg_lists_them() -> None:
    text = (
        "\n /etc/demo.conf d41d8cd98f00b204e9800998ecf8427e\n"
        " /etc/two words.conf 0cc175b9c0f1b6a831c399e269772661 obsolete\n"
        " /etc/new newconffile\n nonsense\n"
    )
    assert parse_conffiles(text) == [
        Conffile("/etc/demo.conf", "d41d8cd98f00b204e9800998ecf8427e"),
        Conffile("/etc/two words.conf", "0cc175b9c0f1b6a831c399e269772661", obsolete=True),
    ]


@given(st.text(max_size=200))
def test_any_text_gives_conffiles_with_absolute_paths(text: str) -> None:
    assert all(c.path.startswith("/") for c in parse_conffiles(text))


def test_errors_of_the_journal() -> None:
    rows = [
        {"PRIORITY": "3", "MESSAGE": "broken", "SYSLOG_IDENTIFIER": "demo", "_PID": "42"},
        {"PRIORITY": "2", "MESSAGE": [104, 105, 255], "SYSLOG_IDENTIFIER": "demo", "_PID": "42"},
        {"PRIORITY": "3", "MESSAGE": None, "_PID": "1"},
        {"PRIORITY": "6", "MESSAGE": "fine"},
        ["no", "record"],
    ]
    text = "\n".join(json.dumps(r) for r in rows) + "\n-- no entries --\n"
    found = parse(text)
    assert [(e.priority, e.message, e.by_systemd) for e in found] == [
        (3, "broken", False), (2, "hi\ufffd", False), (3, "(no text)", True),
    ]  # fmt: skip


@given(st.text(max_size=120))
def test_any_text_is_a_journal(text: str) -> None:
    assert all(0 <= e.priority < 4 for e in parse(text))


def test_conffiles_dpkg_would_ask_about() -> None:
    output = (
        "Setting up demo (1.1-1) ...\n\nConfiguration file '/etc/demo.conf'\n"
        " ==> Modified (by you or by a script) since installation.\n"
    )
    assert prompts(output) == ["/etc/demo.conf"]


def entry(kind: str = "file", at: float = 200.0) -> Entry:
    return Entry(kind, 0o644, 0, 0, 1, int(at * 1e9))


def test_what_a_service_has_created_where_it_should_not() -> None:
    unit = {"StateDirectory": "demo two:link", "RuntimeDirectory": "demo", "LogsDirectory": ""}
    homes = declared(unit)
    assert {"/var/lib/demo", "/var/lib/two", "/var/lib/link", "/run/demo"} <= homes
    created = {
        "/var/lib/demo/db": entry(),
        "/var/log/demo": entry("directory", 50),
        "/var/log/demo/log": entry(),
        "/srv/data": entry("directory"),
        "/srv/data/x": entry(),
        "/etc/demo/made-by-postinst": entry(at=50),
        "/opt/cache.bin": entry(),
        "/usr/sbin/demo": entry(at=300),
        "/var/lib/dpkg/status": entry(),
        "/var/lib/demos/x": entry(),
    }
    shipped = {"/usr/sbin/demo", "/var/log/demo", "/etc"}
    homes |= own_directories(shipped, created)
    found = undeclared(created, shipped, homes, ["/opt/*.bin"], begun=100.0)
    assert set(found) == {"/srv/data", "/var/lib/demos/x"}


def test_growth_and_summaries() -> None:
    assert growth(100, 150) == pytest.approx(50)
    assert growth(0, 10) == 0
    made = summary("start", [3.0, 1.0, 2.0])
    assert made == {"start_median_seconds": 2.0, "start_spread_seconds": 2.0}
    assert summary("start", []) == {}


def test_what_two_releases_need_and_hold(tmp_path: Path) -> None:
    doc, tool = Item("./usr/share/doc/demo/changelog"), Item("./usr/bin/demo")
    old = read_deb(make_deb(tmp_path / "old.deb", doc, tool))
    assert required([old]) == {"Depends: libc6", "Depends: python3"}
    assert packaged([old]) == {"/usr/bin/demo"}


TARGET = Target("bookworm", "amd64")


def test_the_previous_release_is_named_or_there_is_none(tmp_path: Path) -> None:
    new = read_deb(make_deb(tmp_path / "new.deb", version="2.0-1"))
    old = make_deb(tmp_path / "old.deb", version="1.9-1")
    other = make_deb(tmp_path / "other.deb", package="unrelated")
    found = find_previous(TARGET, [new], files=[old, other])
    assert [d.version for d in found.debs] == ["1.9-1"]
    assert "none of the previous files" in find_previous(TARGET, [new], files=[other]).reason
    assert "no previous release is known" in find_previous(TARGET, [new]).reason
    missing = find_previous(TARGET, [new], repository=tmp_path / "apt")
    assert not missing.debs
    same = make_deb(tmp_path / "same.deb", version="2.0-1")
    with pytest.raises(UsageError, match="not older"):
        find_previous(TARGET, [new], files=[same])


def test_versions_before_the_previous_release_are_known_each_by_itself(tmp_path: Path) -> None:
    new = read_deb(make_deb(tmp_path / "new.deb", version="2.0-1"))
    versions = ("1.10-1", "1.2-1", "1.9-1")
    old = [make_deb(tmp_path / f"{v}.deb", version=v) for v in versions]
    found = find_previous(TARGET, [new], files=old)
    assert [d.version for d in found.debs] == ["1.10-1"]
    assert [[d.version for d in debs] for debs in found.older] == [["1.9-1"], ["1.2-1"]]


def test_patterns_of_previous_files(tmp_path: Path) -> None:
    for name in ("demo_1_amd64.deb", "demo_1_arm64.deb"):
        (tmp_path / name).touch()
    found = expand(tmp_path, ["demo_*_amd64.deb", str(tmp_path / "demo_1_arm64.deb")])
    assert [p.name for p in found] == ["demo_1_amd64.deb", "demo_1_arm64.deb"]
    with pytest.raises(UsageError, match="there is no such file"):
        expand(tmp_path, ["demo_2_*.deb"])


@pytest.mark.parametrize(("emulated", "seconds"), [(False, 120), (True, 720)])
def test_smoke_commands_have_more_time_under_an_emulator(*, emulated: bool, seconds: float) -> None:
    asked: list[float] = []

    def run(_: list[str], *, timeout: float, **__: object) -> Completed:
        asked.append(timeout)
        return Completed(argv=("sh",), returncode=0, output="")

    system = cast(BootedSandbox, SimpleNamespace(emulated=emulated, run=run))
    session = Session(cast(CheckContext, None), system, before=cast(FileMark, None))
    session.smoke("demo --version")
    session.smoke("demo --import-much", timeout=1000)
    assert asked == [seconds, 1000]
