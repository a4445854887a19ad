"""`go mod vendor` in a root: a module goes into the source package, and is built offline."""

import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright
from tests.kit.modules import add_module

pytestmark = pytest.mark.minutes(0.3)

BELL = 'package bell\n\nfunc Ring() string { return "ding" }\n'
# No net/http: compiling it as a position-independent program is most of such a build's time.
PROGRAM = """\
package main

import "example.com/bell"

var version = "dev"

func main() { println(bell.Ring(), version) }
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Debwright:
    """A program and the module that it needs, served by a proxy that is a directory."""
    library = tmp_path / "bell"
    library.mkdir()
    (library / "go.mod").write_text("module example.com/bell\n\ngo 1.19\n")
    (library / "bell.go").write_text(BELL)
    project = tmp_path / "ringer"
    project.mkdir()
    summed = add_module(tmp_path / "proxy", "example.com/bell", "v1.0.0", library)
    (project / "go.sum").write_text(summed)
    (project / "go.mod").write_text(
        "module example.org/ringer\n\ngo 1.19\n\nrequire example.com/bell v1.0.0\n"
    )
    (project / "main.go").write_text(PROGRAM)
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path}/proxy")
    debwright = Debwright(project)
    assert debwright("init", "--yes").code == 0
    return debwright


def test_a_module_is_carried_and_built_offline(module: Debwright, tmp_path: Path) -> None:
    run = module("build", "-t", "bookworm-amd64")
    assert run.code == 0, run.said[-3000:]
    carried = next(run.dist.rglob("ringer_*.orig-vendor.tar.gz"))
    with tarfile.open(carried) as tar:
        assert {"vendor/modules.txt", "vendor/example.com/bell/bell.go"} <= set(tar.getnames())
    deb = next(run.dist.rglob("ringer_*_amd64.deb"))
    subprocess.run(["dpkg-deb", "-x", deb, tmp_path / "unpacked"], check=True)
    said = subprocess.run(
        [tmp_path / "unpacked/usr/bin/ringer"], check=True, capture_output=True, text=True
    ).stderr
    assert said == "ding 0.1.0\n"


def test_a_module_that_is_not_the_one_of_go_sum_is_refused(
    module: Debwright, tmp_path: Path
) -> None:
    path = module.directory / "go.sum"
    path.write_text(path.read_text().replace("v1.0.0 h1:", "v1.0.0 h1:AAAA"))
    run = module("build", "-t", "bookworm-amd64")
    assert run.code == 3
    assert "a module is not the one that go.sum names" in run.said
    assert not list(tmp_path.rglob("*.deb"))


def test_a_proxy_that_does_not_answer_is_named(
    module: Debwright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")
    path = module.directory / "go.sum"
    path.write_text(path.read_text() + "\n")
    (module.directory / "go.mod").write_text(
        (module.directory / "go.mod").read_text().replace("v1.0.0", "v1.0.1")
    )
    path.write_text(path.read_text().replace("v1.0.0", "v1.0.1"))
    run = module("build", "-t", "bookworm-amd64")
    assert run.code == 5
    assert "could not be fetched from http://127.0.0.1:9" in run.said
    again = f"GOPROXY=https://PROXY debwright -C {module.directory} run"
    assert again in " ".join(run.said.split())
