"""A target's root from an image that is pulled by name, instead of by mmdebstrap.

What a distribution publishes as an image is what many users have; and where its archive's keyring
is not on this machine, so that no root can be made, there may still be one.
"""

from pathlib import Path
from tempfile import mkdtemp

from debwright.host.process import LineSink
from debwright.isolation.namespaces import Namespaces, Spec
from debwright.model.errors import CheckError, UsageError
from debwright.model.targets import Target
from debwright.roots import apt
from debwright.roots.bootstrap import mirror_state, packages_in
from debwright.roots.layers import Roots
from debwright.roots.store import Layer, Made, Request
from debwright.systems.container.engine import Engine
from debwright.systems.facts import facts_of, mismatch

_LEFT_OUT = (
    # The engine's own, empty, where a container has files of its making.
    "dev/*", ".dockerenv", "run/.containerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf",
    # For containers that run one program: the first lets no service start, the second throws away
    # what apt downloads.
    "usr/sbin/policy-rc.d", "etc/apt/apt.conf.d/docker-clean",
)  # fmt: skip
IMAGE = "image"
"""The entry of a layer's manifest that holds the image's digest."""


def image_root(
    engine: Engine, roots: Roots, target: Target, name: str, sink: LineSink | None
) -> Layer:
    """The image's files with the package lists of its own archives, to be booted.

    As old as a root of debwright's own may be. Raises UsageError when it is no system of the
    target, and MissingError when it cannot be had.
    """

    def make(scratch: Path) -> Made:
        return apt.retry(
            lambda: _unpacked(engine, target, name, Path(mkdtemp(dir=scratch))), note=roots.note
        )

    def change(inside: Namespaces, _: Path) -> None:
        apt.get(inside, ["update"], what=f"{target}: reading the package lists", sink=sink)

    pulled, _ = roots.store.ensure(_request(roots, target, name), make)
    return roots.custom("image", target, pulled, {}, change)


def pulled_id(roots: Roots, target: Target, name: str) -> str | None:
    """Of the image's files as they were pulled; None while they are not, or are too old."""
    pulled, _ = roots.store.find(_request(roots, target, name))
    return pulled.id if pulled else None


def _request(roots: Roots, target: Target, name: str) -> Request:
    return Request(
        "pulled", str(target), {"image": name}, max_age_days=roots.config.roots.max_age_days
    )


def digest_of(layer: Layer) -> str | None:
    """The digest of the image that the layer stands on, if it does."""
    return next((d for one in layer.chain() if (d := one.manifest.mirror.get(IMAGE))), None)


def _unpacked(engine: Engine, target: Target, name: str, scratch: Path) -> Made:
    image = engine.pull_image(name, target.arch)
    tarball, tree = scratch / "image.tar", scratch / "tree"
    engine.export_image(image.id, tarball)
    with Namespaces(Spec(network=False)) as inside:
        inside.run(["mkdir", "-m755", str(tree)])
        inside.run(
            ["tar", "--extract", "--numeric-owner", "--anchored",
             *(f"--exclude={pattern}" for pattern in _LEFT_OUT),
             f"--file={tarball}", f"--directory={tree}"],
            timeout=900,
        )  # fmt: skip
    tarball.unlink()
    if not (tree / "var/lib/dpkg/status").is_file():
        raise UsageError(
            f"the image {name} is no system of {target}: it has no dpkg",
            fix="name one of Debian, Ubuntu or Raspberry Pi OS in [environments.images]",
        )
    if why := mismatch(facts_of(image.arch, _release(tree)), target):
        raise UsageError(
            f"the image {name} is no system of {target}: {why}",
            fix=f"name another image for {target} in [environments.images]",
        )
    return Made(tree, packages_in(tree), {**mirror_state(tree), IMAGE: image.id})


def _release(tree: Path) -> str:
    """os-release(5) of the unpacked image; never a file outside of it."""
    path = (tree / "usr/lib/os-release").resolve()
    try:
        if not path.is_relative_to(tree.resolve()):
            raise CheckError("usr/lib/os-release of the image leads out of it")
        return path.read_text("utf-8", "replace")[:65536]
    except OSError:
        return ""
