"""debwright repo: the APT repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.commands import Commands
from debwright.cli.common import Options
from debwright.model.errors import DebwrightError
from debwright.model.fix import Command

if TYPE_CHECKING:
    from debwright.config import LoadedConfig
    from debwright.repository.model import RepositorySettings
    from debwright.repository.plan import State


@click.group(cls=Commands, package=__name__)
def repo() -> None:
    """The APT repository: what it has, channels, promotion, going back, and where it is served.

    Every change is a publication of its own: signed, atomic, and to be gone back from.
    """


@dataclass(frozen=True, kw_only=True)
class Place:
    """A repository and what debwright.toml says of it."""

    loaded: LoadedConfig
    path: Path

    @classmethod
    def of(cls, options: Options) -> Place:
        from debwright.config import load

        loaded = load(options.directory)
        dist = options.dist(loaded.directory)
        return cls(loaded=loaded, path=dist / loaded.config.repository.path)

    def state(self) -> State:
        """The current publication. Raises DebwrightError when there is none."""
        from debwright.repository.plan import load as load_publication

        found = load_publication(self.path) if self.path.is_dir() else None
        if found is None:
            raise DebwrightError(
                f"there is no repository in {self.path}",
                cause="nothing was published there",
                fix=Command("debwright", "publish"),
            )
        return found

    def settings(self) -> RepositorySettings:
        """Those of the configuration; for what it leaves open, those of the current publication."""
        from debwright.repository.model import RepositorySettings
        from debwright.repository.plan import published_settings

        wanted = self.loaded.config.repository
        has = published_settings(self.path)
        name = self.loaded.directory.resolve().name or "debwright"
        origin = wanted.origin or (has.origin if has else name)
        description = wanted.description or (has.description if has else f"Packages of {origin}")
        return RepositorySettings(
            origin=origin,
            label=wanted.label or (has.label if has else origin),
            description=description,
            component=wanted.component,
            url=wanted.url,
            keep=wanted.publications,
            keep_versions=wanted.keep,
            valid_days=wanted.valid_days,
            sources=wanted.sources,
            architectures=has.architectures if has else (),
        )
