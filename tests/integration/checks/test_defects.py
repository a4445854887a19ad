"""Packages with several defects each, which do not disturb one another: one boot shows them all."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.kit.caught import Case, Checked, caught
from tests.kit.live import checked
from tests.kit.recipes import Recipe
from tests.kit.secretfiles import KEY, github

from debwright.model.results import Severity, Status

pytestmark = [pytest.mark.apart, pytest.mark.minutes(0.4)]

TOKEN = github(11)
PASSWORD = "kT9xQ2mLw8-1z"
# What it does wrong is in the order in which it is looked at.
SERVICE = rf"""#!/usr/bin/perl
use strict; use warnings; use IO::Socket::INET; use IO::Socket::UNIX;
$| = 1;
sub put {{ open my $f, '>', $_[0] or die "$_[0]: $!"; print $f $_[1]; close $f }}
put('/usr/lib/demo/cache', 'x');
unlink '/tmp/demo.sock';
my $here = IO::Socket::UNIX->new(Local => '/tmp/demo.sock', Listen => 1) or die "socket: $!";
umask 0022;
put('/var/lib/demo/server.key', '{KEY}');
print "WARNING: This is a development server. Do not use it in a production deployment.\n";
print "signed in with {TOKEN}\n", "retrying as admin with {PASSWORD}\n";
if (!fork) {{ exec 'sleep', '600' }}
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 8400, Listen => 9,
    ReuseAddr => 1, Timeout => 0.2) or die "listen: $!";
my ($kept, $asked) = ('', time);
while (1) {{
    if (time > $asked) {{ $kept .= 'x' x 2_500_000; $asked = time }}
    my $client = $server->accept or next;
    my $line = <$client> // '';
    my ($status, $said) = ('200 OK', 'ok');
    $said = '<a href="/items?page=1">items</a> <a href="/logout">bye</a>' if $line =~ m{{^GET / }};
    ($status, $said) = ('500 Oops', 'no template') if $line =~ m{{^GET /(?:items|logout)}};
    print $client "HTTP/1.0 $status\r\nContent-Length: ", length $said, "\r\n\r\n$said";
    close $client;
}}
"""
MANY = Recipe(
    settings="KillMode=process\nStateDirectory=demo",
    conffiles={"/etc/demo.conf": f"admin_password = {PASSWORD}\n"},
    files={
        "/usr/sbin/demo": SERVICE,
        "/usr/lib/demo/README": "x",
        "/usr/bin/demo-report": "#!/usr/bin/perl\nuse No::Such::Module;\nprint 1;\n",
        "/usr/bin/demo-gone": "#!/usr/bin/no-such-interpreter\n",
        "/usr/bin/demo-fussy": "#!/bin/sh\necho 'usage: demo-fussy FILE' >&2; exit 2\n",
    },
    postinst="echo more >> /etc/issue; setsid sleep 900 </dev/null >/dev/null 2>&1 &",
    postrm='[ "$1" != remove ] || rm -rf /var/lib/demo',
)

Check = Callable[..., Checked]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Checks a recipe on a booted root; only the live checks named, beside `service`."""
    return partial(checked, tmp_path)


@caught(
    "a program whose modules are missing", "programs", "programs/not-started",
    also=(
        Case("a process that a postinst leaves behind", "install", "install/process-left",
             Severity.WARNING),
        Case("a service that writes below /usr", "writes", "writes/undeclared"),
        Case("a postinst that writes to a file of another package", "writes", "writes/of-others"),
        Case("a socket in the /tmp that all share", "writes", "writes/shared-tmp",
             Severity.WARNING),
        Case("a private key for everybody, made by the service", "files", "files/private-key"),
        Case("memory that grows while nobody asks", "steady", "steady/memory-grows"),
        Case("a token and a configured password in the log", "journal", "journal/secret"),
        Case("a server for development", "journal", "journal/development-server"),
        Case("a page that fails next to a healthy URL", "pages", "pages/error"),
        Case("processes that are left after a stop", "stop", "stop/children-left"),
        Case("a removal that deletes data", "purge", "purge/data-lost"),
    ),
)  # fmt: skip
def test_many_defects_at_once(check: Check) -> Checked:
    made = check(
        MANY,
        ["smoke", "programs", "writes", "files", "steady", "journal", "pages", "stop", "purge"],
        service={"steady_seconds": 9, "health_url": "http://127.0.0.1:8400/health",
                 "smoke": ["umask 0; touch /srv/ours"]},
    )  # fmt: skip
    found = [f for r in made.results.values() for f in r.findings]
    said = {f.message for f in found}
    assert not any("/srv/ours" in one for one in said), "our own commands are not the package's"
    assert not any("demo-fussy" in one or "logout" in one for one in said)
    assert "sleep 900" in made.evidence("install/process-left")
    assert "demo-gone" in " ".join(f.message for f in found if f.code == "programs/not-started")
    assert "/usr/lib/demo/cache" in made.evidence("writes/undeclared")
    assert "/etc/issue" in made.evidence("writes/of-others")
    assert "/tmp/demo.sock" in made.evidence("writes/shared-tmp")
    assert "/var/lib/demo/server.key" in made.evidence("files/private-key")
    secrets = [f.message for f in found if f.code == "journal/secret"]
    assert len(secrets) == 2
    assert "admin_password" in secrets[1]
    assert TOKEN not in repr(made.results)
    assert PASSWORD not in repr(made.results)
    assert "http://127.0.0.1:8400/items?page=1" in made.finding("pages/error").message
    assert "sleep 600" in made.evidence("stop/children-left")
    assert made.codes() >= {"purge/data-lost", "purge/leftover"}, "the cache is left as well"
    assert made.finding("purge/data-lost").severity is Severity.ERROR
    return made


@caught("a unit of Type=notify that never says READY=1", "service", "service/not-notified")
def test_a_unit_that_never_says_that_it_is_ready(check: Check) -> Checked:
    made = check(
        Recipe(settings="Type=notify\nTimeoutStartSec=2\nRestart=on-failure\nRestartSec=1",
               postinst="deb-systemd-invoke start demo.service || true",
               enable="exit 0"),
        ["steady", "restart"],
    )  # fmt: skip
    assert "READY=1" in made.finding("service/not-notified").message
    assert made.results["restart"].status is Status.SKIPPED, "nothing waits for it again"
    return made


@caught("a unit whose EnvironmentFile is missing", "service", "service/not-set-up")
def test_a_unit_that_systemd_cannot_set_up(check: Check) -> Checked:
    """It was said to have crashed, with status 0."""
    made = check(
        Recipe(settings="EnvironmentFile=/etc/default/demo\nRestart=on-failure\nRestartSec=1",
               postinst="deb-systemd-invoke start demo.service || true", enable="exit 0"),
        ["restart"],
    )  # fmt: skip
    assert "/etc/default/demo" in made.finding("service/not-set-up").message
    assert "Failed to load environment files" in made.evidence("service/not-set-up")
    assert "EnvironmentFile=-/etc/default/demo" in str(made.finding("service/not-set-up").fix)
    return made


@caught("an upgrade that fails while the unit is masked", "states", "states/maintainer-script")
def test_a_script_that_starts_a_masked_unit(check: Check) -> Checked:
    made = check(
        Recipe(postinst="systemctl daemon-reload; systemctl restart demo.service"),
        ["states", "purge"],
    )  # fmt: skip
    assert "masked" in made.finding("states/maintainer-script").message
    assert made.results["purge"].status is Status.SKIPPED
    return made


@caught("an upgrade that undoes what the administrator has decided", "states", "states/not-kept")
def test_a_script_that_switches_the_unit_on_again(check: Check) -> Checked:
    again = "systemctl unmask --quiet demo.service; systemctl enable --quiet demo.service"
    made = check(Recipe(postinst=f'[ -z "$2" ] || {{ {again}; }}'), ["states", "purge"])
    said = [f.message for f in made.results["states"].findings]
    assert ["masked" in said[0], "disabled" in said[1]] == [True, True]
    assert made.results["purge"].findings == ()
    return made


@caught("a postinst that fails from one older version alone", "versions",
        "versions/maintainer-script")  # fmt: skip
def test_an_upgrade_that_works_from_the_last_version_only(check: Check) -> Checked:
    made = check(
        Recipe(
            version="1.3-1", postinst='[ "$2" != 1.0-1 ] || { echo "no way from 1.0"; exit 1; }'
        ),
        ["versions"],
        previous=[Recipe(version="1.0-1"), Recipe(version="1.1-1"), Recipe(version="1.2-1")],
    )
    lines = made.results["versions"].notes
    assert len(lines) == 2, "the last version is what `upgrade` begins with"
    assert lines[0].startswith("1.1-1 to 1.3-1: passed")
    assert lines[1].startswith("1.0-1 to 1.3-1: failed")
    assert "no way from 1.0" in made.evidence("versions/maintainer-script")
    return made
