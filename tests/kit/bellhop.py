"""A small package with a service that needs nothing but what is Essential, made in a second."""

from pathlib import Path

from tests.kit.debs import build

PORT = 8472
_SERVER = f"""\
#!/usr/bin/perl
# Answers every request with a line; keeps a file below its state directory.
use strict;
use IO::Socket::INET;
open(my $note, '>', "$ENV{{STATE_DIRECTORY}}/started") or die;
close($note);
my $server = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => {PORT}, Listen => 5, ReuseAddr => 1) or die $!;
while (my $client = $server->accept) {{
    while (my $line = <$client>) {{ last if $line =~ /^\\r?$/ }}
    print $client "HTTP/1.0 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nat service";
    close($client);
}}
"""
_UNIT = """\
[Unit]
Description=rings

[Service]
ExecStart=/usr/lib/bellhop/serve
User=bellhop
StateDirectory=bellhop
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
"""
_POSTINST = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    getent passwd bellhop >/dev/null || useradd --system --home-dir /nonexistent bellhop
    deb-systemd-helper enable bellhop.service >/dev/null
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        deb-systemd-invoke start bellhop.service
    fi
fi
"""
_PRERM = """\
#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || deb-systemd-invoke stop bellhop.service
"""
_POSTRM = """\
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ "$1" = purge ]; then
    deb-systemd-helper purge bellhop.service >/dev/null
    deb-systemd-helper unmask bellhop.service >/dev/null
    rm -rf /var/lib/bellhop
fi
"""
CONFIG = f"""\
[package]
version_from = "changelog"
[targets]
build = ["bookworm-amd64"]
[checks]
lintian = "off"
[benchmarks]
runs = 1
requests = 2
idle_seconds = 0
[service]
steady_seconds = 1
unit = "bellhop"
user = "bellhop"
health_url = "http://127.0.0.1:{PORT}/"
expect_body = "at service"
ports = ["127.0.0.1:{PORT}/tcp"]
memory_mb = 100
smoke = ["test -e /var/lib/bellhop/started"]
"""


def make(directory: Path, arch: str = "amd64", version: str = "1.0", depends: str = "") -> Path:
    """The package as a .deb below `directory`."""
    files = {
        "usr/lib/bellhop/serve": _SERVER,
        "usr/lib/systemd/system/bellhop.service": _UNIT,
        "DEBIAN/postinst": _POSTINST,
        "DEBIAN/prerm": _PRERM,
        "DEBIAN/postrm": _POSTRM,
    }
    more = f"Depends: {depends}\n" if depends else ""
    return build(directory, files, name="bellhop", version=version, arch=arch, more=more)
