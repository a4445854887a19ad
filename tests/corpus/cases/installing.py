"""dpkg at work: maintainer scripts, file conflicts, broken archives."""

from . import Case


def install(name: str, code: int, token: str, scripts: dict[str, str], command: str = "",
            control: str = "", files: str = "") -> Case:  # fmt: skip
    """A .deb made with dpkg-deb and installed with dpkg."""
    tree = {
        "t/DEBIAN/control": f"Package: {name}\nVersion: 1.0\nArchitecture: amd64\n"
        f"Maintainer: Jo <jo@example.org>\n{control}Description: x\n",
        **{f"t/DEBIAN/{k}": v for k, v in scripts.items()},
    }
    text = f"chmod -f 755 t/DEBIAN/p*; {files}\ndpkg-deb -Zgzip -b t p.deb && {{ {command or 'dpkg -i p.deb'}; }}"
    return Case(name=name, code=code, token=token, script=text, files=tree, root=True)


def sh(text: str) -> str:
    return f"#!/bin/sh\nset -e\n{text}\n"


CASES: tuple[Case, ...] = (
    install("postinst-exit", 2101, "postinst-exit", {"postinst": sh("exit 7")}),
    install("postinst-adduser", 2101, "gizmouserr", {"postinst": sh("chown gizmouserr /tmp")}),
    install(
        "postinst-command", 2101, "deb-gizmo-helper", {"postinst": sh("deb-gizmo-helper enable")}
    ),
    install(
        "postinst-python",
        2101,
        "ValueError",
        {"postinst": "#!/usr/bin/python3\nraise ValueError('no config')\n"},
    ),
    install(
        "postinst-apt",
        2101,
        "postinst-apt",
        {"postinst": sh("false")},
        "apt-get -q install -y ./p.deb",
    ),
    install(
        "preinst-refuses", 2102, "preinst-refuses", {"preinst": sh("echo 'too old' >&2; exit 1")}
    ),
    install(
        "preinst-apt",
        2102,
        "preinst-apt",
        {"preinst": sh("exit 3")},
        "apt-get -q install -y ./p.deb",
    ),
    install(
        "prerm-fails",
        2103,
        "prerm-fails",
        {"prerm": sh("exit 2")},
        "dpkg -i p.deb && dpkg -r prerm-fails",
    ),
    install(
        "postrm-purge",
        2104,
        "postrm-purge",
        {"postrm": sh('[ "$1" != purge ] || exit 9')},
        "dpkg -i p.deb && dpkg -P postrm-purge",
    ),
    install(
        "postrm-apt",
        2104,
        "postrm-apt",
        {"postrm": sh("rmdir /var/lib/not-there")},
        "dpkg -i p.deb && apt-get -q purge -y postrm-apt",
    ),
    install(
        "script-interpreter",
        2111,
        "script-interpreter",
        {"postinst": "#!/bin/nosuchshell\nexit 0\n"},
    ),
    install(
        "script-interpreter-pre",
        2111,
        "script-interpreter-pre",
        {"preinst": "#!/usr/bin/python9\nx\n"},
    ),
    install(
        "file-conflict", 2105, "usr/bin/perl", {}, files="mkdir -p t/usr/bin; echo > t/usr/bin/perl"
    ),
    install(
        "file-conflict-apt",
        2105,
        "usr/bin/make",
        {},
        "apt-get -q install -y ./p.deb",
        files="mkdir -p t/usr/bin; echo > t/usr/bin/make",
    ),
    install("depends-missing", 2106, "libgizmo9", {}, control="Depends: libgizmo9 (>= 2)\n"),
    install("depends-version", 2106, "99:1", {}, control="Depends: dpkg (>= 99:1)\n"),
    install("predepends", 2110, "libearly3", {}, control="Pre-Depends: libearly3\n"),
    install("conflicts", 2112, "make", {}, control="Conflicts: make\n"),
    install(
        "architecture",
        2107,
        "riscv64",
        {},
        control="",
        command="sed -i s/amd64/riscv64/ t/DEBIAN/control; dpkg-deb -Zgzip -b t q.deb; dpkg -i q.deb",
    ),
    install(
        "architecture-arm",
        2107,
        "arm64",
        {},
        control="",
        command="sed -i s/amd64/arm64/ t/DEBIAN/control; dpkg-deb -Zgzip -b t q.deb; dpkg -i q.deb",
    ),
    install("archive-cut", 2109, "cut.deb", {}, "head -c 300 p.deb > cut.deb; dpkg -i cut.deb"),
    install(
        "archive-not",
        2109,
        "page.deb",
        {},
        "echo '<html>Not found</html>' > page.deb; dpkg -i page.deb",
    ),
    install(
        "archive-data",
        2109,
        "bad.deb",
        {},
        "mkdir t/x; head -c 90000 /dev/urandom > t/x/y; "
        "dpkg-deb -Zgzip -b t q.deb; head -c 60000 q.deb > bad.deb; dpkg -i bad.deb",
    ),
    install(
        "conffile-question",
        2108,
        "demo.conf",
        {"conffiles": "/etc/demo.conf\n"},
        "dpkg -i p.deb; echo mine > /etc/demo.conf; echo new > t/etc/demo.conf; sed -i "
        "'s/1.0/2.0/' t/DEBIAN/control; dpkg-deb -Zgzip -b t q.deb; dpkg -i q.deb < /dev/null",
        files="mkdir -p t/etc; echo a > t/etc/demo.conf",
    ),
    install(
        "control-version",
        1018,
        "under_score",
        {},
        "sed -i 's/^Version.*/Version: under_score/' t/DEBIAN/control; dpkg-deb -b t q.deb",
    ),
    install(
        "script-mode",
        1018,
        "postinst",
        {"postinst": sh("exit 0")},
        "chmod 640 t/DEBIAN/postinst; dpkg-deb -b t q.deb",
    ),
    install(
        "control-missing",
        1018,
        "Package",
        {},
        "sed -i /^Package/d t/DEBIAN/control; dpkg-deb -b t q.deb",
    ),
    install(
        "lock-held",
        3606,
        "lock",
        {},
        "python3 -c 'import fcntl,time; f=open(\"/var/lib/dpkg/lock"
        '-frontend","w"); fcntl.lockf(f,fcntl.LOCK_EX); time.sleep(6)\' & sleep 1; '
        "apt-get -q install -y ./p.deb",
    ),
    install(
        "not-root",
        3604,
        "superuser",
        {},
        "chmod 755 p.deb; setpriv --reuid 1234 --regid 1234 --clear-groups dpkg -i p.deb",
    ),
    install(
        "not-root-apt",
        3604,
        "lock",
        {},
        "setpriv --reuid 1234 --regid 1234 --clear-groups apt-get -q install -y make",
    ),
    install("install-ok", 0, "Setting up install-ok", {"postinst": sh("echo fine")}).__class__(
        **{
            **install(
                "install-ok",
                0,
                "Setting up install-ok",
                {"postinst": sh("echo 'warning: subprocess of ours returned error'; echo fine")},
            ).__dict__,
            "succeeds": True,
        }
    ),
)
