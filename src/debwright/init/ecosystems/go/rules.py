"""debian/rules for a Go module: the go command itself, offline, for every architecture of Debian.

dh-golang is for packages of Debian's archive: it builds in GOPATH mode with Debian's own packages
of the libraries, and does not read go.mod. Here the module's own choice of versions counts.
"""

import shlex
from collections.abc import Iterator, Sequence

from debwright.init.ecosystems.go.programs import Program
from debwright.init.ecosystems.go.toolchain import Toolchain
from debwright.init.model import Override, Rules

BUILD = "debian/go"
"""What the build makes: bin/ and the cache of go(1)."""

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
_CGO = (
    "include /usr/share/dpkg/buildtools.mk",
    "export CC CXX PKG_CONFIG",
)


def rules(
    package: str, programs: Sequence[Program], toolchain: Toolchain, *,
    vendored: bool, cgo: bool, stamps: Sequence[str], tags: Sequence[str], tested: bool,
) -> Rules:  # fmt: skip
    """What debian/rules says; `stamps` are variables that are set to the version."""
    return Rules(
        before=(*_BEFORE, *(_CGO if cgo else _PIE)),
        exports=_exports(toolchain, vendored=vendored, cgo=cgo),
        overrides=tuple(
            _overrides(package, programs, cgo=cgo, stamps=stamps, tags=tags, tested=tested)
        ),
    )


def _exports(toolchain: Toolchain, *, vendored: bool, cgo: bool) -> dict[str, str]:
    path = {"PATH": f"{toolchain.bin}:$(PATH)"} if toolchain.bin else {}
    return {
        **path,
        "GOOS": "linux",
        "GOARCH": "$(or $(GOARCH_$(DEB_HOST_ARCH)),$(DEB_HOST_ARCH))",
        "GOARM": "$(GOARM_$(DEB_HOST_ARCH))",
        "CGO_ENABLED": "1" if cgo else "0",
        "GOFLAGS": f"-trimpath -mod={'vendor' if vendored else 'readonly'}",
        # What is not in the source package is not asked for, whatever the network would say.
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOCACHE": f"$(CURDIR)/{BUILD}/cache",
        "GOPATH": f"$(CURDIR)/{BUILD}/path",
    }


def _overrides(
    package: str, programs: Sequence[Program], *,
    cgo: bool, stamps: Sequence[str], tags: Sequence[str], tested: bool,
) -> Iterator[Override]:  # fmt: skip
    nothing = "The project may have a makefile of its own; go(1) does what is needed."
    yield Override(target="override_dh_auto_clean override_dh_auto_configure", why=nothing)
    mode = ["-buildmode=pie"] if cgo else ["$(PIE_$(DEB_HOST_ARCH))"]
    set_to = " ".join(f"-X {stamp}=$(DEB_VERSION_UPSTREAM)" for stamp in stamps)
    flags = [f"-ldflags '{set_to}'"] if set_to else []
    chosen = [f"-tags {shlex.quote(','.join(tags))}"] if tags else []
    command = ["go build", *mode, *chosen, *flags, "-o"]
    yield Override(
        target="override_dh_auto_build",
        commands=tuple(
            " ".join([*command, f"{BUILD}/bin/{p.name}", shlex.quote(p.pattern)])
            for p in programs
        ),
    )  # fmt: skip
    if tested:
        yield Override(
            target="override_dh_auto_test",
            commands=(" ".join(["go test -short", *chosen, "./..."]),),
        )
    else:
        yield Override(target="override_dh_auto_test", why="The module has no tests.")
    yield Override(target="override_dh_auto_install", why="debian/*.install names the programs.")
    yield Override(
        target="override_dh_dwz",
        why="Go compresses what debuggers read, and dwz(1) does not take that.",
    )
    yield Override(
        target="execute_before_dh_gencontrol",
        why="The standard library is linked in: this says of which source it is (policy 7.8).",
        commands=(
            "go env GOROOT | sed 's,.*/go-,golang-,; s,$$,-go,' | xargs dpkg-query -W "
            "-f='misc:Static-Built-Using=$${source:Package} (= $${source:Version})\\n' "
            f">> debian/{package}.substvars",
        ),
    )  # fmt: skip
