"""A package whose units are of many kinds, and each has a right way to be well. For perl-base."""

from pathlib import Path

from tests.kit.debs import build

SECRET = "keeper:not-for-anybody-to-read"

WEB = r"""#!/usr/bin/perl
use strict; use warnings; use IO::Socket::INET;
open my $f, '<', '/etc/kinds/account' or die "account: $!"; chomp(my $account = <$f>); close $f;
chomp(my $encoded = `printf %s '$account' | base64`);
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 8500, Listen => 9,
    ReuseAddr => 1) or die "listen: $!";
while (1) {
    my $client = $server->accept or next; my $given = '';
    while (my $line = <$client>) {
        last if $line =~ /^\s*$/; $given = $1 if $line =~ /^Authorization: Basic (\S+)/;
    }
    my $right = $given eq $encoded;
    my ($status, $body) = $right ? ('200 OK', "welcome $account\n") : ('401 No', "who are you\n");
    print $client "HTTP/1.0 $status\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    close $client;
}
"""

WORKER = r"""#!/usr/bin/perl
use strict; use warnings; use Socket; $| = 1;
print "warming up\n"; sleep 1; print "queue 7 is open\n";
my $to = $ENV{NOTIFY_SOCKET}; $to =~ s/^\@/\0/;
socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die $!;
send($s, "READY=1\nSTATUS=7 jobs wait", 0, pack_sockaddr_un($to)) or die $!;
sleep 3600 while 1;
"""

BEHIND = r"""#!/usr/bin/perl
use strict; use warnings; use IO::Socket::UNIX;
my $server = IO::Socket::UNIX->new_from_fd(3, 'r+') or die "no socket: $!";
while (my $client = $server->accept) {
    my $said = <$client>; print $client "pong\n" if $said =~ /^ping/; close $client;
}
"""

UNITS = {
    "kinds-web.service": """[Service]
ExecStart=/usr/lib/kinds/web
Restart=on-failure
RestartSec=200ms
[Install]
WantedBy=multi-user.target
""",
    "kinds-worker.service": """[Service]
Type=notify
ExecStart=/usr/lib/kinds/worker
Restart=on-failure
RestartSec=200ms
[Install]
WantedBy=multi-user.target
""",
    "kinds.socket": """[Socket]
ListenStream=/run/kinds.sock
SocketMode=0600
[Install]
WantedBy=sockets.target
""",
    "kinds.service": """[Service]
ExecStart=/usr/lib/kinds/behind
""",
    "kinds-idle.socket": """[Socket]
ListenStream=127.0.0.1:8501
[Install]
WantedBy=sockets.target
""",
    "kinds-idle.service": """[Service]
ExecStart=/usr/lib/kinds/behind
""",
    "kinds-job.timer": """[Timer]
OnCalendar=monthly
[Install]
WantedBy=timers.target
""",
    "kinds-job.service": """[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo the job was done'
""",
    "kinds-spool.path": """[Path]
PathExists=/run/kinds-wanted
[Install]
WantedBy=multi-user.target
""",
    "kinds-spool.service": """[Service]
Type=oneshot
ExecStart=/bin/rm /run/kinds-wanted
""",
    "kinds-setup.service": """[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
[Install]
WantedBy=multi-user.target
""",
    "kinds@.service": """[Service]
ExecStart=/bin/sleep infinity
Restart=on-failure
[Install]
WantedBy=multi-user.target
""",
    "kinds-later.service": """[Service]
ExecStart=/bin/sleep infinity
Restart=on-failure
[Install]
WantedBy=multi-user.target
""",
}

AGENT = """[Service]
ExecStart=/bin/sh -c 'echo at home in $HOME; exec sleep infinity'
Restart=on-failure
RestartSec=200ms
[Install]
WantedBy=default.target
"""
"""A unit of each user."""

STARTED = (
    "kinds-web.service", "kinds-worker.service", "kinds.socket", "kinds-idle.socket",
    "kinds-job.timer", "kinds-spool.path", "kinds-setup.service", "kinds@one.service",
)  # fmt: skip
"""What the package enables and starts; kinds-later.service it leaves to the administrator."""

_POSTINST = f"""#!/bin/sh
set -e
if [ ! -e /etc/kinds/account ]; then
    mkdir -p /etc/kinds; (umask 077; echo '{SECRET}' > /etc/kinds/account)
fi
deb-systemd-helper unmask kinds-later.service >/dev/null || true
for unit in {" ".join(u for u in STARTED if "@" not in u)}; do
    deb-systemd-helper enable $unit >/dev/null
done
systemctl daemon-reload
systemctl enable kinds@one.service
deb-systemd-helper --user enable kinds-agent.service >/dev/null
[ -n "$2" ] && verb=restart || verb=start
[ -z "$2" ] || deb-systemd-invoke stop kinds.service kinds-idle.service
for unit in {" ".join(STARTED)}; do deb-systemd-invoke $verb $unit; done
"""
_PRERM = f"""#!/bin/sh
set -e
if [ "$1" = remove ]; then
    deb-systemd-invoke stop {" ".join(STARTED)} kinds.service kinds-idle.service kinds-later.service
    systemctl disable kinds@one.service
fi
"""
_POSTRM = f"""#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
if [ "$1" = purge ]; then
    deb-systemd-helper purge {" ".join(u for u in STARTED if "@" not in u)}
    deb-systemd-helper --user purge kinds-agent.service
    rm -rf /etc/kinds
fi
"""


def package(directory: Path, **changed: str) -> Path:
    """The package `kinds`; `changed` replaces units, `kinds_worker` for kinds-worker.service."""
    other = {name.replace("_", "-") + ".service": text for name, text in changed.items()}
    files: dict[str, str] = {"/usr/lib/systemd/user/kinds-agent.service": AGENT}
    files |= {f"/lib/systemd/system/{n}": text for n, text in {**UNITS, **other}.items()}
    files |= {
        "/usr/lib/kinds/web": WEB, "/usr/lib/kinds/worker": WORKER, "/usr/lib/kinds/behind": BEHIND,
        "DEBIAN/postinst": _POSTINST, "DEBIAN/prerm": _PRERM, "DEBIAN/postrm": _POSTRM,
    }  # fmt: skip
    return build(directory, files, name="kinds", more="Installed-Size: 20\n")
