"""The modules that a Go program is made of, put into its source package by `go mod vendor`."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlparse

from pydantic import Field

from debwright.config import Config
from debwright.config import values as v
from debwright.config.section import Section
from debwright.host.process import Completed
from debwright.isolation.namespaces import Bind
from debwright.model.errors import DebwrightError, UsageError
from debwright.source import vendoring
from debwright.source.carrier import Asked, Carrier
from debwright.source.make import project_files
from debwright.source.vendoring import DOWNLOADS, Reason, Tool, Vendoring

PROXY = "https://proxy.golang.org,direct"
"""Where go(1) fetches modules when GOPROXY does not say otherwise."""
PASSED = ("GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB", "GOINSECURE")
"""Variables of the environment that say where modules come from (`go help environment`)."""
_PATH = re.compile(r'"([a-z0-9-]+(?:\.[a-z0-9-]+)+/[^"\s]+)"')
_VERSIONED = re.compile(r"golang-(1\.\d+)-go")
_UNREACHABLE = re.compile(
    r"dial tcp|no such host|connection refused|i/o timeout|TLS handshake|x509:|"
    r"Could not resolve host|(?:4|5)\d\d [A-Z][a-z]+|module lookup disabled|proxyconnect"
)
_HASH = re.compile(r"checksum mismatch|SECURITY ERROR")
_LOCK = re.compile(
    r"missing go\.sum entry|updates to go\.(?:mod|sum) needed|no required module provides"
)
_OLD = re.compile(r"requires go >= |invalid go version|unknown directive: toolchain")


class Go(Section, table="go", optional=True):
    """The modules of go.mod become a part of the source package."""

    toolchain: v.PackageName = Field(
        "golang-go", description="The package with the Go that collects them, as golang-1.23-go."
    )


class GoCarrier(Carrier):
    """Modules, as go.sum has them."""

    def asked(self, config: Config, source: Path) -> Asked:
        settings = config.given(Go)
        assert settings is not None
        if not (source / "go.sum").is_file():
            raise UsageError(
                "there is no go.sum, which says what the modules of go.mod must be",
                cause="each module is checked against its hash there",
                fix="go mod tidy",
            )
        environment = {name: os.environ[name] for name in PASSED if os.environ.get(name)}
        tool = Tool(
            title="go mod vendor",
            package=settings.toolchain,
            command=[_program(settings.toolchain), "mod", "vendor"],
            environment={
                **environment,
                "GOPATH": f"{DOWNLOADS}/go",
                "GOCACHE": "/tmp/go-cache",  # noqa: S108 - in a root of its own
                "GOTOOLCHAIN": "local",
                "GOFLAGS": "-modcacherw",
            },
            binds=tuple(_local(environment)),
            explain=lambda done: explain(done, environment.get("GOPROXY", PROXY)),
            finish=_finish,
        )
        return Vendoring(tool=tool, source=source, config=config, inputs=_inputs(settings, source))


CARRIER = GoCarrier()


def _program(package: str) -> str:
    """go(1) of the package: one that is not the suite's own has no link in /usr/bin."""
    match = _VERSIONED.fullmatch(package)
    return f"/usr/lib/go-{match[1]}/bin/go" if match else "go"


def _inputs(settings: Go, source: Path) -> Mapping[str, object]:
    """What decides which packages of which modules are taken: the requirements and the imports."""
    imports: set[str] = set()
    for name in project_files(source):
        if name.endswith(".go") and not name.startswith("vendor/"):
            imports.update(_PATH.findall((source / name).read_text(errors="replace")))
    files = {n: (source / n).read_text(errors="replace") for n in ("go.mod", "go.sum")}
    return {"toolchain": settings.toolchain, "imports": sorted(imports), **files}


def _local(environment: Mapping[str, str]) -> Iterator[Bind]:
    """Directories that GOPROXY names by file:// addresses."""
    for place in re.split(r"[,|]", environment.get("GOPROXY", "")):
        address = urlparse(place.strip())
        if address.scheme == "file" and Path(unquote(address.path)).is_dir():
            path = Path(unquote(address.path))
            yield Bind(source=path, target=str(path))


def _finish(tree: Path, done: Completed) -> int:
    del done
    text = (tree / "vendor/modules.txt").read_text(errors="replace")
    return sum(line.startswith("# ") for line in text.splitlines())


def explain(done: Completed, proxy: str) -> DebwrightError:
    """What a failure of `go mod vendor` means; `proxy` is where it asked."""
    return vendoring.explain("go mod vendor", done, _reasons(proxy), noise="downloading", lines=6)


def _reasons(proxy: str) -> tuple[Reason, ...]:
    return (
        Reason(
            said=_OLD,
            code="vendor/too-old",
            what="the Go of this root is older than the project needs",
            cause="go.mod, or a module that it requires, asks for a newer Go",
            fix='[go] toolchain = "golang-1.NN-go" in debwright.toml names another one; newer '
            "suites have a newer one",
        ),
        Reason(
            said=_HASH,
            code="vendor/hash",
            what="a module is not the one that go.sum names",
            cause=f"what {proxy} serves has changed, or go.sum was written for another version",
            fix="go clean -modcache && go mod verify",
        ),
        Reason(
            said=_LOCK,
            code="vendor/lock",
            what="go.mod and go.sum do not name everything that is imported",
            cause="they were not brought up to date",
            fix="go mod tidy",
        ),
        Reason(
            said=_UNREACHABLE,
            what=f"the modules of go.mod could not be fetched from {proxy}",
            cause="this machine does not reach it; a build has no network, so that the modules are "
            "fetched before, and once",
            fix="GOPROXY=https://PROXY debwright run, with a proxy or file:///DIRECTORY that has "
            "them; or, where they can be reached: go mod vendor && debwright init",
        ),
    )
