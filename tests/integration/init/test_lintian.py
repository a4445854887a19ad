"""What `init` writes for projects of every shade, held against lintian itself."""

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from debwright.checks.files.lintian import lintian_layer
from debwright.config import Config
from debwright.host.machine import host_arch
from debwright.init.licences import find_licence
from debwright.init.maintainer import person
from debwright.init.model import (
    Guess,
    Health,
    Project,
    Rules,
    Unit,
    Written,
    package_name,
    web_page,
)
from debwright.init.record import Record, begun_now, record_text
from debwright.init.render import render
from debwright.isolation.namespaces import Bind
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import opened, throwaway

pytestmark = pytest.mark.minutes(0.6)

MIT = (
    "MIT License\n\nCopyright (c) 2024 Ada\n\nPermission is hereby granted, free of charge, to any "
    "person obtaining a copy\n\tof this software, to deal in it without restriction.\n"
)
APACHE = "Apache License\nVersion 2.0, January 2004\n"
HEALTH = Health(port=Guess(value="8080", seen=None), path=Guess(value="/", seen="a.py:1"))


@dataclass(frozen=True)
class Shade:
    """What a project says of itself."""

    name: str
    version: str
    description: str = ""
    licence: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    service: bool = True


SHADES = (
    Shade("acme1", "1.0", "acme1 serves todo lists over HTTP", "MIT", {"LICENSE": MIT}),
    Shade("Acme2", "1.0~rc1", "Acme2 - todo lists.", "MIT OR Apache-2.0",
          {"LICENSE-MIT": MIT, "LICENSE-APACHE": APACHE, "NOTICE": "Apache Acme\n"}),
    Shade("acme.three", "2024.05.01", f"The lists. - with - a - list - {'and more ' * 30}",
          "GPL-2.0-or-later WITH Classpath-exception-2.0"),
    Shade("acme_4", "20240501"),
    Shade("acme5", "0.1.0~~dev3", "\U0001f680 \u65e5\u672c\u8a9e", "LicenseRef-Unknown",
          {"LICENSES/LicenseRef-Unknown.txt": "No use but ours; not the GPL.\n"}, False),
    Shade("python-six6", "1:2.0+post1", "Add your description here",
          "License :: OSI Approved :: BSD License",
          {"LICENSE.md": "Redistribution and use in source and binary forms\n"}, False),
    Shade("service", "1", "service", "(MIT AND BSD-3-Clause) OR CC-BY-4.0"),
    Shade("a" * 60, "1.0", "x" * 400, "AGPL-3.0-or-later",
          {"COPYING": "GNU AFFERO GENERAL PUBLIC LICENSE\n"}),
    Shade("libacme-dev", "1.2.3+git20240501.gabcdef", "This is the API of our .NET todo lists",
          "Proprietary", {"LICENSE": "Some is under the GNU General Public License.\n"}, False),
    Shade("acme-doc", "1.0", "Homepage: https://example.org. Docs for all", service=False),
)  # fmt: skip
PEOPLE = [("Jos\u00e9 \U0001f600 O'Hara", "jose@example.org"), ("root", "root@localhost"), ("", "")]


def projects(directory: Path) -> Iterator[Project]:
    for number, shade in enumerate(SHADES):
        package = package_name(shade.name)
        top = directory / package
        for path, text in shade.files.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(text)
        top.mkdir(exist_ok=True)
        unit = Unit(name=f"{package}.service", command=f"/usr/bin/{package}", health=HEALTH)
        yield Project(
            name=shade.name, package=package, version=shade.version,
            description=shade.description,
            homepage=web_page("git+https://github.com/a/b.git"),
            author=person(*PEOPLE[number % len(PEOPLE)]), licence=find_licence(top, shade.licence),
            units=(unit,) if shade.service else (), programs=(package,), depends=("python3",),
            rules=Rules(exports={"LC_ALL": "C.UTF-8"}),
        )  # fmt: skip


def source(top: Path, project: Project) -> None:
    """The source package, as debwright makes it."""
    files = render(project)[0]
    kept = record_text(
        Record(ecosystem="python", begun=begun_now(), files={f.path: f.text for f in files})
    )
    for file in [*files, Written(path="debian/.debwright-init.json", text=kept)]:
        path = top / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
        path.chmod(0o755 if file.executable else 0o644)
    upstream = project.version.rpartition(":")[2]
    run("tar", "-caf", f"{project.package}_{upstream}.orig.tar.xz", "--exclude=debian",
        project.package, cwd=top.parent)  # fmt: skip
    run("dpkg-source", "--build", project.package, cwd=top.parent)


UNITS = {"bookworm": "lib/systemd/system"}
"""Where dh_installsystemd of a suite puts them: since trixie nothing is below /lib."""
FOLDERS = ("DEBIAN", "usr/bin", "usr/lib/sysusers.d", "usr/share/doc",
           "usr/share/lintian/overrides", "usr/share/man/man1")  # fmt: skip


def binary(top: Path, project: Project, units: str) -> None:
    """The package, with what debhelper would install of debian/; `units` is where it has units."""
    package, root = project.package, top.parent / f"{project.package}.root"
    doc = root / f"usr/share/doc/{package}"
    for path in FOLDERS:
        (root / path).mkdir(parents=True)
    doc.mkdir()
    debian = top / "debian"
    shutil.copy(debian / "copyright", doc)
    pack(debian / "changelog", doc / "changelog.Debian.gz")
    pack(debian / f"{package}.1", root / f"usr/share/man/man1/{package}.1.gz")
    shutil.copy(
        debian / f"{package}.lintian-overrides", root / f"usr/share/lintian/overrides/{package}"
    )
    (root / f"usr/bin/{package}").write_text("#!/usr/bin/python3\n")
    (root / f"usr/bin/{package}").chmod(0o755)
    if project.licence.notice:
        shutil.copy(top / project.licence.notice, doc)
    if project.units:
        (root / units).mkdir(parents=True)
        shutil.copy(debian / f"{package}.service", root / units)
        shutil.copy(debian / f"{package}.sysusers", root / f"usr/lib/sysusers.d/{package}.conf")
    variables = top.parent / f"{package}.substvars"
    variables.write_text("misc:Depends=\nmisc:Pre-Depends=\n")
    run("dpkg-gencontrol", f"-P{root}", f"-T{variables}", f"-f{top.parent}/files", cwd=top)
    run("dpkg-deb", "--root-owner-group", "-b", str(root), str(top.parent), cwd=top)


def pack(file: Path, target: Path) -> None:
    target.write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))


def run(*command: str, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("suite", os.environ.get("DEBWRIGHT_LINTIAN_SUITES", "bookworm").split())
def test_lintian_has_no_error_and_no_warning(tmp_path: Path, suite: str) -> None:
    made = list(projects(tmp_path))
    for project in made:
        source(tmp_path / project.package, project)
        binary(tmp_path / project.package, project, UNITS.get(suite, "usr/lib/systemd/system"))
    cache = Cache(default_cache())
    cache.prepare()
    layer = lintian_layer(Roots(cache, Config()), Target(suite, host_arch()), host_arch())
    subjects = sorted(p.name for p in tmp_path.iterdir() if p.suffix in (".dsc", ".deb"))
    assert len(subjects) == 2 * len(SHADES)
    tmp_path.chmod(0o755)
    with (
        throwaway(cache, layer, "lintian") as overlay,
        opened(overlay, network=False, binds=[Bind(source=tmp_path, target="/p")]) as inside,
    ):
        command = ["lintian", "--tag-display-limit=0", "--color=never", "--jobs=2", *subjects]
        done = inside.run(command, cwd="/p", env={"HOME": "/tmp", "LC_ALL": "C.UTF-8"}, check=False)
    said = [line for line in done.output.splitlines() if line[:2] in ("E:", "W:")]
    assert said == [], json.dumps(said, indent=1, ensure_ascii=False)
    assert done.returncode in (0, 2), done.output + done.error
