"""What a suite has promised to its users' apt, and keeps though today's packages need less.

apt of a machine whose architecture or component is gone from a Release reports a warning or an
error, shows no package of the suite, and those with `Architecture: all` vanish with the others. So
what was once published stays, with empty indices, until somebody withdraws it by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from debwright.model.errors import DebwrightError, Evidence, UsageError
from debwright.model.fix import Command
from debwright.repository.entries import Entries
from debwright.repository.manifest import SuiteManifest
from debwright.repository.model import RepositorySettings

DEFAULT_ARCHITECTURES = ("amd64", "arm64")
"""What a suite of nothing but Architecture: all packages has indices for."""
ALL = "all"
"""The index of Architecture: all packages alone, which machines of any architecture read. Those of
an architecture that has its own index get these packages twice, so few suites have both."""
NAMES = ("origin", "label")
"""Settings of which apt wants a change to be confirmed (apt-secure(8), "Repository changed")."""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What the Release of a suite names."""

    architectures: tuple[str, ...]
    components: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """What is taken back of a suite; the suite itself when nothing of it is named."""

    suite: str
    architectures: tuple[str, ...] = ()
    components: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        return not self.architectures and not self.components


def needed(entries: Entries, settings: RepositorySettings) -> Promise:
    """What these packages need. The configured component is always there, though it be empty."""
    named = _architectures(entries)
    # Packages for all architectures, and for none in particular, are for machines of any.
    usual = {*DEFAULT_ARCHITECTURES, *(named & {ALL})}
    architectures = sorted((named - {ALL}) | set(settings.architectures) or usual)
    components = {settings.component, *(component for _, component, _ in entries.tally)}
    return Promise(architectures=tuple(architectures), components=tuple(sorted(components)))


def given(manifest: SuiteManifest, settings: RepositorySettings) -> Promise:
    """What a published suite names; `settings` are those that it was published with."""
    if manifest.architectures:
        return Promise(architectures=manifest.architectures, components=manifest.components)
    return needed(manifest.entries, settings)


def kept(
    before: Promise | None, entries: Entries, settings: RepositorySettings,
    withdrawal: Withdrawal | None = None,
) -> Promise:  # fmt: skip
    """What a suite names that had `before` and is to have `entries`.

    Raises UsageError for a withdrawal of what was not promised, or is still needed.
    """
    now = needed(entries, settings)
    if before is None:
        return now
    if withdrawal is None:
        return Promise(
            architectures=_union(before.architectures, now.architectures, entries),
            components=tuple(sorted({*before.components, *now.components})),
        )
    used = _architectures(entries) | set(settings.architectures)
    left = _without(before.architectures, withdrawal.architectures, used)
    components = _without(before.components, withdrawal.components, set(now.components))
    if not set(left) - {ALL}:
        raise UsageError("a suite has at least one architecture")
    return Promise(architectures=left, components=components)


def _architectures(entries: Entries) -> set[str]:
    """Those of its binary packages."""
    return {architecture for kind, _, architecture in entries.tally if kind == "deb"}


def _union(before: Sequence[str], now: Sequence[str], entries: Entries) -> tuple[str, ...]:
    """Both; the defaults for a suite without an architecture of its own are no new promise."""
    own = _architectures(entries) - {ALL}
    fresh = now if own else [name for name in now if name == ALL]
    return tuple(sorted({*before, *fresh}))


def _without(has: Sequence[str], out: Sequence[str], used: set[str]) -> tuple[str, ...]:
    for name in out:
        if name not in has:
            raise UsageError(f"the suite does not have {name}", cause=f"it has {', '.join(has)}")
        if name in used:
            raise UsageError(
                f"{name} still has packages, or is configured",
                fix=Command("debwright", "repo", "list", "--packages"),
            )
    return tuple(name for name in has if name not in out)


def refuse_renaming(before: RepositorySettings, settings: RepositorySettings) -> None:
    """Raise DebwrightError when apt of every user would stop and ask."""
    changes = [
        f"{name.capitalize()}: {getattr(before, name)!r}, and now {getattr(settings, name)!r}"
        for name in NAMES
        if getattr(before, name) != getattr(settings, name)
    ]
    if not changes:
        return
    keep = f'repository.{NAMES[0]} = "{before.origin}", repository.{NAMES[1]} = "{before.label}"'
    raise DebwrightError(
        "the repository would get another name, and apt of all its users would stop and ask",
        evidence=[Evidence(text=text) for text in changes],
        cause="`apt-get update` fails on every machine until somebody there passes "
        "--allow-releaseinfo-change",
        fix=f"{keep} in debwright.toml; or, if it is meant, "
        "debwright repo rename --users-must-confirm",
    )
