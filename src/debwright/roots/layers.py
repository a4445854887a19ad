"""The layers debwright builds on and checks on, and how each is made.

base ── build ── builddeps                    native and emulated builds
          └───── cross-ARCH ── builddeps      cross builds
  └──── boot ── rundeps                       checks on a booted system
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debwright.config import Config, Suite
from debwright.host import usage
from debwright.host.process import LineSink
from debwright.isolation.emulation import prove
from debwright.isolation.namespaces import Namespaces
from debwright.model.manifest import digest
from debwright.model.targets import Target
from debwright.roots import apt
from debwright.roots.bootstrap import base_inputs, bootstrap
from debwright.roots.cache import Cache
from debwright.roots.overlay import make_throwaway, opened
from debwright.roots.store import Layer, LayerStore, Made, Request

BUILDER_UID = 1234
"""The unprivileged user builds run as; the same everywhere, so that it never shows in a file."""

_BUILD_PACKAGES = ("build-essential", "fakeroot")
# procps has priority important and so is everywhere but in the smallest of containers: its kill is
# what the ExecReload= of many units calls.
_BOOT_PACKAGES = ("systemd-sysv", "dbus", "procps")

Change = Callable[[Namespaces, Path], None]
"""What a layer does to the root; the path is the scratch directory with the archives overlay."""


def _ignore(_: str) -> None:
    return None


@dataclass
class Roots:
    """Gives out layers, making what is not there. Safe to use from several threads."""

    cache: Cache
    config: Config
    note: Callable[[str], None] = _ignore
    fetched: list[int] = field(default_factory=list)
    """Bytes downloaded, an entry for each layer made."""

    def __post_init__(self) -> None:
        self.store = LayerStore(self.cache)

    def suite(self, target: Target) -> Suite:
        return self.config.suites.get(target.suite) or Suite()

    def base_request(self, target: Target) -> Request:
        return Request(
            "base",
            str(target),
            base_inputs(target, self.suite(target)),
            max_age_days=self.config.roots.max_age_days,
        )

    def base(self, target: Target, sink: LineSink | None = None) -> Layer:
        """Essential packages and apt, with package lists at most `roots.max_age_days` old."""
        suite = self.suite(target)
        layer, _ = self.store.ensure(
            self.base_request(target),
            lambda scratch: apt.retry(
                lambda: bootstrap(target, suite, _empty(scratch), sink), note=self.note
            ),
        )
        return layer

    def build(self, target: Target, sink: LineSink | None = None) -> Layer:
        """The base with build-essential and the user that builds."""
        extra = sorted(self.config.roots.variant_extra_packages)
        packages = (*_BUILD_PACKAGES, *extra)

        def change(inside: Namespaces, scratch: Path) -> None:
            if inside.is_emulated:
                prove(inside, target.arch)
            # man-db's index is rebuilt by a trigger at every installation: minutes under qemu.
            inside.run(
                ["debconf-set-selections"], stdin="man-db man-db/auto-update boolean false\n"
            )
            self._install(inside, scratch, packages, sink, str(target))
            inside.run(
                ["useradd", "--create-home", "--home-dir=/build", "--shell=/bin/sh",
                 f"--uid={BUILDER_UID}", "--user-group", "builder"]
            )  # fmt: skip

        return self._layer("build", target, self.base(target, sink), {"packages": packages}, change)

    def cross(self, target: Target, host_arch: str, sink: LineSink | None = None) -> Layer:
        """The build layer with the toolchain for another architecture (Multi-Arch)."""
        # The last two are what sbuild adds too: the compiler alone lacks the target's C library as
        # a Multi-Arch package, which build dependencies link against. They are virtual packages
        # with several providers, which only `satisfy` resolves.
        packages = (
            f"crossbuild-essential-{host_arch}",
            f"libc-dev:{host_arch}",
            f"libstdc++-dev:{host_arch}",
        )

        def change(inside: Namespaces, scratch: Path) -> None:
            inside.run(["dpkg", "--add-architecture", host_arch])
            apt.get(inside, ["update"], what=f"{target}: reading the {host_arch} lists", sink=sink)
            arguments = ["satisfy", "--no-install-recommends", ", ".join(packages)]
            self.install(inside, scratch, arguments, sink, str(target))

        parent = self.build(target, sink)
        return self._layer(f"cross-{host_arch}", target, parent, {"packages": packages}, change)

    def boot(
        self, target: Target, sink: LineSink | None = None, *, base: Layer | None = None
    ) -> Layer:
        """The base with systemd as its init: what a small machine of this suite looks like.

        `base` stands in for the usual one.
        """
        below = base or self.base(target, sink)

        def change(inside: Namespaces, scratch: Path) -> None:
            self._install(inside, scratch, _BOOT_PACKAGES, sink, str(target))
            # Each root would otherwise carry the same machine-id; empty means "made at first boot".
            inside.run(["sh", "-c", ": > /etc/machine-id"])

        inputs = {"packages": _BOOT_PACKAGES}
        return self._layer("boot", target, below, inputs, change)

    def custom(
        self, name: str, target: Target, parent: Layer, inputs: dict[str, Any], change: Change
    ) -> Layer:
        """A layer whose content the caller decides; `inputs` must say all it depends on."""
        return self._layer(name, target, parent, inputs, change)

    def _install(
        self,
        inside: Namespaces,
        scratch: Path,
        packages: Sequence[str],
        sink: LineSink | None,
        what: str,
    ) -> None:
        self.install(inside, scratch, ["install", "--no-install-recommends", *packages], sink, what)

    def install(
        self,
        inside: Namespaces,
        scratch: Path,
        arguments: Sequence[str],
        sink: LineSink | None,
        what: str,
    ) -> None:
        """Download, take the packages over into the cache, and only then run their scripts."""
        wanted = f"{what}: apt-get {' '.join(arguments)[:120]}"
        self.download(inside, scratch, arguments, sink, wanted)
        apt.get(inside, arguments, what=wanted, sink=sink)

    def download(
        self,
        inside: Namespaces,
        scratch: Path,
        arguments: Sequence[str],
        sink: LineSink | None,
        what: str,
    ) -> None:
        """Have apt download what `arguments` would install, and keep it in the cache.

        A file of the cache is used only where it has the SHA-256 of the signed index: apt itself
        looks at its size.
        """
        debs = self._debs(scratch)
        listed = apt.get(inside, [*apt.LIST_DOWNLOADS, *arguments], what=what)
        if altered := debs.altered(listed.output):
            inside.run(["rm", "-f", *(f"{apt.ARCHIVES}/{name}" for name in altered)])
        apt.get(inside, ["--download-only", *arguments], what=what, sink=sink)
        self.fetched.append(debs.keep(scratch))
        usage.fetched(self.fetched[-1])

    def debs(self, target: Target) -> Path:
        """Where packages for `target` are kept: apart for all that the trust in them depends on."""
        trust = digest(base_inputs(target, self.suite(target)))
        return self.cache.debs(f"{target}-{trust}")

    def _debs(self, scratch: Path) -> apt.DebCache:
        return apt.DebCache(self.debs(Target.parse((scratch / "target").read_text())))

    @contextmanager
    def root_for_change(self, scratch: Path, target: Target, parent: Layer) -> Iterator[Namespaces]:
        """An overlay on `parent` with the network and the package cache, for installing."""
        (scratch / "target").write_text(str(target))
        overlay = make_throwaway(scratch, parent)
        archives = self._debs(scratch).lend(scratch)
        with opened(overlay, network=True, submounts=[archives]) as inside:
            yield inside

    def _layer(
        self, name: str, target: Target, parent: Layer, inputs: dict[str, Any], change: Change
    ) -> Layer:
        def make(scratch: Path) -> Made:
            again = any(scratch.glob("try*"))
            work = _empty(scratch)
            with self.root_for_change(work, target, parent) as inside:
                if again:
                    # The base's package lists may be days old and name files that are gone.
                    apt.get(inside, ["update"], what=f"{target}: reading the package lists anew")
                change(inside, work)
                packages = apt.installed(inside)
            return Made(work / "upper", packages, {})

        request = Request(name, str(target), _plain(inputs), parent)
        layer, _ = self.store.ensure(
            request, lambda scratch: apt.retry(lambda: make(scratch), note=self.note)
        )
        return layer


def _empty(scratch: Path) -> Path:
    """A fresh directory for each attempt: what a failed one left must not be built upon."""
    number = sum(1 for _ in scratch.glob("try*"))
    path = scratch / f"try{number}"
    path.mkdir(mode=0o755)
    return path


def _plain(inputs: dict[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in inputs.items()}
