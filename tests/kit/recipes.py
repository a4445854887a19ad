"""Small packages with a service, each made by dpkg-deb from a description in a second.

The service is written for perl-base, which every Debian system has: no package needs another, so
that all of them share one root.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit.debs import build

PORT = 8400

SERVICE = r"""#!/usr/bin/perl
use strict; use warnings; use IO::Socket::INET;
my %o = map { split /=/, $_, 2 } @ARGV;
my $state = $ENV{STATE_DIRECTORY};
if ($state) { open my $f, '>>', "$state/starts" or die "state: $!"; print $f "$$\n"; close $f }
if ($o{writes}) { open my $f, '>', $o{writes} or die "writes: $!"; print $f "x"; close $f }
if ($o{once} && !-e $o{once}) {
    open my $f, '>', $o{once}; print STDERR "too early\n"; exit 3
}
my $ballast = $o{memory} ? 'x' x ($o{memory} * 1_000_000) : '';
print STDERR "<3>$o{complains}\n" if $o{complains};
$SIG{HUP} = sub { exit 7 } if $o{reload};
$SIG{HUP} = 'IGNORE' unless $o{reload};
sleep $o{late} if $o{late};
my $stop = $o{ends} ? time + $o{ends} : 0;
my $server = IO::Socket::INET->new(
    LocalAddr => $o{address} || '127.0.0.1', LocalPort => $o{port} || 8400, Listen => 9,
    ReuseAddr => 1, Timeout => 0.2) or die "listen: $!";
my ($asked, $second) = (0, undef);
while (1) {
    if ($o{second} && !$second && -e "$state/second") {
        $second = IO::Socket::INET->new(LocalPort => $o{second}, Listen => 1, ReuseAddr => 1);
    }
    if ($stop && time >= $stop) { print STDERR "this one does not last\n"; exit 9 }
    my $client = $server->accept or next;
    <$client>;
    $asked++;
    my $answer = '200 OK';
    $answer = '503 Not now' if $o{flaky} && $asked % 2 == 0 || $o{tires} && $asked > $o{tires};
    print $client "HTTP/1.0 $answer\r\nContent-Length: 3\r\n\r\nok\n";
    close $client;
}
"""

UNIT = """[Unit]
Description=A service for tests
[Service]
ExecStart=/usr/sbin/demo {arguments}
ExecReload=sh -c 'kill -HUP $MAINPID'
{settings}
[Install]
WantedBy=multi-user.target
"""

POSTINST = """#!/bin/sh
set -e
if [ "$1" = configure ] || [ "$1" = abort-upgrade ]; then
{extra}
systemctl daemon-reload
{enable}
if [ -n "$2" ]; then deb-systemd-invoke restart demo.service
else deb-systemd-invoke start demo.service; fi
fi
"""
PRERM = """#!/bin/sh
set -e
{extra}
[ "$1" != remove ] || deb-systemd-invoke stop demo.service
"""
POSTRM = """#!/bin/sh
set -e
{extra}
[ ! -d /run/systemd/system ] || systemctl daemon-reload
if [ "$1" = purge ]; then deb-systemd-helper purge demo.service; rm -rf /var/lib/demo; fi
"""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A package `demo`; every field but the first breaks something when it is not the default."""

    version: str = "1.0-1"
    arguments: str = ""
    settings: str = "Restart=on-failure\nRestartSec=200ms\nStateDirectory=demo"
    enable: str = "deb-systemd-helper enable demo.service >/dev/null"
    postinst: str = ":"
    preinst: str = ""
    prerm: str = ""
    postrm: str = ""
    depends: str = ""
    recommends: str = ""
    conflicts: str = ""
    conffiles: Mapping[str, str] = field(default_factory=lambda: {"/etc/demo.conf": "a = 1\n"})
    files: Mapping[str, str] = field(default_factory=dict)

    def build(self, directory: Path) -> Path:
        """Make the .deb in `directory`."""
        unit = UNIT.format(arguments=self.arguments, settings=self.settings)
        preinst = {"DEBIAN/preinst": f"#!/bin/sh\nset -e\n{self.preinst}\n"} if self.preinst else {}
        files = {
            "/usr/sbin/demo": SERVICE,
            "/lib/systemd/system/demo.service": unit,
            **self.conffiles,
            **self.files,
            "DEBIAN/postinst": POSTINST.format(extra=self.postinst, enable=self.enable),
            "DEBIAN/prerm": PRERM.format(extra=self.prerm),
            "DEBIAN/postrm": POSTRM.format(extra=self.postrm),
            "DEBIAN/conffiles": "".join(f"{p}\n" for p in self.conffiles),
            **preinst,
        }
        relations = {
            "Depends": self.depends, "Recommends": self.recommends, "Conflicts": self.conflicts,
        }  # fmt: skip
        more = "Installed-Size: 20\n"
        more += "".join(f"{name}: {value}\n" for name, value in relations.items() if value)
        return build(directory, files, version=self.version, more=more)
