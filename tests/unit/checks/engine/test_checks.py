"""What checks make of the words of lintian, the kernel and dpkg, and how they are judged."""

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.debs import make_deb

from debwright.checks import run as checks
from debwright.checks.engine import policy
from debwright.checks.engine.base import CheckContext
from debwright.checks.engine.session import script_failure
from debwright.checks.files.contents import CODES, ContentsCheck
from debwright.checks.files.lintian import finding_of, parse_line
from debwright.checks.live.files import judge as judge_file
from debwright.checks.live.install import InstallCheck
from debwright.config import Config
from debwright.host.process import Completed
from debwright.isolation.snapshot import Entry, Snapshot
from debwright.model.errors import UsageError
from debwright.model.results import CheckResult, Finding, Severity, Status
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.pipeline.stages.check import not_proven
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.systems.ownership import leftovers
from debwright.systems.remote import parse_table


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("E: greeter: missing-dep [usr/bin/x]",
         ("error", "greeter", "binary", "missing-dep", "[usr/bin/x]")),
        ("W: greeter source: no-nmu-in-changelog",
         ("warning", "greeter", "source", "no-nmu-in-changelog", "")),
        ("I: greeter changes: some-tag a b (c)",
         ("info", "greeter", "changes", "some-tag", "a b (c)")),
        ("P: lib+x.y-1: silent-on-rules-requiring-root [debian/control]",
         ("pedantic", "lib+x.y-1", "binary", "silent-on-rules-requiring-root",
          "[debian/control]")),
        ("O: greeter: tag-a", ("override", "greeter", "binary", "tag-a", "")),
        ("Q: greeter: tag-x: more", None),
        ("N: 1 tag overridden", None),
        ("running with root privileges is not recommended!", None),
        ("E: ", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_line_of_lintian(line: str, wanted: tuple[str, ...] | None) -> None:
    found = parse_line(line)
    assert (tuple(found.values()) if found else None) == wanted


@given(st.text(max_size=80))
def test_any_line_is_a_tag_or_nothing(line: str) -> None:
    found = parse_line(line)
    assert found is None or set(found) == {"level", "package", "type", "tag", "context"}


def test_the_policy_decides_which_tags_fail() -> None:
    tag = parse_line("W: greeter: a-tag [x]")
    assert tag is not None
    assert finding_of(tag, {"error"}).severity is Severity.WARNING
    failed = finding_of(tag, {"error", "warning"})
    assert failed.severity is Severity.ERROR
    assert failed.code == "lintian/a-tag"
    assert failed.fix == "lintian-explain-tags a-tag"
    info = parse_line("I: greeter: a-tag")
    assert info is not None
    assert finding_of(info, {"error"}).severity is Severity.INFO


TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999  0 1 1 0 100 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0  0 2 1 0 100 0
   2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000   999  0 3 1 0 20 4
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000
   1: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000
   2: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 00000000
"""


def test_listening_sockets_of_both_families() -> None:
    assert parse_table(TCP, "0A") == ["127.0.0.1:8080", "0.0.0.0:22"]
    assert parse_table(TCP6, "0A") == ["[::]:80", "[::1]:8081", "[2001:db8::1]:443"]
    assert parse_table("", "0A") == []
    assert parse_table(TCP.splitlines()[0], "0A") == []


def kernel_form(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    raw = address.packed
    words = (raw[i : i + 4] for i in range(0, len(raw), 4))
    return "".join(f"{int.from_bytes(word, 'little'):08X}" for word in words)


@given(st.ip_addresses(), st.integers(0, 65535), st.sampled_from(["0A", "01", "07"]))
def test_every_address_comes_out_as_it_went_in(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, state: str
) -> None:
    row = f"   0: {kernel_form(address)}:{port:04X} 0:0 {state} 0 0"
    shown = f"[{address}]" if address.version == 6 else str(address)
    wanted = [f"{shown}:{port}"] if state == "0A" else []
    assert parse_table(f"head\n{row}\n", "0A") == wanted


def entry(kind: str = "file", mode: int = 0o644) -> Entry:
    return Entry(kind, mode, 0, 0, 1, 0)


def test_what_purge_leaves_is_told_from_what_the_system_writes() -> None:
    system = [
        "/run/x", "/tmp/x", "/var/lib/dpkg/status", "/var/lib/dpkg/info/x.list", "/etc/passwd-",
        "/etc/ld.so.cache", "/var/log/journal/1/system.journal", "/var/log/dpkg.log",
        "/var/cache/apt/pkgcache.bin", "/var/lib/systemd/timers/x", "/etc/systemd/system",
        "/etc/systemd/system/multi-user.target.wants", "/mnt/debwright/Packages", "/etc/rc2.d",
        "/usr/lib/python3/dist-packages/x/__pycache__/y.pyc",
    ]  # fmt: skip
    package = {
        "/var/lib/demo": entry("directory"),
        "/var/lib/demo/db": entry(),
        "/var/lib/demo/sub/deep": entry(),
        "/etc/demo.conf": entry(),
        "/var/log/demo.log": entry(),
        "/runaway": entry(),
        "/etc/systemd/system/demo.service": entry("symlink"),
        "/etc/systemd/system/multi-user.target.wants/demo.service": entry("symlink"),
        "/etc/systemd/system/demo.service.d/local.conf": entry(),
    }
    left = leftovers({**dict.fromkeys(system, entry()), **package})
    assert sorted(left) == sorted(set(package) - {"/var/lib/demo/db"})


def test_a_snapshot_is_of_what_changed_and_follows_no_link(tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    (upper / "var/lib").mkdir(parents=True)
    (upper / "etc").mkdir()
    (upper / "etc/kept").write_text("x")
    before = Snapshot.of(upper)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("x")
    (upper / "var/lib/link").symlink_to(tmp_path / "outside")
    (upper / "var/lib/file").write_text("four")
    (upper / "var/lib/file").chmod(0o4755)
    created = Snapshot.of(upper).created_since(before)
    assert sorted(created) == ["/var/lib/file", "/var/lib/link"]
    assert created["/var/lib/link"].kind == "symlink"
    made = created["/var/lib/file"]
    assert (made.kind, made.mode, made.size) == ("file", 0o4755, 4)
    assert made.describe("/f").startswith("-rwsr-xr-x ")
    assert Snapshot.of(tmp_path / "gone").entries == {}


def test_what_was_removed_and_came_back_is_created() -> None:
    before = Snapshot({"/a": entry("removed"), "/b": entry(), "/c": entry()})
    now = Snapshot({"/a": entry(), "/b": entry(), "/c": entry("removed"), "/d": entry("removed")})
    assert list(now.created_since(before)) == ["/a"]


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (entry(mode=0o4755), "files/setuid"),
        (entry(mode=0o666), "files/world-writable"),
        (entry("directory", 0o777), "files/world-writable"),
        (entry("directory", 0o1777), None),
        (entry("directory", 0o2775), None),
        (entry("symlink", 0o777), None),
        (entry("special", 0o666), None),
        (entry(), None),
    ],
)
def test_files_a_package_made(made: Entry, code: str | None) -> None:
    finding = judge_file("/var/lib/demo/x", made)
    assert (finding.code if finding else None) == code


def said(text: str) -> Completed:
    return Completed(argv=("apt-get",), returncode=100, output=text)


POSTINST = """\
Setting up libfoo1:amd64 (1.0-1) ...
Setting up greeter (1.0-1) ...
chown: invalid user: 'greeterd'
dpkg: error processing package greeter (--configure):
 installed greeter package post-installation script subprocess returned error exit status 1
Errors were encountered while processing:
 greeter
E: Sub-process /usr/bin/dpkg returned an error code (1)
"""


@pytest.mark.parametrize(
    ("text", "script"),
    [
        (POSTINST, "postinst"),
        (POSTINST.replace("post-installation", "pre-removal"), "prerm"),
        (POSTINST.replace("installed greeter package post-installation",
                          "installed greeter package post-removal"), "postrm"),
        (POSTINST.replace("installed greeter package post-installation",
                          "new greeter package pre-installation"), "preinst"),
        (POSTINST.replace("returned error exit status 1", "was killed by signal (Killed)"),
         "postinst"),
        (POSTINST.replace("installed greeter package post-installation script subprocess",
                          "subprocess installed post-installation script"), "postinst"),
    ],
)  # fmt: skip
def test_a_failing_maintainer_script_is_named(text: str, script: str, tmp_path: Path) -> None:
    failure = script_failure(said(text), "installing the packages", context(tmp_path))
    assert failure is not None
    assert (
        failure.what == f"installing the packages failed: {script} of greeter ended with an error"
    )
    assert any("chown: invalid user" in e.text for e in failure.evidence)
    assert script in str(failure.cause)
    again = "debwright shell bookworm-amd64 --booted -c 'dpkg --configure -a --debug=2'"
    assert failure.fix == again


@pytest.mark.parametrize(
    "text",
    [
        "dpkg: error processing archive /x/greeter.deb (--unpack):\n trying to overwrite "
        "'/usr/bin/x', which is also in package other 1.0-1\n",
        "dpkg: dependency problems prevent configuration of greeter:\n greeter depends on x\n\n"
        "dpkg: error processing package greeter (--configure):\n dependency problems - leaving "
        "unconfigured\n",
        "E: Unable to locate package greeter\n",
        "",
    ],
)
def test_other_failures_of_dpkg_are_no_scripts_fault(text: str, tmp_path: Path) -> None:
    assert script_failure(said(text), "installing", context(tmp_path)) is None


def context(tmp_path: Path, **config: Any) -> CheckContext:
    made = Config.model_validate(config)
    return CheckContext(
        target=Target("bookworm", "amd64"), host_arch="amd64", config=made, debs=[], changes=None,
        roots=Roots(Cache(tmp_path), made), output=tmp_path, log=lambda _: None,
        activity=lambda _: None,
    )  # fmt: skip


def result(*findings: Finding, name: str = "contents", **more: Any) -> CheckResult:
    failed = any(f.severity is Severity.ERROR for f in findings)
    status = Status.FAILED if failed else Status.PASSED
    return CheckResult(name=name, status=status, findings=findings, **more)


def judged_in(found: CheckResult, where: CheckContext) -> CheckResult:
    return policy.judge(found, ContentsCheck(), where.config, where.target)


SETUID = CODES.found("files/setuid", "x is setuid")
TODAY = datetime.now(UTC).date()


def waiver(until: date, code: str = "files/*", target: str = "*") -> dict[str, Any]:
    return {"code": code, "target": target, "reason": "known", "until": until}


def test_warn_cannot_fail_and_hides_nothing(tmp_path: Path) -> None:
    judged = judged_in(result(SETUID), context(tmp_path, checks={"contents": "warn"}))
    assert judged.status is Status.PASSED
    assert [f.severity for f in judged.findings] == [Severity.WARNING]
    untouched = judged_in(result(SETUID), context(tmp_path, checks={"elf": "warn"}))
    assert untouched.status is Status.FAILED


def test_a_waiver_excuses_until_its_day(tmp_path: Path) -> None:
    judged = judged_in(result(SETUID), context(tmp_path, waivers=[waiver(TODAY)]))
    assert judged.status is Status.PASSED
    assert judged.findings[0].severity is Severity.INFO
    assert f"waived until {TODAY}: known" in judged.findings[0].message


@pytest.mark.parametrize("more", [{"target": "*-arm64"}, {"code": "elf/*"}])
def test_a_waiver_for_something_else_does_not(tmp_path: Path, more: dict[str, str]) -> None:
    judged = judged_in(result(SETUID), context(tmp_path, waivers=[waiver(TODAY, **more)]))
    assert judged.status is Status.FAILED
    assert judged.findings == (SETUID,)


def test_an_expired_waiver_says_that_it_is(tmp_path: Path) -> None:
    yesterday = TODAY - timedelta(days=1)
    judged = judged_in(result(SETUID), context(tmp_path, waivers=[waiver(yesterday)]))
    assert judged.status is Status.FAILED
    assert f"its waiver ended on {yesterday}" in judged.findings[0].message


def test_an_expired_waiver_does_not_hide_a_later_one(tmp_path: Path) -> None:
    waivers = [waiver(TODAY - timedelta(days=9)), waiver(TODAY, "files/setuid")]
    judged = judged_in(result(SETUID), context(tmp_path, waivers=waivers))
    assert judged.status is Status.PASSED


def test_what_is_no_error_is_left_alone(tmp_path: Path) -> None:
    before = result(CODES.found("files/special", "x"))
    assert judged_in(before, context(tmp_path, waivers=[waiver(TODAY)])) == before
    skipped = CheckResult(name="smoke", status=Status.SKIPPED, reason="none")
    assert judged_in(skipped, context(tmp_path, checks={"smoke": "warn"})) == skipped


def broken() -> CheckResult:
    def breaks(_: object) -> CheckResult:
        raise UsageError("the files of x.deb cannot be read")

    return checks._guarded(ContentsCheck(), breaks, None)


def test_a_check_that_cannot_be_carried_out_has_failed() -> None:
    made = broken()
    assert made.status is Status.FAILED
    assert made.findings[0].code == "contents/failed"


@pytest.mark.parametrize(
    "policy_said",
    [{"checks": {"contents": "warn"}}, {"waivers": [waiver(TODAY, "contents/failed")]}],
)
def test_where_that_is_forgiven_it_is_skipped_and_has_not_passed(
    tmp_path: Path, policy_said: dict[str, Any]
) -> None:
    judged = judged_in(broken(), context(tmp_path, **policy_said))
    assert judged.status is Status.SKIPPED
    assert judged.reason == "could not be carried out: the files of x.deb cannot be read"
    assert [f.code for f in judged.findings] == ["contents/failed"]


@pytest.mark.parametrize(("size", "codes"), [(1_000_000, []), (1_010_000, ["install/deb-size"])])
def test_a_megabyte_is_a_million_bytes(tmp_path: Path, size: int, codes: list[str]) -> None:
    deb = read_deb(make_deb(tmp_path / "x.deb"))
    with deb.path.open("r+b") as file:
        file.truncate(size)
    deb = replace(deb, installed_kib=1000)
    limits = {"deb_mb": 1, "installed_mb": 1.1}
    where = replace(context(tmp_path, limits=limits), debs=[deb])
    assert [f.code for f in InstallCheck().sizes(where)] == codes
    where = replace(where, debs=[replace(deb, installed_kib=1080)])
    assert [f.code for f in InstallCheck().sizes(where)] == [*codes, "install/installed-size"]


def started(**measured: float) -> tuple[CheckResult, ...]:
    return (
        result(name="install", measurements={"install_seconds": 1.0}),
        result(name="service", measurements=measured),
    )


SOFTENED: dict[str, Callable[[], tuple[CheckResult, ...]]] = {
    "service": started,
    "install": lambda: (result(name="install"), started(start_seconds=1.0)[1]),
}


@pytest.mark.parametrize("name", SOFTENED)
def test_a_failure_made_a_warning_proves_nothing(name: str) -> None:
    """`[checks] service = "warn"` must not publish what never started."""
    reason = not_proven(SOFTENED[name](), has_service=True)
    assert reason is not None
    assert reason.startswith(f"{name}: ")


def test_what_has_started_is_proven() -> None:
    assert not_proven(started(start_seconds=1.0), has_service=True) is None
    assert not_proven(started()[:1], has_service=False) is None
    assert not_proven((), has_service=False) == "the check `install` was not run"
    skipped = CheckResult(name="install", status=Status.SKIPPED, reason="needs root")
    assert not_proven((skipped,), has_service=False) == "install: needs root"
