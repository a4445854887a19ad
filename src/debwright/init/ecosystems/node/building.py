"""What debian/ does for a project of Node: its dependencies, its build, and where it goes."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from debwright.init.ecosystems.node import runners
from debwright.init.model import Override, Written
from debwright.init.overridden import PAGES, SCRIPTS, overridden

TARBALLS = "python3 npm-tarballs/npm_tarballs.py install"
LEFT_OUT = "debian/left-out"
NOT_RUNNING = (
    "debian", "npm-tarballs", "node_modules", "test", "tests", "__tests__", "coverage",
    "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml",
    "yarn.lock", "debwright.toml", "Dockerfile", "docker-compose.y*ml", "compose.y*ml", "Makefile",
    "Procfile", "LICEN[CS]E*", "COPYING*", "*.tgz", ".*",
)  # fmt: skip
"""What of the project's top directory does not run."""
HIDDEN = {"next": ".next", "nuxt": ".output", "nitro": ".output"}
"""Where frameworks build to, though the name says otherwise."""


PUBLISHED = (
    "embedded-javascript-library", "executable-not-elf-or-script", "script-not-executable",
    "unusual-interpreter", "extra-license-file",
    "package-contains-documentation-outside-usr-share-doc", "package-contains-npm-ignore-file",
    "package-contains-eslint-config-file", "nodejs-lock-file",
    "missing-notice-file-for-apache-license", *SCRIPTS, *PAGES,
)  # fmt: skip
PREBUILT = (
    "unstripped-binary-or-object", "statically-linked-binary", "embedded-library",
    "hardening-no-pie", "hardening-no-relro", "hardening-no-fortify-functions",
)  # fmt: skip
"""Tags of lintian."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """What is known of a project before its debian/ is written."""

    package: str
    carried: bool
    """Whether there are dependencies, in a component of the source package."""
    build: str | None
    """The script of package.json that builds."""
    compiled: bool
    """Whether packages are compiled for node."""
    prebuilt: bool
    """Whether packages bring programs for one architecture each."""
    everything: bool = False
    """Whether it starts by way of a package that is one of the build's."""
    runners: tuple[Written, ...] = ()
    """Programs that scripts call and the build does not have."""
    frameworks: Iterable[str] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    """Files or directories of the tree, and what they lead to."""

    @property
    def tree(self) -> str:
        """Where the project goes: below /usr/share what is the same on all machines (FHS 4.11)."""
        place = "lib" if self.compiled or self.prebuilt else "share"
        return f"/usr/{place}/{self.package}"

    @property
    def architecture(self) -> str:
        return "any" if self.compiled or self.prebuilt else "all"


def build_depends(made: Made) -> tuple[str, ...]:
    """Programs run on the machine that builds, whichever it is built for."""
    found = ["nodejs:native"]
    if made.carried:
        found.append("python3:any")
    if made.build:
        found.append("npm:native")
    if made.compiled:
        found.append("node-gyp:native")
    return tuple(found)


def depends(made: Made, oldest: str | None) -> tuple[str, ...]:
    """What is compiled is loaded by the node it was compiled with only."""
    node = "${node:Depends}" if made.compiled else f"nodejs (>= {oldest})" if oldest else "nodejs"
    own = made.compiled or made.prebuilt
    return (node, *(("${shlibs:Depends}",) if own else ()))


def overrides(made: Made) -> tuple[Override, ...]:
    return (
        *building(made),
        Override(target="override_dh_auto_test"),
        Override(target="override_dh_auto_install", commands=tuple(_installing(made))),
        *_binaries(made),
    )


def building(made: Made) -> Iterable[Override]:
    if made.build and made.carried:
        yield Override(
            target="override_dh_auto_configure",
            why="The build has what the project's developers have.",
            commands=(f"{TARBALLS} --arch $(DEB_BUILD_ARCH) --dev --target .",),
        )
    path = f"PATH=$(CURDIR)/{runners.DIRECTORY}:$$PATH " if made.runners else ""
    if made.build:
        yield Override(
            target="override_dh_auto_build",
            commands=(f"{path}npm run {shlex.quote(made.build)} --offline",),
        )
        yield Override(
            target="override_dh_auto_clean",
            commands=("rm -rf node_modules debian/home",),
        )


def _installing(made: Made) -> Iterable[str]:
    target = f"debian/{made.package}{made.tree}"
    yield f"mkdir -p {target}"
    yield (
        f"tar --create --anchored --exclude-from={LEFT_OUT} . | "
        f"tar --extract --no-same-owner --directory={target}"
    )
    for folder in sorted({HIDDEN[name] for name in made.frameworks if name in HIDDEN}):
        yield f"cp -R {folder} {target}/"
        yield f"rm -rf {target}/{folder}/cache"
    yield f"find {target} -name node_modules -prune -exec rm -rf {{}} +"
    if made.carried:
        dev = " --dev" if made.everything else ""
        yield f"{TARBALLS} --arch $(DEB_HOST_ARCH){dev} --target {target}"
    for name, to in made.links.items():
        yield f"ln -s {shlex.quote(to)} {target}/{shlex.quote(name)}"


def _binaries(made: Made) -> Iterable[Override]:
    if made.prebuilt:
        yield Override(
            target="override_dh_strip",
            why="Programs that packages bring are left as their authors made them.",
        )
        yield Override(
            target="override_dh_shlibdeps",
            commands=("dh_shlibdeps -- --ignore-missing-info --warnings=0",),
        )
    if made.compiled or made.prebuilt:
        yield Override(target="override_dh_dwz", why="Add-ons of node have nothing that it mends.")
        yield Override(target="override_dh_makeshlibs", why="No library here is for others.")
    if made.compiled:
        major = "$(shell node -p 'process.versions.node.split(\".\")[0]')"
        after = "$(shell node -p '1 + parseInt(process.versions.node)')"
        yield Override(
            target="override_dh_gencontrol",
            why="What was compiled fits this node only.",
            commands=(
                f"dh_gencontrol -- '-Vnode:Depends=nodejs (>= {major}), nodejs (<< {after}~)'",
            ),
        )


def left_out() -> Written:
    """Patterns for tar(1) of what is not installed."""
    return Written(path=LEFT_OUT, text="".join(f"./{name}\n" for name in NOT_RUNNING))


def lintian(made: Made) -> tuple[str, ...]:
    """Tags that a tree of npm's packages meets, each group after its reason."""
    return overridden(
        "Packages of npm's registry come as their authors publish them, in a tree of their own.",
        (*PUBLISHED, *(PREBUILT if made.prebuilt else ())),
    )
