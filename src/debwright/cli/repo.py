"""debwright repo: what each of its commands does and says."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from debwright.cli.common import Options, emit, reporter_for
from debwright.config import LoadedConfig, load
from debwright.host.interrupts import interruptible
from debwright.keys.signing import Signer
from debwright.keys.signing.choose import configured_signer
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.events import Reporter
from debwright.model.fix import Command
from debwright.repository import PackageFile, Publication, RepositorySettings, publish, store
from debwright.repository.channels import channel_suite, split_suite
from debwright.repository.edits import KEYRING, Promotion, promote, remove, rollback
from debwright.repository.plan import State, record_of
from debwright.repository.plan import load as load_publication

if TYPE_CHECKING:
    from debwright.roots.cache import Cache
    from debwright.roots.store import Layer


@dataclass(frozen=True, kw_only=True)
class Place:
    """A repository and what debwright.toml says of it."""

    loaded: LoadedConfig
    path: Path

    @classmethod
    def of(cls, options: Options) -> "Place":
        loaded = load(options.directory)
        dist = options.dist(loaded.directory)
        return cls(loaded=loaded, path=dist / loaded.config.repository.path)

    def state(self) -> State:
        """The current publication. Raises DebwrightError when there is none."""
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
        wanted = self.loaded.config.repository
        has = self.path.is_dir() and load_publication_settings(self.path)
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
            sources=wanted.sources,
            architectures=has.architectures if has else (),
        )


def load_publication_settings(path: Path) -> RepositorySettings | None:
    number = store.current_number(path)
    return record_of(path, number).settings if number is not None else None


@contextmanager
def _working(options: Options) -> Iterator[tuple[Place, Signer, Reporter]]:
    place, reporter = Place.of(options), reporter_for(options)
    with (
        interruptible(),
        configured_signer(place.loaded, place.settings().origin, ahead=True) as signer,
    ):
        try:
            yield place, signer, reporter
        finally:
            reporter.close()


def show(options: Options, *, packages: bool) -> int:
    place = Place.of(options)
    state = place.state()
    records = [record_of(place.path, n) for n in store.publication_numbers(place.path)]
    lines = [f"{place.path}, signed by {state.record.fingerprint}", "publications:"]
    for record in records:
        mark = "*" if record.number == state.record.number else " "
        lines.append(
            f" {mark} {record.number:4}  {record.created[:16].replace('T', ' ')}  {record.what}"
        )
    lines.append("suites:")
    for suite, manifest in sorted(state.suites.items()):
        debs = [e for e in manifest.entries if e.kind == "deb"]
        names = {e.package for e in debs}
        lines.append(
            f"   {suite} ({split_suite(suite)[1]}): {len(names)} packages, {len(debs)} files"
        )
        if packages:
            lines += [f"      {e.package} {e.version} {e.architecture}" for e in debs]
    data = {
        "repository": str(place.path),
        "current": state.record.number,
        "fingerprint": state.record.fingerprint,
        "publications": [
            {"number": r.number, "created": r.created, "what": r.what, "suites": r.suites}
            for r in records
        ],
        "suites": {
            suite: [e.model_dump(mode="json") for e in m.entries if e.kind == "deb"]
            for suite, m in sorted(state.suites.items())
        },
    }
    emit(options, data, "\n".join(lines))
    return 0


def add(options: Options, suite: str, component: str | None, files: Sequence[Path]) -> int:
    with _working(options) as (place, signer, reporter):
        settings = place.settings()
        packages = [
            PackageFile(path=f, suite=suite, component=component or settings.component)
            for f in files
        ]
        done = publish(place.path, packages, signer, settings, say=reporter.note)
    return _tell(options, done)


def take_out(options: Options, suite: str, packages: Sequence[str], version: str | None) -> int:
    with _working(options) as (place, signer, reporter):
        done = remove(
            place.path, suite, packages, signer, place.settings(), version=version,
            say=reporter.note,
        )  # fmt: skip
    return _tell(options, done)


def go_back(options: Options, number: int, suites: Sequence[str]) -> int:
    with _working(options) as (place, signer, reporter):
        done = rollback(
            place.path, number, signer, place.settings(), suites=suites, say=reporter.note
        )
    return _tell(options, done)


def promote_channel(
    options: Options, source: str, target: str, *, suites: Sequence[str], version: str | None,
    packages: Sequence[str],
) -> int:  # fmt: skip
    if source == target:
        raise UsageError(f"--from and --to are both {source}")
    with _working(options) as (place, signer, reporter), tempfile.TemporaryDirectory() as scratch:
        state = place.state()
        settings = place.settings()
        promotions = [
            Promotion(
                source=suite, target=channel_suite(split_suite(suite)[0], target),
                packages=tuple(packages), version=version,
            )
            for suite in sorted(state.suites)
            if split_suite(suite)[1] == source
            and (not suites or suite in suites or split_suite(suite)[0] in suites)
        ]  # fmt: skip
        if not promotions:
            raise UsageError(
                f"no suite of the channel {source} is there to promote",
                cause=f"the repository has {', '.join(sorted(state.suites))}",
                fix=Command("debwright", "repo", "list"),
            )
        further = _keyrings(options, place, signer, promotions, Path(scratch))
        done = promote(place.path, promotions, signer, settings, further=further, say=reporter.note)
    return _tell(options, done)


def _keyrings(
    options: Options, place: Place, signer: Signer, promotions: Sequence[Promotion], scratch: Path
) -> list[PackageFile]:
    """The keyring packages of suites that get their first packages by promotion.

    Whoever installs from them must follow a change of keys as well as others do.
    """
    from debwright.repository.incoming import read_control

    state, settings = place.state(), place.settings()
    name = f"{settings.name}{KEYRING}"
    maintainers: dict[str, str] = {}
    for each in promotions:
        own = [e for e in state.suites[each.source].entries if e.package == name]
        if own:
            control = read_control(place.path / own[-1].path)
            maintainers[each.target] = str(control["Maintainer"])
    if not maintainers or signer.throwaway or settings.url is None:
        return []
    from debwright.pipeline.stages.keyring import make_keyrings

    layer, cache = _roots(options, place)
    return make_keyrings(
        place.path, settings, signer, maintainers=maintainers, output=scratch, layer=layer,
        cache=cache,
    )  # fmt: skip


def _roots(options: Options, place: Place) -> "tuple[Callable[[str], Layer], Cache]":
    """Where the keyring package of a suite is packed."""
    from debwright.host.machine import host_arch
    from debwright.model.targets import Target, suite_info
    from debwright.pipeline.run import heal
    from debwright.roots.layers import Roots

    cache = options.cache()
    heal(cache)
    roots = Roots(cache, place.loaded.config)
    suffix = place.loaded.config.repository.codename_suffix

    def layer(suite: str) -> "Layer":
        distribution = split_suite(suite)[0].removesuffix(suffix)
        return roots.base(Target(suite_info(distribution).codename, host_arch()))

    return layer, cache


def _tell(options: Options, done: Publication) -> int:
    if done.unchanged:
        text = f"nothing to do: publication {done.number} has it already"
    else:
        text = f"publication {done.number}: {len(done.added)} files added"
        text += f", {len(done.removed)} removed" if done.removed else ""
        text += f"; suites {', '.join(done.suites)}; signed by {done.fingerprint}"
    data = {
        "number": done.number, "unchanged": done.unchanged, "added": done.added,
        "removed": done.removed, "suites": done.suites, "fingerprint": done.fingerprint,
        "path": str(done.path),
    }  # fmt: skip
    emit(options, data, text)
    return 0
