"""Live checks in Docker: the image is debwright's own root with the package's dependencies.

The root may itself come from an image that is pulled by name.
"""

from contextlib import ExitStack
from pathlib import Path

from debwright.checks.engine.base import CheckContext
from debwright.checks.engine.environment import Open
from debwright.checks.engine.images import digest_of, image_root
from debwright.checks.engine.runtime import copy_into, repository_for, runtime_layer
from debwright.checks.engine.session import Session
from debwright.host.machine import emulator_environment
from debwright.isolation.emulation import for_qemu_user
from debwright.isolation.namespaces import Namespaces, Spec
from debwright.roots.overlay import make_throwaway
from debwright.roots.preload import preload_for
from debwright.roots.store import Layer
from debwright.systems.docker import DockerSandbox, docker_problem, has_image, import_image


class DockerEnvironment:
    """A container of an image that holds what nspawn would boot."""

    kind = "docker"
    elsewhere = True
    several = False

    def __str__(self) -> str:
        return self.kind

    def unavailable(self) -> str | None:
        return None

    def layer(self, context: CheckContext) -> Layer:
        """See Environment; on an image that `[environments.images]` names for the target."""
        roots, target, boot = context.roots, context.target, None
        if name := context.config.environments.images.get(str(target)):
            boot = roots.boot(
                target, context.log, base=image_root(roots, target, name, context.log)
            )
        return runtime_layer(
            roots, target, context.installable, context.log, companions=context.companions,
            boot=boot,
        )  # fmt: skip

    def prepare(self, context: CheckContext, _: ExitStack) -> Open:
        """See Environment. Raises MissingError when there is no docker, or no daemon."""
        if problem := docker_problem():
            raise problem
        layer = self.layer(context)
        return lambda stack: _open(context, layer, stack)


def _open(context: CheckContext, layer: Layer, stack: ExitStack) -> Session:
    stack.enter_context(layer.in_use())
    directory = stack.enter_context(context.cache.scratch("check"))
    image = image_of(context, layer, directory)
    content = directory / "content"
    content.mkdir(mode=0o755)
    copy_into(content, repository_for(directory / "repository", context.installable, layer))
    preload = preload_for(context.roots, context.target, layer)
    if context.emulated:
        for_qemu_user(content, dict(emulator_environment(context.target.arch)), preload=preload)
    context.activity("booting")
    system = stack.enter_context(
        DockerSandbox(
            image,
            content,
            emulated=context.emulated,
            preloaded=preload is not None,
            said=_said(context, layer),
        )
    )
    return Session.begin(context, system, layer=layer)


def _said(context: CheckContext, layer: Layer) -> tuple[str, ...]:
    """What a reader must know of where the root came from."""
    name = context.config.environments.images.get(str(context.target))
    return (f"the system is of the image {name} ({digest_of(layer)})",) if name else ()


def image_of(context: CheckContext, layer: Layer, directory: Path) -> str:
    """The layer and all below it as an image of the daemon's; made when it is not there."""
    name = f"debwright/{context.target}:{layer.manifest.name}-{layer.id}"
    if has_image(name):
        return name
    context.activity("importing the image")
    with context.cache.lock(f"docker-{layer.id}"):
        if not has_image(name):
            tarball = directory / "root.tar"
            _pack(layer, directory / "pack", tarball)
            import_image(tarball, name, context.target.arch, {"debwright.layer": layer.id})
            tarball.unlink()
    return name


def _pack(layer: Layer, directory: Path, tarball: Path) -> None:
    """A tarball of the merged layers, with the owners as they are inside."""
    directory.mkdir()
    overlay = make_throwaway(directory, layer, hosts=False)
    spec = Spec(root=overlay.mount_point, overlay=overlay.overlay(), pivot=False, network=True)
    with Namespaces(spec) as mounted:
        mounted.run(
            ["tar", "--create", "--numeric-owner", "--xattrs", "--one-file-system",
             f"--file={tarball}", f"--directory={overlay.mount_point}", "."],
            timeout=900,
        )  # fmt: skip
