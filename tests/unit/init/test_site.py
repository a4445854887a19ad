"""A site is enabled when it is new, stays as its administrator has it, and leaves nothing."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from debwright.init.model import Guess
from debwright.init.site import Site, own_port

Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def system(tmp_path: Path) -> tuple[Path, Script]:
    """A root with nginx's directories, and the maintainer scripts as they would run in it."""
    root = tmp_path / "root"
    for place in ("etc/nginx/sites-available", "etc/nginx/sites-enabled", "var/lib", "bin"):
        (root / place).mkdir(parents=True)
    for name in ("nginx", "invoke-rc.d"):
        (root / "bin" / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {root}/called\n')
        (root / "bin" / name).chmod(0o755)
    written = {f.path: f.text for f in Site(package="pages", port=own_port("pages")).files()}

    def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        text = written[f"debian/pages.{script}"]
        text = text.replace("/etc/", f"{root}/etc/").replace("/var/", f"{root}/var/")
        return subprocess.run(
            ["sh", "-c", text, script, *arguments], check=True, capture_output=True, text=True,
            env={**os.environ, "PATH": f"{root}/bin:{os.environ['PATH']}"},
        )  # fmt: skip

    return root, run


def test_a_new_site_is_enabled_and_nginx_reloaded(system: tuple[Path, Script]) -> None:
    root, run = system
    run("postinst", "configure", "")
    link = root / "etc/nginx/sites-enabled/pages"
    assert link.readlink() == root / "etc/nginx/sites-available/pages"
    assert (root / "called").read_text().splitlines() == ["nginx -t -q", "invoke-rc.d nginx reload"]


def test_an_administrator_s_choice_outlives_an_upgrade(system: tuple[Path, Script]) -> None:
    root, run = system
    run("postinst", "configure", "")
    link = root / "etc/nginx/sites-enabled/pages"
    link.unlink()
    run("prerm", "upgrade", "2.0")
    run("postinst", "configure", "1.0")
    assert not link.is_symlink()


def test_what_was_enabled_comes_back_and_purging_leaves_nothing(
    system: tuple[Path, Script],
) -> None:
    root, run = system
    run("postinst", "configure", "")
    link = root / "etc/nginx/sites-enabled/pages"
    run("prerm", "remove")
    assert not link.is_symlink()
    run("postrm", "remove")
    run("postinst", "configure", "1.0")
    assert link.is_symlink()
    assert not (root / "var/lib/pages").exists()
    run("prerm", "remove")
    run("postrm", "purge")
    assert not link.is_symlink()
    assert not (root / "var/lib/pages").exists()


def test_a_mistake_of_another_site_does_not_stop_the_installation(
    system: tuple[Path, Script],
) -> None:
    root, run = system
    (root / "bin/nginx").write_text("#!/bin/sh\nexit 1\n")
    assert "nginx is not reloaded" in run("postinst", "configure", "").stderr
    assert not (root / "called").exists()


def test_caddy_has_a_unit_of_the_package_s_own() -> None:
    site = Site(package="pages", server="caddy", port=Guess(value="9000", seen=None), one_page=True)
    assert (site.unit.name, site.unit.theirs) == ("pages.service", False)
    (file,) = site.files()
    assert ":9000 {\n\troot * /usr/share/pages\n\ttry_files {path} /index.html\n" in file.text
    assert "admin off" in file.text  # Debian's own Caddy has the port of the administration
