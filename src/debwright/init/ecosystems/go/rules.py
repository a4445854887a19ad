"""debian/rules for a Go module: the go command itself, offline, for every architecture of Debian.

dh-golang is for packages of Debian's archive: it builds in GOPATH mode with Debian's own packages
of the libraries, and does not read go.mod. Here the module's own choice of versions counts.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from debwright.init.ecosystems.go.archive import SOURCES
from debwright.init.ecosystems.go.modules import ARCHIVE, CARRIED, IN_TREE, NONE
from debwright.init.ecosystems.go.programs import Program
from debwright.init.ecosystems.go.toolchain import Toolchain
from debwright.init.model import Override, Rules
from debwright.init.natively import linked, mark_crossed

BUILD = "debian/go"
"""What the build makes: bin/ and the cache of go(1)."""
CROSSED = f"{BUILD}/crossed"

_BEFORE = (
    "include /usr/share/dpkg/architecture.mk",
    "include /usr/share/dpkg/pkg-info.mk",
    "",
    "# Go's names of architectures, where they are not Debian's (https://go.dev/wiki/GoArm).",
    "GOARCH_armel = arm",
    "GOARCH_armhf = arm",
    "GOARCH_i386 = 386",
    "GOARCH_mips64el = mips64le",
    "GOARCH_ppc64el = ppc64le",
    "GOARM_armel = 5",
    "GOARM_armhf = 7",
)
_PIE = (
    "# Where Go makes position-independent programs without a C linker.",
    "PIE_amd64 = -buildmode=pie",
    "PIE_arm64 = -buildmode=pie",
)
PIE_OVERRIDES = (
    "# A position-independent program of Go needs no library; it is no library itself.",
    "shared-library-lacks-prerequisites [usr/bin/*]",
)
_CGO = (
    "include /usr/share/dpkg/buildtools.mk",
    "export CC CXX PKG_CONFIG",
)


@dataclass(frozen=True, kw_only=True)
class Build:
    """How a module is built."""

    package: str
    module: str
    programs: Sequence[Program]
    toolchain: Toolchain
    modules: str
    """Where modules come from: a kind of go/modules.py."""
    cgo: bool
    stamps: Sequence[str]
    """Variables that are set to the version."""
    tags: Sequence[str]
    tested: bool

    @property
    def place(self) -> str:
        """Where go(1) runs, when that is not the top: a place in a GOPATH."""
        return f"{BUILD}/path/src/{self.module}" if self.modules == ARCHIVE else ""


def rules(build: Build) -> Rules:
    """What debian/rules says."""
    return Rules(
        before=(*_path(build.toolchain), *_BEFORE, *(_CGO if build.cgo else _PIE)),
        exports=_exports(build),
        overrides=tuple(_overrides(build)),
    )


def _path(toolchain: Toolchain) -> Iterator[str]:
    """The Go that is not /usr/bin/go; assigned at once, since it names itself."""
    if toolchain.bin:
        yield from (f"export PATH := {toolchain.bin}:$(PATH)", "")


def _exports(build: Build) -> dict[str, str]:
    mode = {NONE: " -mod=readonly", IN_TREE: " -mod=vendor", CARRIED: " -mod=vendor", ARCHIVE: ""}
    debians = {"GO111MODULE": "off"} if build.modules == ARCHIVE else {}
    more = f":{SOURCES}" if build.modules == ARCHIVE else ""
    return {
        "GOOS": "linux",
        "GOARCH": "$(or $(GOARCH_$(DEB_HOST_ARCH)),$(DEB_HOST_ARCH))",
        "GOARM": "$(GOARM_$(DEB_HOST_ARCH))",
        "CGO_ENABLED": "1" if build.cgo else "0",
        "GOFLAGS": f"-trimpath{mode[build.modules]}",
        **debians,
        # What is not in the source package is not asked for, whatever the network would say.
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOCACHE": f"$(CURDIR)/{BUILD}/cache",
        "GOPATH": f"$(CURDIR)/{BUILD}/path{more}",
    }


def _overrides(build: Build) -> Iterator[Override]:
    nothing = "The project may have a makefile of its own; go(1) does what is needed."
    if build.place:
        yield Override(target="override_dh_auto_clean", why=nothing)
        yield Override(
            target="override_dh_auto_configure",
            why="Debian's packages of modules are for a GOPATH, and the project must be in it.",
            commands=(
                f"mkdir -p {build.place}",
                f"tar -c --exclude=./debian --exclude=./.git . | tar -x -C {build.place}",
            ),
        )
    else:
        yield Override(target="override_dh_auto_clean override_dh_auto_configure", why=nothing)
    if build.tested:
        yield Override(target="execute_before_dh_auto_build", commands=(mark_crossed(CROSSED),))
    go = f"cd {build.place} && go" if build.place else "go"
    chosen = [f"-tags {shlex.quote(','.join(build.tags))}"] if build.tags else []
    yield Override(target="override_dh_auto_build", commands=tuple(_builds(build, go, chosen)))
    if build.tested:
        command = " ".join([f"{go} test -short -vet=off", *chosen, "./..."])
        # Without vet: it is the author's linter, and a newer Go's finds fault with older code.
        yield Override(
            target="override_dh_auto_test",
            why="Compiling the tests under an emulator takes longer than all of the rest.",
            commands=(command,),
            unless=CROSSED,
        )
    else:
        yield Override(target="override_dh_auto_test", why="The module has no tests.")
    yield Override(target="override_dh_auto_install", why="debian/*.install names the programs.")
    yield Override(
        target="override_dh_dwz",
        why="Go compresses what debuggers read, and dwz(1) does not take that.",
    )
    standard = "$$(go env GOROOT | sed 's,.*/go-,golang-,; s,$$,-go,')"
    debians = " 'golang-*-dev'" if build.modules == ARCHIVE else ""
    yield linked(build.package, standard + debians)


def _builds(build: Build, go: str, chosen: Sequence[str]) -> Iterator[str]:
    mode = "-buildmode=pie" if build.cgo else "$(PIE_$(DEB_HOST_ARCH))"
    set_to = " ".join(f"-X {stamp}=$(DEB_VERSION_UPSTREAM)" for stamp in build.stamps)
    flags = [f"-ldflags '{set_to}'"] if set_to else []
    for program in build.programs:
        output = f"$(CURDIR)/{BUILD}/bin/{program.name}"
        words = [go, "build", mode, *chosen, *flags, "-o", output, shlex.quote(program.pattern)]
        yield " ".join(words)
