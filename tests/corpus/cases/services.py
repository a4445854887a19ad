"""Units that do not start: what systemd and the journal say of them."""

from . import Case


def unit(name: str, code: int, token: str, service: str, *, before: str = "", wait: float = 1.5,
         status: bool = True, head: str = "", command: str = "") -> Case:  # fmt: skip
    """A service that is started in a booted system; the log is its journal."""
    text = f"[Unit]\nDescription=The {name} service\n{head}[Service]\n{service}"
    show = f"systemctl status --no-pager -l {name}.service; " if status else ""
    start = command or f"systemctl start {name}.service"
    return Case(
        name=name, code=code, token=token, where="booted", root=True,
        files={f"/etc/systemd/system/{name}.service": text},
        script=f"{before}\nsystemctl daemon-reload; {start}; sleep {wait}; {show}"
        f"journalctl --no-pager -u {name}.service; exit 1",
    )  # fmt: skip


PERL = "/usr/bin/perl -e"

CASES: tuple[Case, ...] = (
    unit(
        "svc-exit",
        2201,
        "no configuration",
        "ExecStart=/bin/sh -c 'echo no configuration; exit 3'\n",
    ),
    unit("svc-exit-oneshot", 2201, "svc-exit-oneshot", "Type=oneshot\nExecStart=/bin/false\n"),
    unit(
        "svc-exit-pre",
        2201,
        "svc-exit-pre",
        "ExecStartPre=/bin/sh -c 'exit 4'\nExecStart=/bin/sleep 9\n",
    ),
    unit("svc-exec-missing", 2202, "gizmo-daemon", "ExecStart=/usr/sbin/gizmo-daemon --serve\n"),
    unit(
        "svc-exec-denied",
        2202,
        "svc-exec-denied",
        "ExecStart=/opt/tool\n",
        before="mkdir -p /opt; echo '#!/bin/sh' > /opt/tool; chmod 644 /opt/tool",
    ),
    unit(
        "svc-exec-interpreter",
        2202,
        "launch",
        "ExecStart=/opt/launch\n",
        before="mkdir -p /opt; printf '#!/opt/venv/bin/python\\n' > /opt/launch; chmod 755 /opt/launch",
    ),
    unit("svc-user", 2203, "svc-user", "User=gizmouser\nExecStart=/bin/sleep 9\n"),
    unit("svc-group", 2211, "svc-group", "Group=gizmogroup\nExecStart=/bin/sleep 9\n"),
    unit(
        "svc-directory",
        2210,
        "svc-directory",
        "WorkingDirectory=/srv/gizmo\nExecStart=/bin/sleep 9\n",
    ),
    unit(
        "svc-namespace", 2204, "/srv/absent", "ReadWritePaths=/srv/absent\nExecStart=/bin/sleep 9\n"
    ),
    unit(
        "svc-namespace-bind", 2204, "/srv/models", "BindPaths=/srv/models\nExecStart=/bin/sleep 9\n"
    ),
    unit(
        "svc-seccomp",
        2205,
        "svc-seccomp",
        "SystemCallFilter=~mkdir mkdirat\nExecStart=/bin/mkdir /tmp/zzz\n",
    ),
    unit(
        "svc-seccomp-perl",
        2205,
        "svc-seccomp-perl",
        "SystemCallFilter=~@network-io socket\n"
        "ExecStart=/usr/bin/perl -e 'use Socket; socket(my $s, PF_INET, SOCK_STREAM, 6); sleep 9'\n",
    ),
    unit(
        "svc-memory",
        2206,
        "svc-memory",
        f"MemoryMax=24M\nMemorySwapMax=0\nExecStart={PERL} '$x = \"y\" x 400_000_000; sleep 9'\n",
        wait=3,
    ),
    unit(
        "svc-memory-child",
        2206,
        "svc-memory-child",
        "MemoryMax=24M\nMemorySwapMax=0\n"
        "ExecStart=/bin/sh -c '/usr/bin/perl -e \"push @a, q(z) x 9999999 while 1\"; sleep 9'\n",
        wait=4,
    ),
    unit(
        "svc-start-timeout",
        2207,
        "svc-start-timeout",
        "Type=notify\nTimeoutStartSec=1\nExecStart=/bin/sleep 30\n",
        wait=3,
    ),
    unit(
        "svc-start-slow",
        2207,
        "svc-start-slow",
        "Type=forking\nTimeoutStartSec=1\nExecStart=/bin/sleep 30\n",
        wait=3,
    ),
    unit(
        "svc-restart-loop",
        2201,
        "cannot read settings",
        "Restart=always\nRestartSec=50ms\n"
        "ExecStart=/bin/sh -c 'echo cannot read settings; exit 2'\n",
        wait=3,
    ),
    unit(
        "svc-restart-segv",
        2217,
        "svc-restart-segv",
        "Restart=always\nRestartSec=50ms\nExecStart=/bin/sh -c 'kill -SEGV $$$$'\n",
        wait=3,
    ),
    unit("svc-segv", 2217, "svc-segv", "ExecStart=/bin/sh -c 'kill -SEGV $$$$'\n"),
    unit(
        "svc-abort", 2217, "svc-abort", "ExecStart=/bin/sh -c 'echo assertion; kill -ABRT $$$$'\n"
    ),
    unit("svc-illegal", 2217, "svc-illegal", "ExecStart=/bin/sh -c 'kill -ILL $$$$'\n"),
    unit("svc-bad-setting", 2209, "relative/daemon", "ExecStart=relative/daemon\n"),
    unit("svc-no-exec", 2209, "svc-no-exec", "Restart=always\n"),
    unit("svc-two-exec", 2209, "svc-two-exec", "ExecStart=/bin/true\nExecStart=/bin/false\n"),
    unit(
        "svc-port",
        2213,
        "8471",
        f"ExecStart={PERL} 'use IO::Socket::INET; $SIG{{__WARN__}}=sub{{}}; "
        'my $s = IO::Socket::INET->new(LocalPort => 8471, Listen => 1) or die "bind 0.0.0.0:8471: '
        "$!\\n\"; sleep 99'\n",
        before=f"{PERL} 'use IO::Socket::INET; my $s = IO::Socket::INET->new("
        "LocalPort => 8471, Listen => 1) or die; sleep 9' & sleep 1",
    ),
    unit(
        "svc-privileged-port",
        2214,
        "listen",
        "User=nobody\n"
        f"ExecStart={PERL} 'use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 80, "
        'Listen => 1) or die "listen on port 80: $!\\n"; sleep 9\'\n',
        before="sysctl -w net.ipv4.ip_unprivileged_port_start=1024 >/dev/null 2>&1",
    ),
    unit(
        "svc-read-only",
        3002,
        "/etc/svc.state",
        "ProtectSystem=strict\nExecStart=/bin/sh -c 'echo x > /etc/svc.state'\n",
    ),
    unit(
        "svc-denied-file",
        2214,
        "/var/lib/gizmo.db",
        "User=nobody\nExecStart=/bin/sh -c 'echo x > /var/lib/gizmo.db'\n",
    ),
    unit(
        "svc-dependency",
        2215,
        "svc-dependency",
        "ExecStart=/bin/sleep 9\n",
        head="Requires=svc-broken.service\nAfter=svc-broken.service\n",
        before="printf '[Service]\\nType=oneshot\\nExecStart=/bin/false\\n' > "
        "/etc/systemd/system/svc-broken.service",
    ),
    unit(
        "svc-unit-missing",
        2218,
        "svc-absent",
        "ExecStart=/bin/true\n",
        command="systemctl start svc-absent.service",
        status=False,
    ),
    unit(
        "svc-requires-missing",
        2218,
        "svc-nowhere",
        "ExecStart=/bin/sleep 9\n",
        head="Requires=svc-nowhere.service\nAfter=svc-nowhere.service\n",
    ),
    unit(
        "svc-masked",
        2222,
        "svc-masked",
        "ExecStart=/bin/sleep 9\n",
        command="rm /etc/systemd/system/svc-masked.service; systemctl mask svc-masked.service; "
        "systemctl start svc-masked.service",
    ),
    unit("svc-watchdog", 2216, "svc-watchdog", "WatchdogSec=1\nExecStart=/bin/sleep 30\n", wait=4),
    unit(
        "svc-protocol",
        2221,
        "svc-protocol",
        "Type=notify\nExecStart=/bin/sh -c 'sleep 0.3; exit 0'\n",
    ),
    unit(
        "svc-pidfile",
        2221,
        "svc-pidfile.pid",
        "Type=forking\nPIDFile=/run/svc-pidfile.pid\n"
        "TimeoutStartSec=2\nExecStart=/bin/sh -c 'sleep 20 &'\n",
        wait=3,
    ),
    unit(
        "svc-environment",
        2219,
        "svc-environment",
        "EnvironmentFile=/etc/gizmo.env\nExecStart=/bin/sleep 9\n",
    ),
    unit(
        "svc-state-directory",
        2212,
        "svc-state",
        "StateDirectory=svc-state\nUser=nobody\nExecStart=/bin/sleep 9\n",
        before="rm -rf /var/lib/svc-state; echo > /var/lib/svc-state",
    ),
    unit(
        "svc-credential",
        2220,
        "svc-credential",
        "LoadCredential=token:/etc/absent-token\nExecStart=/bin/sleep 9\n",
    ),
    unit(
        "svc-library",
        1320,
        "libgone.so",
        "ExecStart=/lib64/ld-linux-x86-64.so.2 --preload /opt/x.so /bin/true\n",
    ).__class__(
        **{
            **unit(
                "svc-library",
                1320,
                "libresolv-gone.so.2",
                "ExecStart=/opt/prog\n",
                before="mkdir -p /opt; sed 's/libc\\.so\\.6/libX.so.6/' /bin/true > /opt/prog; chmod 755 "
                "/opt/prog; echo libresolv-gone.so.2 >/dev/null",
            ).__dict__,
            "token": "libX.so.6",
        }
    ),
    unit("svc-perl-module", 1207, "Gizmo/Server", f"ExecStart={PERL} 'use Gizmo::Server; run()'\n"),
    Case(
        name="journal-ok",
        code=0,
        token="Startup finished",
        where="booted",
        root=True,
        script="journalctl --no-pager -b",
        succeeds=True,
    ),
)
