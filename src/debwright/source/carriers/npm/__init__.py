"""Tarballs of npm's registry that a source package carries, so that its build needs no network.

The lock of npm, pnpm or yarn (`locks`) says which packages and where each is unpacked; they are
fetched and checked (`fetch`), and become a component of the source package together with a helper
that unpacks and compiles them (`carried`).
"""

from pathlib import Path

from pydantic import Field

from debwright.config import Config
from debwright.config import values as v
from debwright.config.section import Section
from debwright.model.targets import Target
from debwright.source.carrier import Asked, Carrier


class Npm(Section, table="npm", optional=True):
    """Packages of npm's registry that the source package carries, so that its build needs no
    network.
    """

    lock: v.Line = Field(
        description="Lock of npm (package-lock.json, npm-shrinkwrap.json), pnpm (pnpm-lock.yaml) "
        "or yarn (yarn.lock), next to package.json; relative to package.source."
    )
    registry: v.HttpUrl | None = Field(
        None, description="The registry; default: what npm is configured to use."
    )


class NpmCarrier(Carrier):
    def asked(self, config: Config, source: Path) -> Asked:
        from debwright.source.carriers.npm.prepare import wish

        settings = config.given(Npm)
        assert settings is not None
        arches = {Target.parse(text).arch for text in config.targets.build}
        return wish(source, settings.lock, arches, settings.registry)


CARRIER = NpmCarrier()
