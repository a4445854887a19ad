"""A few functions of the C library for emulated systems, compiled from preload.c and cached."""

import hashlib
from pathlib import Path

from debwright.host.files import atomic_write
from debwright.host.machine import host_arch
from debwright.model.targets import Target, can_cross, suite_info
from debwright.roots.layers import Roots
from debwright.roots.store import Layer

SOURCE = Path(__file__).with_name("preload.c")
EXECUTOR = "usr/lib/systemd/systemd-executor"
"""What systemd has since 255, and starts every service with."""

_FLAGS = ("-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-s",
          "-Wl,-z,max-page-size=4096")  # fmt: skip


def preload_for(roots: Roots, target: Target, layer: Layer) -> Path | None:
    """The library for an emulated system of `target` on `layer`; None where it needs none.

    Raises DebwrightError when the cross compiler cannot be installed or fails.
    """
    if not can_cross(host_arch(), target.arch):
        return None
    if not any((below.tree / EXECUTOR).exists() for below in layer.chain()):
        return None
    key = hashlib.sha256(SOURCE.read_bytes() + " ".join(_FLAGS).encode()).hexdigest()[:16]
    path = roots.cache.root / "preload" / f"{target}-{key}.so"
    with roots.cache.lock(f"preload-{target}"):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, _compiled(roots, target))
    return path


def _compiled(roots: Roots, target: Target) -> bytes:
    """In a root of the same suite, so that no symbol is newer than the system's library."""
    machine = Target(suite_info(target.suite).codename, host_arch())
    triplet = target.architecture.gnu
    packages = (f"gcc-{triplet.replace('_', '-')}", f"libc6-dev-{target.arch}-cross")
    base = roots.base(machine)
    with (
        base.in_use(),
        roots.cache.scratch("preload") as scratch,
        roots.root_for_change(scratch, machine, base) as inside,
    ):
        arguments = ["install", "--no-install-recommends", *packages]
        roots.install(inside, scratch, arguments, None, f"{machine}: a compiler")
        compiler = [f"{triplet}-gcc", *_FLAGS, "-x", "c", "-o", "/preload.so", "-"]
        inside.run(compiler, stdin=SOURCE.read_bytes(), merge=True, timeout=300)
        return (scratch / "upper/preload.so").read_bytes()
