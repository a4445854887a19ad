"""Containers of docker or podman: the image is debwright's own root with the dependencies.

The root may itself come from an image that is pulled by name.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from debwright.config import Config
from debwright.host.machine import emulator_environment
from debwright.isolation.emulation import for_qemu_user
from debwright.isolation.namespaces import Namespaces, Spec
from debwright.model.targets import Target
from debwright.roots.layers import Roots
from debwright.roots.overlay import make_throwaway
from debwright.roots.preload import preload_for
from debwright.roots.store import Layer
from debwright.systems.base import Open, Opened, Subject, System
from debwright.systems.container.container import Container
from debwright.systems.container.engine import DOCKER, LAYER_LABEL, PODMAN, Engine
from debwright.systems.container.images import digest_of, image_root, pulled_id
from debwright.systems.environments import Environments
from debwright.systems.kinds import Kind
from debwright.systems.runtime import copy_into, repository_for


@dataclass(frozen=True)
class ContainerSystem(System):
    """A container of an image that holds what nspawn would boot."""

    engine: Engine
    instead: str = ""
    """Why it is this one, where another was asked for."""

    @property
    def kind(self) -> str:
        return self.engine.name

    def begins_with(self, config: Config, roots: Roots, target: Target) -> str | None:
        if name := config.section(Environments).images.get(str(target)):
            return pulled_id(roots, target, name)
        return super().begins_with(config, roots, target)

    def boot_layer(self, subject: Subject) -> Layer | None:
        """See System: the image that `[environments.images]` names for the target."""
        name = subject.config.section(Environments).images.get(str(subject.target))
        if name is None:
            return None
        root = image_root(self.engine, subject.roots, subject.target, name, subject.log)
        return subject.roots.boot(subject.target, subject.log, base=root)

    def prepare(self, subject: Subject, _: ExitStack) -> Open:
        """See System. Raises MissingError when there is no engine, or no daemon."""
        if problem := self.engine.problem():
            raise problem
        layer = self.layer(subject)
        assert layer is not None
        return lambda stack: self._open(subject, layer, stack)

    def _open(self, subject: Subject, layer: Layer, stack: ExitStack) -> Opened:
        stack.enter_context(layer.in_use())
        directory = stack.enter_context(subject.roots.cache.scratch("check"))
        image = self._image_of(subject, layer, directory)
        content = directory / "content"
        content.mkdir(mode=0o755)
        copy_into(content, repository_for(directory / "repository", subject.installable, layer))
        preload = preload_for(subject.roots, subject.target, layer)
        if subject.emulated:
            variables = dict(emulator_environment(subject.target.arch))
            for_qemu_user(content, variables, preload=preload)
        subject.activity("booting")
        system = stack.enter_context(
            Container(
                self.engine,
                image,
                content,
                emulated=subject.emulated,
                preloaded=preload is not None,
                said=(*_said(subject, layer), *([self.instead] if self.instead else [])),
            )
        )
        return Opened(system=system, layer=layer)

    def _image_of(self, subject: Subject, layer: Layer, directory: Path) -> str:
        """The layer and all below it as an image of the engine's; made when it is not there."""
        name = f"debwright/{subject.target}:{layer.manifest.name}-{layer.id}"
        if self.engine.has_image(name):
            return name
        subject.activity("importing the image")
        with subject.roots.cache.lock(f"{self.kind}-{layer.id}"):
            if not self.engine.has_image(name):
                tarball = directory / "root.tar"
                _pack(layer, directory / "pack", tarball)
                labels = {LAYER_LABEL: layer.id}
                self.engine.import_image(tarball, name, subject.target.arch, labels)
                tarball.unlink()
        return name


def _said(subject: Subject, layer: Layer) -> tuple[str, ...]:
    """What a reader must know of where the root came from."""
    name = subject.config.section(Environments).images.get(str(subject.target))
    return (f"the system is of the image {name} ({digest_of(layer)})",) if name else ()


def _pack(layer: Layer, directory: Path, tarball: Path) -> None:
    """A tarball of the merged layers, with the owners as they are inside."""
    directory.mkdir()
    overlay = make_throwaway(directory, layer, hosts=False)
    spec = Spec(
        root=overlay.mount_point,
        overlay=overlay.overlay(),
        pivot=False,
        bounded=False,
        network=True,
    )
    with Namespaces(spec) as mounted:
        mounted.run(
            ["tar", "--create", "--numeric-owner", "--xattrs", "--one-file-system",
             f"--file={tarball}", f"--directory={overlay.mount_point}", "."],
            timeout=900,
        )  # fmt: skip


DOCKER_KIND = Kind(
    name="docker",
    make=lambda _: ContainerSystem(DOCKER),
    about="the same root as an image, systemd as process 1",
    needs="a docker daemon",
    good_for="machines where only docker is allowed",
)
PODMAN_KIND = Kind(
    name="podman",
    make=lambda _: ContainerSystem(PODMAN),
    about="the same, by podman",
    needs="podman, and root for making the root",
    good_for="machines without a daemon, as Fedora's and RHEL's",
)
