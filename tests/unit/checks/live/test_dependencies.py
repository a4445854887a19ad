"""What a package pulls in, read from dpkg's status of the root it was installed in."""

from datetime import UTC, datetime
from pathlib import Path

from tests.kit.debs import build

from debwright.checks.live.dependencies import closure, installed_packages, pulled_in, unsatisfied
from debwright.model.manifest import Manifest
from debwright.packages.debs import read_deb
from debwright.roots.apt import unmet_names
from debwright.roots.store import Layer

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9
Installed-Size: 12000

Package: mail-x
Status: install ok installed
Architecture: amd64
Version: 1.0-1
Installed-Size: 300
Depends: libc6 (>= 2.30), libmail1 | libmail0
Provides: mail-transport-agent, mta (= 2)

Package: libmail1
Status: install ok installed
Architecture: all
Version: 1.0-1
Installed-Size: 50
Depends: mail-x

Package: extra
Status: install ok installed
Architecture: amd64
Version: 3.0-1
Installed-Size: 1000

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 3.0-1
"""


def layer(directory: Path) -> Layer:
    def manifest(*packages: str) -> Manifest:
        return Manifest(name="x", target="bookworm-amd64", parent=None, inputs={},
                        packages=packages, created=datetime.now(UTC))  # fmt: skip

    below = Layer(directory / "below", manifest("libc6:amd64=2.36-9"))
    top = Layer(
        directory / "top",
        manifest("libc6:amd64=2.36-9", "mail-x:amd64=1.0-1", "libmail1:all=1.0-1",
                 "extra:amd64=3.0-1"),
        below,
    )  # fmt: skip
    status = top.tree / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(STATUS)
    return top


def test_what_comes_with_the_package_and_what_would_do(tmp_path: Path) -> None:
    deb = build(
        tmp_path, {"/usr/bin/x": "x"}, arch="all",
        more="Depends: mail-transport-agent, libc6\n"
        "Recommends: extra, not-there | nor-this, demo\n",
    )  # fmt: skip
    pulled = pulled_in(layer(tmp_path), [read_deb(deb)])
    assert sorted(p.name for p in pulled.everything) == ["extra", "libmail1", "mail-x"]
    assert sorted(p.name for p in pulled.minimum) == ["libmail1", "mail-x"]
    assert pulled.unmet == (("demo", "not-there | nor-this"),)
    assert sum(p.size for p in pulled.everything) == 1350 * 1024


def test_cycles_alternatives_and_virtual_packages_end(tmp_path: Path) -> None:
    status = installed_packages(layer(tmp_path))
    assert [p.name for p in status] == ["libc6", "mail-x", "libmail1", "extra"]
    assert closure([{"Depends": "absent | mta"}], status) == {"mail-x", "libc6", "libmail1"}
    assert closure([{}], status) == set()
    assert list(unsatisfied("mta, libmail1 (>= 99)", status, [])) == []


def test_apts_progress_names_no_package() -> None:
    said = "Building dependency tree...\n demo : Depends: python3.13 but it is not installable\n"
    assert unmet_names(said) == ["python3.13"]
