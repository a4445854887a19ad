"""Bad packages on a booted system: each is caught by the check named, with its evidence."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.kit.caught import Case, Checked, caught
from tests.kit.live import checked
from tests.kit.recipes import PORT, Recipe

from debwright.checks import registry
from debwright.model.results import Severity, Status

pytestmark = [pytest.mark.apart, pytest.mark.minutes(0.2)]

LIVE = [check.name for check in registry.LIVE]
GOOD = Recipe()


Check = Callable[..., Checked]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Checks a recipe on a booted root; only the live checks named, beside `service`."""
    return partial(checked, tmp_path)


def test_a_good_package_passes_everything(check: Check) -> None:
    made = check(
        Recipe(version="1.1-1", files={"/usr/share/demo/new": "n"}),
        LIVE,
        previous=Recipe(files={"/usr/share/demo/old": "o"}, depends="perl-base"),
        service={"ports": [f"127.0.0.1:{PORT}/tcp"], "must_restart": True, "memory_mb": 40,
                 "steady_seconds": 2},
        benchmarks={"runs": 2, "requests": 3, "idle_seconds": 0},
        upgrade={"prepare": ["echo data > /var/lib/demo/data"],
                 "verify": ["grep -q data /var/lib/demo/data"]},
        limits={"exposure": 10},
    )  # fmt: skip
    assert made.codes() == set()
    assert made.codes(Severity.WARNING) == set()
    ran = {name: r.status for name, r in made.results.items() if name in LIVE}
    idle = ("smoke", "autopkgtest", "programs", "distributions", "versions")
    assert {ran.pop(name) for name in idle} == {Status.SKIPPED}
    assert set(ran.values()) == {Status.PASSED}, made.results
    assert "dependencies that are gone" in made.finding("regression/dependencies-lost").message
    assert "/usr/share/demo/new" in made.evidence("regression/files-gained")
    assert "/usr/share/demo/old" in made.evidence("regression/files-lost")
    for name, measured in (
        ("restart", "restart_seconds"), ("crash", "recovery_seconds"),
        ("reboot", "reboot_seconds"), ("benchmarks", "start_median_seconds"),
        ("benchmarks", "latency_spread_seconds"), ("benchmarks", "idle_memory_bytes"),
        ("steady", "memory_bytes"), ("upgrade", "upgrade_seconds"),
        ("regression", "start_growth_percent"), ("regression", "memory_growth_percent"),
        ("exposure", "exposure_level"),
    ):  # fmt: skip
        assert measured in made.results[name].measurements, name


@caught("a unit that dies after 20 seconds", "steady", "steady/crashed")
def test_a_unit_that_dies_after_20_seconds(check: Check) -> Checked:
    made = check(Recipe(arguments="ends=20"), ["steady"], service={"steady_seconds": 22})
    assert made.results["service"].status is Status.PASSED
    assert "restarted" in made.finding("steady/crashed").message
    assert "this one does not last" in made.evidence("steady/crashed")
    return made


@caught(
    "a unit that ends after some seconds, with a status that counts as success",
    "steady",
    "steady/ended",
)
def test_a_unit_that_ends_quietly(check: Check) -> Checked:
    recipe = Recipe(arguments="ends=3", settings="SuccessExitStatus=9\nRestart=no")
    made = check(recipe, ["steady", "restart"], service={"steady_seconds": 5})
    assert "has ended" in made.finding("steady/ended").message
    assert made.results["restart"].status is Status.SKIPPED
    return made


@caught("a unit that does not come back after a crash", "crash", "crash/stays-down")
def test_it_stays_down_after_a_crash(check: Check) -> Checked:
    recipe = Recipe(settings="Restart=on-failure\nRestartPreventExitStatus=SIGKILL")
    made = check(recipe, ["crash"])
    assert "Restart=on-failure" in made.finding("crash/stays-down").message
    assert "status=9/KILL" in made.evidence("crash/stays-down")
    return made


@caught("a unit without Restart=", "crash", "crash/no-restart", Severity.WARNING)
def test_it_has_no_restart(check: Check) -> Checked:
    made = check(Recipe(settings=""), ["crash"])
    assert "Restart=no" in made.evidence("crash/no-restart")
    return made


@caught("a unit without Restart=, where one is wanted", "crash", "crash/no-restart")
def test_it_has_no_restart_and_must_have_one(check: Check) -> Checked:
    return check(Recipe(settings=""), ["crash"], service={"must_restart": True})


@caught("a unit that is not started at boot", "reboot", "reboot/not-started")
def test_it_is_not_enabled(check: Check) -> Checked:
    made = check(Recipe(enable="systemctl start demo.service"), ["stop", "reboot"])
    assert "will not start at the next boot" in made.finding("service/not-enabled").message
    assert "UnitFileState=disabled" in made.evidence("reboot/not-started")
    return made


@caught("a package after which the system does not boot", "reboot", "reboot/failed")
def test_the_system_does_not_come_back(check: Check) -> Checked:
    made = check(Recipe(postinst="rm /usr/lib/systemd/systemd"), ["reboot", "purge", "minimum"])
    assert (
        "with the packages installed, the system did not boot"
        in made.finding("reboot/failed").message
    )
    for later in ("purge", "minimum"):
        assert made.results[later].status is Status.SKIPPED
        assert "did not come back" in str(made.results[later].reason)
    return made


@caught("a service that ends when it is reloaded", "reload", "reload/*")
def test_it_does_not_survive_a_reload(check: Check) -> Checked:
    made = check(Recipe(arguments="reload=1"), ["reload"])
    assert made.results["reload"].status is Status.FAILED
    # Whether systemctl still hears of it depends on which process ends first.
    assert made.codes() & {"reload/restarted", "reload/crashed", "reload/failed"}
    return made


@caught("a service that writes outside of its directories", "writes", "writes/undeclared")
def test_it_writes_outside_of_its_directories(check: Check) -> Checked:
    recipe = Recipe(arguments="writes=/srv/demo.db")
    allowed = check(recipe, ["writes"], service={"writes": ["/srv/*.db"]})
    assert allowed.results["writes"].status is Status.PASSED
    made = check(recipe, ["writes"])
    assert "/srv/demo.db" in made.evidence("writes/undeclared")
    return made


@caught("a service that logs errors", "journal", "journal/errors")
def test_it_logs_errors(check: Check) -> Checked:
    made = check(Recipe(arguments='"complains=the moon is down"'), ["journal"])
    assert "err: demo: the moon is down" in made.evidence("journal/errors")
    return made


@caught("a unit that is exposed more than allowed", "exposure", "exposure/too-high")
def test_its_exposure_is_too_high(check: Check) -> Checked:
    made = check(GOOD, ["exposure"], limits={"exposure": 3.5})
    assert "3.5 is allowed" in made.finding("exposure/too-high").message
    assert "User=/DynamicUser=" in made.evidence("exposure/too-high")
    return made


@caught("a port on 0.0.0.0", "service", "service/port-undeclared")
def test_a_port_on_every_address(check: Check) -> Checked:
    made = check(
        Recipe(arguments="address=0.0.0.0"), [], service={"ports": [f"127.0.0.1:{PORT}/tcp"]}
    )
    assert f"0.0.0.0:{PORT}/tcp" in made.finding("service/port-undeclared").message
    assert f"127.0.0.1:{PORT}/tcp" in made.finding("service/port-closed").message
    return made


@caught("memory over the limit", "service", "service/memory")
def test_memory_over_the_limit(check: Check) -> Checked:
    made = check(Recipe(arguments="memory=60"), ["steady"], service={"memory_mb": 30})
    assert "30.0 MB allowed" in made.evidence("service/memory")
    assert "steady/memory" in made.codes()
    return made


@caught("every second request is refused", "service", "service/flaky", Severity.WARNING)
def test_health_that_comes_at_the_second_try(check: Check) -> Checked:
    made = check(Recipe(arguments="flaky=1"), [])
    assert made.results["service"].status is Status.PASSED
    assert made.finding("service/flaky").severity is Severity.WARNING
    assert "attempt 2" in made.evidence("service/flaky")
    return made


@caught("a start that works at the second try only", "service", "service/flaky", Severity.WARNING)
def test_a_start_that_works_at_the_second_try(check: Check) -> Checked:
    made = check(Recipe(arguments="once=/var/lib/demo/tried", settings="StateDirectory=demo"), [])
    assert made.results["service"].status is Status.PASSED
    assert "too early" in made.evidence("service/flaky")
    return made


@caught("a service that starts too slowly", "service", "service/slow-start", Severity.WARNING)
def test_a_slow_start(check: Check) -> Checked:
    made = check(
        Recipe(arguments="late=4"), ["benchmarks"], limits={"start_seconds": 1},
        service={"start_seconds": 30},
        benchmarks={"runs": 1, "requests": 1, "idle_seconds": 0},
    )  # fmt: skip
    assert made.results["service"].status is Status.PASSED
    assert "1 s are allowed" in made.evidence("service/slow-start")
    assert "1 s are allowed" in made.evidence("benchmarks/slow-start")
    return made


@caught("a service that tires of answering", "benchmarks", "benchmarks/not-answered")
def test_a_service_that_tires(check: Check) -> Checked:
    made = check(
        Recipe(arguments="tires=5"), ["benchmarks"],
        benchmarks={"runs": 1, "requests": 9, "idle_seconds": 0},
    )  # fmt: skip
    assert made.results["service"].findings == ()
    assert "request 5 of 9" in made.finding("benchmarks/not-answered").message
    assert "503" in made.evidence("benchmarks/not-answered")
    assert "latency_median_seconds" not in made.results["benchmarks"].measurements
    return made


@caught("a service that runs as root, though it is declared otherwise", "service", "service/user")
def test_it_runs_as_another_user(check: Check) -> Checked:
    made = check(GOOD, [], service={"user": "games"})
    assert "runs as root, not as games" in made.finding("service/user").message
    return made


@caught("a removal that leaves the service running", "purge", "purge/still-running")
def test_it_runs_on_after_removal(check: Check) -> Checked:
    made = check(Recipe(prerm="exit 0"), ["purge"])
    assert "runs on after removal" in made.finding("purge/still-running").message
    return made


def test_without_a_journal_nothing_is_known_of_it(check: Check) -> None:
    ending = (
        "systemctl stop systemd-journald.socket systemd-journald-dev-log.socket "
        "systemd-journald-audit.socket systemd-journald.service 2>/dev/null || true; "
        "rm -rf /run/log/journal /var/log/journal"
    )
    made = check(Recipe(postinst=ending), ["journal"])
    assert made.results["journal"].status is Status.SKIPPED
    assert "journal" in str(made.results["journal"].reason)


@caught("a postinst that needs the network", "install", "install/maintainer-script")
def test_a_postinst_that_needs_the_network(check: Check) -> Checked:
    made = check(Recipe(postinst="bash -c 'echo > /dev/tcp/192.0.2.1/80'"), [])
    assert "postinst" in made.finding("install/maintainer-script").message
    assert "Network is unreachable" in made.evidence("install/maintainer-script")
    assert made.results["service"].status is Status.SKIPPED
    return made


@caught("a conffile that a reinstallation overwrites", "conffiles", "conffiles/edit-lost")
def test_a_conffile_that_loses_its_edits(check: Check) -> Checked:
    made = check(Recipe(postinst="echo 'a = 1' > /etc/demo.conf"), ["conffiles"])
    assert "/etc/demo.conf" in made.finding("conffiles/edit-lost").message
    return made


@caught("a conffile that its own postinst changes", "conffiles", "conffiles/changed-by-package")
def test_a_conffile_that_its_package_changes(check: Check) -> Checked:
    changing = "[ -n \"$2\" ] || echo 'b = 2' >> /etc/demo.conf"
    made = check(Recipe(postinst=changing), ["conffiles"])
    assert "not as packaged" in made.finding("conffiles/changed-by-package").message
    assert "MD5" in made.evidence("conffiles/changed-by-package")
    return made


@caught(
    "an upgrade that asks about a conffile nobody has edited", "upgrade", "upgrade/conffile-prompt"
)
def test_an_upgrade_that_asks_about_a_conffile_nobody_edited(check: Check) -> Checked:
    """/etc/demo.conf is edited by the check; /etc/other.conf was by the old postinst, after."""
    both = {"/etc/demo.conf": "a = 1\n", "/etc/other.conf": "b = 1\n"}
    old = Recipe(conffiles={"/etc/demo.conf": "a = 1\n"}, files={"/etc/other.conf": "b = 0\n"},
                 postinst="echo 'b = 3' > /etc/other.conf")  # fmt: skip
    made = check(Recipe(version="1.1-1", conffiles=both), ["upgrade"], previous=old)
    assert "/etc/other.conf" in made.finding("upgrade/conffile-prompt").message
    return made


@caught(
    "an upgrade that loses data", "upgrade", "upgrade/data-lost",
    also=(
        Case("an upgrade that writes a configuration again, without its settings", "upgrade",
             "upgrade/setting-lost"),
    ),
)  # fmt: skip
def test_an_upgrade_that_loses_data_and_edits(check: Check) -> Checked:
    losing = "[ -z \"$2\" ] || { rm -rf /var/lib/demo/*; echo 'a = 1' > /etc/demo.conf; }"
    script = "echo PORT=8400 > /etc/demo.env; [ -e /etc/demo.own ] || echo A=1 > /etc/demo.own"
    made = check(
        Recipe(version="1.1-1", postinst=f"{losing}; {script}"), ["upgrade"],
        previous=Recipe(postinst=script),
        upgrade={"prepare": ["echo 1 > /var/lib/demo/data"],
                 "verify": ["cat /var/lib/demo/data"]},
    )  # fmt: skip
    assert "/var/lib/demo" in made.finding("upgrade/data-lost").message
    assert "/etc/demo.conf" in made.finding("upgrade/edit-lost").message
    assert "No such file" in made.evidence("upgrade/verify-failed")
    lost = [f for f in made.results["upgrade"].findings if f.code == "upgrade/setting-lost"]
    assert [f.message.split(",")[0] for f in lost] == ["/etc/demo.env"]
    return made


def test_an_upgrade_from_what_needed_more(check: Check) -> None:
    """The new release is checked without it, and comes after a release that has it."""
    made = check(Recipe(version="1.1-1"), ["upgrade"], previous=Recipe(depends="ed"))
    assert made.results["upgrade"].status is Status.PASSED, made.results["upgrade"]


def test_an_upgrade_from_what_cannot_be_had(check: Check) -> None:
    made = check(Recipe(version="1.1-1"), ["upgrade"], previous=Recipe(depends="no-such-thing"))
    assert made.results["upgrade"].status is Status.SKIPPED
    assert "no-such-thing" in str(made.results["upgrade"].reason)


@caught("an upgrade whose postinst fails", "upgrade", "upgrade/maintainer-script")
def test_an_upgrade_that_fails(check: Check) -> Checked:
    failing = '[ -z "$2" ] || { echo "no way from $2"; exit 4; }'
    made = check(Recipe(version="1.1-1", postinst=failing), ["upgrade", "downgrade"], previous=GOOD)
    assert "no way from 1.0-1" in made.evidence("upgrade/maintainer-script")
    assert made.results["downgrade"].status is Status.SKIPPED
    return made


@caught("a downgrade that leaves half a package", "downgrade", "downgrade/broken")
def test_a_downgrade_that_leaves_half_a_package(check: Check) -> Checked:
    failing = '[ -z "$2" ] || dpkg --compare-versions "$2" le 1.0-1 || exit 4'
    made = check(
        Recipe(version="1.1-1"), ["upgrade", "downgrade"], previous=Recipe(postinst=failing)
    )
    assert made.results["upgrade"].status is Status.PASSED
    assert "iF demo 1.0-1" in made.evidence("downgrade/broken")
    return made


def test_a_downgrade_that_is_refused(check: Check) -> None:
    refusing = (
        '[ "$1" != upgrade ] || dpkg --compare-versions "$2" le 1.0-1 || '
        '{ echo "use a newer one" >&2; exit 1; }'
    )
    made = check(
        Recipe(version="1.1-1"), ["upgrade", "downgrade"], previous=Recipe(preinst=refusing)
    )
    assert made.results["downgrade"].status is Status.PASSED, made.results["downgrade"]
    assert "refused" in made.results["downgrade"].notes[0]


@caught("files left after purge", "purge", "purge/leftover")
def test_what_is_left_after_purge(check: Check) -> Checked:
    recipe = Recipe(postinst="useradd --system demo-user; mkdir -p /var/log/demo; : > /srv/left")
    made = check(recipe, ["purge"])
    assert "demo-user" in made.finding("purge/account").message
    left = {f.message for f in made.results["purge"].findings if f.code == "purge/leftover"}
    assert left == {f"{p} is still there after purge" for p in ("/srv/left", "/var/log/demo")}
    return made


@caught(
    "a release that is larger, slower and takes more memory", "regression", "regression/deb-size"
)
def test_a_release_that_is_larger_and_slower(check: Check) -> Checked:
    old = Recipe()
    new = Recipe(
        version="1.1-1",
        arguments="memory=30",
        files={"/usr/share/demo/big": "".join(map(str, range(9000)))},
        settings="Restart=always\nStateDirectory=demo\nExecStartPre=sleep 2",
    )  # fmt: skip
    made = check(new, ["steady", "restart", "upgrade", "regression"], previous=old)
    assert "bytes now" in made.evidence("regression/deb-size")
    assert "s before" in made.evidence("regression/start")
    assert "bytes before" in made.evidence("regression/memory")
    return made


@caught("a port that is opened some seconds after the start", "steady", "steady/port-undeclared")
def test_a_port_that_is_opened_later(check: Check) -> Checked:
    made = check(
        Recipe(arguments="second=8401"), ["smoke", "steady"],
        service={"ports": [f"127.0.0.1:{PORT}/tcp"],
                 "smoke": ["touch /var/lib/demo/second; sleep 1"]},
    )  # fmt: skip
    assert made.results["service"].status is Status.PASSED
    assert "0.0.0.0:8401/tcp" in made.finding("steady/port-undeclared").message
    return made


@caught("a file that a postinst makes setuid", "files", "files/setuid")
def test_a_setuid_file_that_comes_later(check: Check) -> Checked:
    made = check(Recipe(postinst="cp /bin/true /var/lib/own; chmod 4755 /var/lib/own"), ["files"])
    assert "-rwsr-xr-x (4755)" in made.evidence("files/setuid")
    return made


def test_a_setuid_file_of_another_package_is_that_ones_matter(check: Check) -> None:
    # Stands for a package that depends on the checked one, and so cannot be installed before it:
    # cron recommends exim4, which depends on cron.
    shipped = "echo /var/lib/own >>/var/lib/dpkg/info/base-files.list"
    made = check(
        Recipe(postinst=f"cp /bin/true /var/lib/own; chmod 4755 /var/lib/own; {shipped}"), ["files"]
    )
    assert made.results["files"].status is Status.PASSED, made.results["files"]


@caught("a program of the system that a postinst makes setuid", "files", "files/setuid")
def test_a_file_of_the_system_that_becomes_setuid(check: Check) -> Checked:
    made = check(Recipe(postinst="chmod 4755 /usr/bin/env"), ["files", "purge"])
    assert "/usr/bin/env" in made.finding("files/setuid").message
    assert "before: -rwxr-xr-x" in made.evidence("files/setuid")
    assert "after: -rwsr-xr-x" in made.evidence("purge/altered")
    return made


@caught("a purge that takes a file of the system along", "purge", "purge/removed")
def test_a_purge_that_removes_what_is_not_its_own(check: Check) -> Checked:
    made = check(Recipe(postrm='[ "$1" != purge ] || rm -f /etc/issue'), ["purge"])
    assert "/etc/issue" in made.finding("purge/removed").message
    return made


@caught("a file that every user can change, made by the service", "files", "files/world-writable")
def test_a_file_for_everybody(check: Check) -> Checked:
    settings = "Restart=on-failure\nStateDirectory=demo\nUMask=0000"
    made = check(Recipe(settings=settings), ["files"])
    assert "/var/lib/demo/starts" in made.evidence("files/world-writable")
    return made


@caught("an account left after purge", "purge", "purge/account")
def test_an_account_that_stays(check: Check) -> Checked:
    made = check(
        Recipe(postinst="id demo-user || useradd --system demo-user"), ["purge"],
        files={"accounts": "error"},
    )  # fmt: skip
    assert "demo-user" in made.evidence("purge/account")
    return made


@caught("a postinst that cannot be run twice", "reinstall", "reinstall/maintainer-script")
def test_a_postinst_that_works_only_once(check: Check) -> Checked:
    made = check(Recipe(postinst="mkdir /var/lib/demo-once"), ["reinstall", "conffiles"])
    assert "File exists" in made.evidence("reinstall/maintainer-script")
    assert made.results["conffiles"].status is Status.SKIPPED
    return made


@caught("an upgrade that loses a conffile", "upgrade", "upgrade/edit-lost")
def test_an_upgrade_that_loses_a_conffile(check: Check) -> Checked:
    new = Recipe(version="1.1-1", conffiles={}, postinst="rm -f /etc/demo.conf")
    made = check(new, ["upgrade"], previous=GOOD)
    assert "is gone" in made.finding("upgrade/edit-lost").message
    return made


@caught("a service that needs what is only recommended", "minimum", "minimum/*")
def test_a_service_that_needs_what_is_only_recommended(check: Check) -> Checked:
    settings = "Restart=on-failure\nRestartSec=200ms\nExecStartPre=/usr/bin/ed --version"
    made = check(Recipe(settings=settings, recommends="ed"), ["purge", "minimum"])
    assert made.results["service"].status is Status.PASSED
    finding = made.results["minimum"].findings[0]
    assert "without ed" in finding.message
    assert "/usr/bin/ed" in made.evidence(finding.code)
    return made


@caught("a purge that leaves the unit masked", "minimum", "minimum/*")
def test_a_purge_that_leaves_the_unit_masked(check: Check) -> Checked:
    masking = '[ "$1" != remove ] || systemctl mask demo.service'
    made = check(Recipe(postrm=masking), ["purge", "minimum"])
    assert "masked" in made.evidence(made.results["minimum"].findings[0].code)
    return made


@caught("a dependency that does not exist", "dependencies", "install/unsatisfiable")
def test_a_dependency_that_does_not_exist(check: Check) -> Checked:
    made = check(Recipe(depends="no-such-thing"), [])
    assert "no-such-thing" in made.evidence("install/unsatisfiable")
    assert made.results["install"].status is Status.SKIPPED
    return made


@caught("a dependency that only sid has", "dependencies", "install/unsatisfiable")
def test_a_dependency_that_only_sid_has(check: Check) -> Checked:
    made = check(Recipe(depends="python3.14"), [])
    assert "python3.14" in made.evidence("install/unsatisfiable")
    assert "is in sid" in made.evidence("install/unsatisfiable")
    return made


@caught("a package that removes others of the system", "dependencies", "dependencies/removes")
def test_a_package_that_removes_others(check: Check) -> Checked:
    made = check(Recipe(conflicts="dbus"), [])
    assert "Remv dbus" in made.evidence("dependencies/removes")
    return made


def test_what_is_only_recommended_and_not_needed(check: Check) -> None:
    made = check(Recipe(recommends="ed"), ["purge", "minimum"], previous=None)
    assert made.results["minimum"].status is Status.PASSED
    assert made.results["minimum"].notes == ("left out: ed",)


def test_a_unit_whose_condition_is_not_met_proves_nothing(check: Check) -> None:
    settings = "Restart=on-failure\n[Unit]\nConditionPathExists=/nowhere"
    made = check(Recipe(settings=settings), ["steady", "reboot", "purge"])
    assert made.codes() == set()
    assert made.results["service"].status is Status.SKIPPED
    assert "ConditionPathExists=/nowhere" in str(made.results["service"].reason)


def test_the_checks_own_restarts_are_not_held_against_it(check: Check) -> None:
    settings = (
        "Restart=on-failure\nRestartSec=100ms\nStateDirectory=demo\n"
        "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=300"
    )
    made = check(
        Recipe(settings=settings), ["restart", "crash", "benchmarks", "reinstall", "minimum"],
        benchmarks={"runs": 3, "requests": 1, "idle_seconds": 0},
    )  # fmt: skip
    assert made.codes() == set()
    assert made.results["benchmarks"].status is Status.PASSED


def test_what_postinst_makes_for_the_account_may_be_written_to(check: Check) -> None:
    making = "install -d -o games /var/log/demo"
    settings = "Restart=on-failure\nStateDirectory=demo\nUser=games"
    recipe = Recipe(postinst=making, settings=settings, arguments="writes=/var/log/demo/log")
    assert check(recipe, ["writes"]).results["writes"].status is Status.PASSED
