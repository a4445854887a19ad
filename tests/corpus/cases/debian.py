"""dpkg-buildpackage, debhelper, dpkg-shlibdeps, lintian and apt's resolution."""

from . import CHANGELOG, CONTROL, Case, package

PLAIN = {"data.txt": "hello\n", "debian/install": "data.txt usr/share/demo\n"}


def apt(
    name: str, code: int, token: str, packages: str, command: str, *, succeeds: bool = False
) -> Case:
    """A local archive of empty packages, which apt is asked to install from.

    `packages` are control stanzas, short: `name|version|other fields, separated by ;`.
    """
    lines = ["rm -rf /var/lib/apt/lists/*; mkdir -p repo"]
    for entry in packages.split("\n"):
        if not entry:
            continue
        pkg, version, rest = entry.split("|")
        fields = "".join(f"{f.strip()}\\n" for f in rest.split(";") if f.strip())
        if "Architecture" not in fields:
            fields += "Architecture: all\\n"
        lines.append(
            f"mkdir -p t/{pkg}-{version}/DEBIAN; printf 'Package: {pkg}\\nVersion: {version}\\n"
            f"Maintainer: Jo <jo@example.org>\\n{fields}Description: x\\n' > "
            f"t/{pkg}-{version}/DEBIAN/control; dpkg-deb -b t/{pkg}-{version} repo/ >/dev/null"
        )
    lines.append("(cd repo && dpkg-scanpackages -m . > Packages 2>/dev/null)")
    lines.append("echo 'deb [trusted=yes] file:/build/case/repo ./' > /etc/apt/sources.list")
    lines.append("rm -f /etc/apt/sources.list.d/*; apt-get -q update || exit 1")
    return Case(
        name=name,
        code=code,
        token=token,
        script="\n".join([*lines, command]),
        root=True,
        succeeds=succeeds,
    )


def deb(name: str, code: int, token: str, script: str) -> Case:
    return Case(name=name, code=code, token=token, script=script, root=True)


CASES: tuple[Case, ...] = (
    package(
        "depends-unmet",
        1010,
        "libfrob-dev",
        depends="debhelper-compat (= 13), libfrob-dev (>= 2), gizmo-tools",
    ),
    package(
        "depends-one",
        1010,
        "dh-sequence-gizmo",
        depends="debhelper-compat (= 13), dh-sequence-gizmo",
    ),
    package(
        "depends-conflict",
        1010,
        "make",
        {
            "debian/control": CONTROL.format(
                name="depends-conflict",
                depends="debhelper-compat (= 13)",
                arch="any",
                run_depends="x",
            ).replace("Rules-Req", "Build-Conflicts: make\nRules-Req")
        },
    ),
    package(
        "source-changed",
        1011,
        "data.txt",
        {**PLAIN},
        format_="3.0 (quilt)\n",
        script="tar czf ../source-changed_1.0.orig.tar.gz data.txt; echo more >> data.txt;"
        "dpkg-buildpackage -us -uc -S",
    ),
    package(
        "source-binary",
        1011,
        "logo.bin",
        {**PLAIN},
        format_="3.0 (quilt)\n",
        script="tar czf ../source-binary_1.0.orig.tar.gz data.txt; head -c 500 /dev/urandom > "
        "logo.bin; dpkg-buildpackage -us -uc -S",
    ),
    package(
        "patch-fails",
        1012,
        "fix-greeting.patch",
        {
            **PLAIN,
            "debian/patches/series": "fix-greeting.patch\n",
            "debian/patches/fix-greeting.patch": "--- a/data.txt\n+++ b/data.txt\n@@ -1 +1 @@\n-goodbye\n"
            "+farewell\n",
        },
        format_="3.0 (quilt)\n",
        script="tar czf ../patch-fails_1.0.orig.tar.gz data.txt; dpkg-buildpackage -us -uc",
    ),
    package(
        "patch-missing",
        1012,
        "absent.patch",
        {**PLAIN, "debian/patches/series": "absent.patch\n"},
        format_="3.0 (quilt)\n",
        script="tar czf ../patch-missing_1.0.orig.tar.gz data.txt; dpkg-buildpackage -us -uc",
    ),
    package(
        "patch-fails-second",
        1012,
        "02-late.patch",
        {
            **PLAIN,
            "debian/patches/series": "01-first.patch\n02-late.patch\n",
            "debian/patches/01-first.patch": "--- a/data.txt\n+++ b/data.txt\n@@ -1 +1 @@\n-hello\n"
            "+hallo\n",
            "debian/patches/02-late.patch": "--- a/none.txt\n+++ b/none.txt\n@@ -1 +1 @@\n-x\n+y\n",
        },
        format_="3.0 (quilt)\n",
        script="tar czf ../patch-fails-second_1.0.orig.tar.gz data.txt; dpkg-buildpackage -us -uc",
    ),
    package(
        "changelog-bad",
        1013,
        "changelog",
        {"debian/changelog": "changelog-bad 1.0\n\n * no header\n"},
    ),
    package(
        "changelog-version",
        1013,
        "one.two",
        {
            "debian/changelog": CHANGELOG.format(name="changelog-version").replace(
                "1.0-1", "one.two_3"
            )
        },
    ),
    package(
        "control-field",
        1017,
        "control",
        {
            "debian/control": "Source: control-field\n"
            "Maintainer: Jo <jo@example.org>\nSekt ion: x\n\nPackage: x\nArchitecture: any\n"
        },
    ),
    package(
        "control-no-package",
        1017,
        "control",
        {"debian/control": "Source: control-no-package\nMaintainer: Jo <jo@example.org>\n"},
    ),
    package(
        "control-duplicate",
        1017,
        "Section",
        {
            "debian/control": CONTROL.format(
                name="control-duplicate",
                depends="debhelper-compat (= 13)",
                arch="any",
                run_depends="x",
            ).replace("Section: misc", "Section: misc\nSection: net")
        },
    ),
    package("control-depends", 1017, "libfoo", run_depends="libfoo (>> >= 1)"),
    package(
        "orig-missing",
        1014,
        "orig-missing_1.0.orig.tar",
        {**PLAIN},
        format_="3.0 (quilt)\n",
        script="dpkg-buildpackage -us -uc -S",
    ),
    package(
        "format-unknown",
        1015,
        "9.0",
        {**PLAIN},
        format_="9.0 (magic)\n",
        script="dpkg-buildpackage -us -uc -S",
    ),
    package("rules-target", 1016, "binary", rules="build:\n\techo hi\nclean:\n"),
    package("rules-syntax", 1203, "debian/rules", rules="%:\n    dh $@\n"),
    package(
        "dh-install-missing",
        1030,
        "build/output.bin",
        {"debian/install": "build/output.bin usr/lib/demo\n"},
    ),
    package(
        "dh-install-glob", 1030, "reports/", {"debian/install": "reports/*.html usr/share/x\n"}
    ),
    package("dh-docs-missing", 1030, "MANUAL.md", {"debian/docs": "MANUAL.md\n"}),
    package("dh-manpages-missing", 1030, "tool.8", {"debian/manpages": "tool.8\n"}),
    package(
        "dh-missing",
        1031,
        "usr/bin/forgotten",
        {
            "debian/control": CONTROL.format(
                name="dh-missing",
                depends="debhelper-compat (= 13)",
                arch="any",
                run_depends="${misc:Depends}",
            )
            + "\nPackage: dh-missing-doc\nArchitecture: all\n"
            "Description: d\n e\n",
            "Makefile": "all:\nclean:\ninstall:\n\tmkdir -p $(DESTDIR)/usr/bin; "
            "echo hi > $(DESTDIR)/usr/bin/forgotten\n",
        },
    ),
    package("dh-compat-missing", 1032, "compat", depends="debhelper"),
    package(
        "dh-compat-unknown",
        1032,
        "compat",
        depends="debhelper-compat (= 99)",
        script="dpkg-buildpackage -us -uc -b -d",
    ),
    package("dh-addon", 1033, "gizmo", rules="%:\n\tdh $@ --with gizmo\n"),
    package("dh-buildsystem", 1033, "frobmake", rules="%:\n\tdh $@ --buildsystem=frobmake\n"),
    package(
        "dh-option",
        1034,
        "frobnicate",
        rules="%:\n\tdh $@\noverride_dh_auto_build:\n\tdh_auto_build --frobnicate\n",
    ),
    package(
        "dh-systemd-unit",
        1035,
        "ghost",
        rules="%:\n\tdh $@\noverride_dh_installsystemd:\n"
        "\tdh_installsystemd --name=ghost ghost.service\n",
    ),
    package(
        "shlibdeps-missing",
        1019,
        "libprivate.so.3",
        {
            "lib.c": "int f(void) { return 1; }\n",
            "main.c": "int f(void);int main(void){return f();}\n",
            "Makefile": "all:\n\t$(CC) -shared -fPIC -Wl,-soname,libprivate.so.3 -o libprivate.so lib.c\n"
            "\t$(CC) -o prog main.c -L. -lprivate\nclean:\ninstall:\n\tmkdir -p $(DESTDIR)/usr/bin; "
            "cp prog $(DESTDIR)/usr/bin/\n",
        },
    ),
    package(
        "symbols-gone",
        1020,
        "old_function",
        {
            "lib.c": "int new_function(void) { return 1; }\n",
            "debian/symbols-gone.symbols": "libsym.so.1 symbols-gone #MINVER#\n old_function@Base 0.5\n",
            "Makefile": "all:\n\t$(CC) -shared -fPIC -Wl,-soname,libsym.so.1 -o libsym.so.1 lib.c\n"
            "clean:\ninstall:\n\tmkdir -p $(DESTDIR)/usr/lib; cp libsym.so.1 $(DESTDIR)/usr/lib/\n",
        },
    ),
    package(
        "script-debhelper-syntax",
        1018,
        "postinst",
        {"debian/script-debhelper-syntax.postinst": "#!/bin/sh\nset -e\n#DEBHELPER#\n"},
        rules="%:\n\tdh $@\noverride_dh_installdeb:\n\tdh_installdeb\n"
        "\tchmod 600 debian/script-debhelper-syntax/DEBIAN/postinst\n"
        "override_dh_fixperms:\n",
    ),
    package("gencontrol-arch", 1017, "arch", arch="sparc128"),
    package("gencontrol-substvar", 1017, "rust:Crates", run_depends="${rust:Crates)"),
    package(
        "tree-usrlocal",
        1037,
        "usr/local",
        {
            "Makefile": "all:\nclean:\ninstall:\n\tmkdir -p $(DESTDIR)/usr/local/bin; "
            "echo x > $(DESTDIR)/usr/local/bin/thing\n"
        },
    ),
    package(
        "strip-fails",
        1038,
        "blob.so",
        {
            "Makefile": "all:\nclean:\ninstall:\n\tmkdir -p $(DESTDIR)/usr/lib; "
            "(head -c 4000 /bin/true; echo x) > $(DESTDIR)/usr/lib/blob.so; chmod 755 "
            "$(DESTDIR)/usr/lib/blob.so\n"
        },
    ),
    # apt
    apt("apt-unknown", 1050, "gizmo-server", "a|1|", "apt-get -q install -y gizmo-server"),
    apt("apt-unknown-second", 1050, "libfrob9", "a|1|", "apt-get -q install -y a libfrob9"),
    apt(
        "apt-unknown-glob",
        1050,
        "linux-widgets-*",
        "a|1|",
        "apt-get -q install -y 'linux-widgets-*'",
    ),
    apt(
        "apt-unmet",
        1051,
        "libmissing2",
        "a|1|Depends: libmissing2 (>= 1.4)",
        "apt-get -q install -y a",
    ),
    apt(
        "apt-unmet-version",
        1051,
        "runtime",
        "runtime|1|\na|1|Depends: runtime (>= 5)",
        "apt-get -q install -y a",
    ),
    apt(
        "apt-unmet-deep",
        1051,
        "engine-data",
        "a|1|Depends: b\nb|1|Depends: engine-data (= 3)",
        "apt-get -q install -y a",
    ),
    apt(
        "apt-conflict",
        1055,
        "rival",
        "a|1|Conflicts: rival\nrival|1|",
        "apt-get -q install -y a rival",
    ),
    apt(
        "apt-breaks",
        1055,
        "oldlib",
        "a|1|Breaks: oldlib (<< 9)\noldlib|1|",
        "apt-get -q install -y a oldlib",
    ),
    apt(
        "apt-candidate",
        1052,
        "phantom",
        "a|1|Depends: phantom; Suggests: phantom",
        "apt-get -q install -y phantom",
    ),
    apt("apt-version", 1053, "7.7-7", "a|1|", "apt-get -q install -y a=7.7-7"),
    apt("apt-release", 1053, "wonderland", "a|1|", "apt-get -q install -y a/wonderland"),
    apt(
        "apt-multiarch",
        1054,
        "libmono:arm64",
        "libmono|1|Architecture: amd64; Multi-Arch: no\n"
        "libmono|1.1|Architecture: arm64; Multi-Arch: no",
        "dpkg --add-architecture arm64; apt-get -q update; apt-get -q install -y libmono libmono:arm64",
    ),
    apt(
        "apt-multiarch-same",
        1054,
        "libsame",
        "libsame|1|Architecture: amd64; Multi-Arch: same\n"
        "libsame|2|Architecture: arm64; Multi-Arch: same",
        "dpkg --add-architecture arm64; apt-get -q update; apt-get -q install -y libsame=1 "
        "libsame:arm64",
    ),
    apt(
        "apt-multiarch-depends",
        1054,
        "toolkit:arm64",
        "app|1|Architecture: arm64; Depends: toolkit\ntoolkit|1|Architecture: amd64",
        "dpkg --add-architecture arm64; apt-get -q update; apt-get -q install -y app:arm64",
    ),
    apt(
        "apt-builddep",
        1051,
        "libquux-dev",
        "a|1|",
        "mkdir -p s/debian; printf 'Source: s\\nBuild-Depends: libquux-dev (>= 2)\\n\\nPackage: s\\n"
        "Architecture: any\\n' > s/debian/control; apt-get -q build-dep -y ./s",
    ),
    apt("apt-satisfy", 1051, "libzork-dev", "a|1|", "apt-get -q satisfy -y 'libzork-dev (>= 3)'"),
    apt("apt-ok", 0, "Setting up a", "a|1|", "apt-get -q install -y a", succeeds=True),
    # packages whose installation fails are in installing.py; lintian
    package(
        "lintian-errors",
        2001,
        "E: ",
        {**PLAIN, "debian/install": "data.txt usr/lib/demo\ndata.txt opt/thing\n"},
        arch="all",
        script="dpkg-buildpackage -us -uc -b && lintian --fail-on error --allow-root ../*.changes",
    ),
    package(
        "lintian-copyright",
        2001,
        "no-copyright-file",
        {**PLAIN},
        arch="all",
        script="dpkg-buildpackage -us -uc -b && lintian --fail-on error ../*.deb",
    ),
    package("build-ok", 0, "binary-only upload", {**PLAIN}, arch="all", succeeds=True),
    package(
        "build-ok-c",
        0,
        "binary-only upload",
        {
            "main.c": "#include <stdio.h>\n#warning No space left on device\n"
            'int main(void) { puts("cannot find -lfrob"); return 0; }\n',
            "Makefile": "all:\n\t$(CC) -o prog main.c\nclean:\ninstall:\n\t-false\n\t-./nothing\n",
        },
        succeeds=True,
    ),
)
