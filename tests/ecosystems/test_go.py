"""Go modules: docs/ecosystems/go.md."""

from pathlib import Path

import pytest

from tests.ecosystems.conftest import Packaged, Unpacked, passed
from tests.kit.modules import add_module
from tests.kit.pages import TOP, blocks

pytestmark = [pytest.mark.apart, pytest.mark.minutes(3)]
PAGE = TOP / "docs/ecosystems/go.md"
SERVES = ("service", "steady", "restart", "reboot", "purge", "lintian", "hardening", "smoke")
MUX = "github.com/gorilla/mux"

# Two programs, a makefile that does something else, tests, and a version to be stamped.
ROUTES = {
    "go.mod": f"module example.org/routes\n\ngo 1.19\n\nrequire {MUX} v1.8.0\n",
    "Makefile": "all test clean:\n\texit 1\n",
    "cmd/routesd/main.go": """\
package main

import (
	"flag"
	"log"
	"net/http"

	"example.org/routes/internal/build"
	"github.com/gorilla/mux"
)

func main() {
	addr := flag.String("addr", ":8377", "where to listen")
	show := flag.Bool("version", false, "show the version")
	flag.Parse()
	if *show {
		println(build.Version)
		return
	}
	r := mux.NewRouter()
	r.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) })
	log.Fatal(http.ListenAndServe(*addr, r))
}
""",
    "cmd/routesctl/main.go": 'package main\n\nimport "flag"\n\nfunc main() { flag.Parse() }\n',
    "internal/build/build.go": 'package build\n\nvar Version = "dev"\n',
    "internal/build/build_test.go": """\
package build

import "testing"

func TestVersion(t *testing.T) {
	if Version == "" {
		t.Fatal("there is none")
	}
}
""",
}


def test_the_example_of_the_page(packaged: Packaged) -> None:
    files = {b.value: b.text for b in blocks(PAGE) if b.mark == "example"}
    passed(packaged("pinger", files), *SERVES)


def test_modules_are_carried(
    packaged: Packaged, unpacked: Unpacked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = unpacked("golang-github-gorilla-mux-dev") / "usr/share/gocode/src" / MUX
    summed = add_module(tmp_path / "proxy", MUX, "v1.8.0", source)
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path}/proxy")
    passed(packaged("routes", {**ROUTES, "go.sum": summed}), *SERVES)


def test_debians_modules(packaged: Packaged) -> None:
    """Without go.sum they are Debian's."""
    passed(packaged("routes", ROUTES), *SERVES)
