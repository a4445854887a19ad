"""The publish stage: what passed goes into the signed APT repository below dist/."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.config import Config
from debwright.host.files import sha256_file
from debwright.keys.configured import configured_signer, key_states
from debwright.keys.signing import Signer
from debwright.model.details import PublishDetails
from debwright.model.errors import Evidence, ExitCode, UsageError
from debwright.model.fix import Command
from debwright.model.results import StageResult, Status
from debwright.model.targets import Target, suite_info
from debwright.observe.report.timeline import Color
from debwright.pipeline.finished import FinishedStages
from debwright.pipeline.plan import TargetPlan
from debwright.pipeline.stages.base import (
    Job,
    Outcome,
    Stage,
    Wanted,
    common_inputs,
    packages_of,
    perform,
)
from debwright.pipeline.stages.companion import companion_packages, companion_sources
from debwright.repository.channels import channel_of, channel_suite
from debwright.repository.model import PackageFile, Publication, RepositorySettings

_FORCED = Command("debwright", "run", "--force")


@dataclass(frozen=True)
class Publishing:
    """The targets whose packages are published together."""

    job: Job
    targets: Sequence[TargetPlan]
    name: None = None

    @property
    def finished(self) -> FinishedStages:
        return FinishedStages(self.job.home)

    @property
    def repository(self) -> Path:
        return self.job.dist / self.job.plan.config.repository.path

    @property
    def settings(self) -> RepositorySettings:
        return settings_of(self.job.plan.config, self.job.plan.package, self.repository)

    @property
    def suites(self) -> dict[str, str]:
        """The repository's suites, each with the one that its packages are built for."""
        names = dict.fromkeys(t.target.suite for t in self.targets)
        return {suite_name(self.job, name): name for name in names}


@dataclass(frozen=True, kw_only=True)
class Published:
    """What the report says of the repository."""

    stage: StageResult
    key: str | None = None
    note: str | None = None
    sources: str | None = None


class PublishStage(Stage[Publishing]):
    """What passed goes into the signed repository, and from there to its stores."""

    name = "publish"
    color = Color.PINK
    does = "signs, replaces the repository's indices by one rename, and fills its stores"

    def wanted(self, wanted: Wanted) -> bool:
        return wanted.publish

    def inputs(self, on: Publishing) -> dict[str, Any]:
        from debwright.repository.stores.base import store_tables

        job = on.job
        # As configured: what the repository has by now is what this stage itself has published.
        settings = settings_of(job.plan.config, job.plan.package)
        return {
            **common_inputs(job),
            "files": {f"{f.suite}/{f.path.name}": sha256_file(f.path) for f in _files(on)},
            "suites": {str(t.target): suite_name(job, t.target.suite) for t in on.targets},
            "settings": settings.model_dump(mode="json"),
            "stores": {t.table: t.model_dump(mode="json") for t in store_tables(job.plan.loaded)},
            "key": key_states(job.plan.loaded),
        }

    def changing(self, on: Publishing) -> dict[str, Any]:
        """Which publication is the current one: one that others have made calls for another.

        So does one whose time is soon over.
        """
        link = on.repository / "dists"
        if not link.is_symlink():
            return {"current": None}
        return {"current": str(link.readlink()), "due": _is_due(on)}

    def work(self, on: Publishing) -> Outcome:
        from debwright.pipeline.stages.keyring import keyring_packages

        job = on.job
        job.reporter.activity(None, self.name, "signing")
        with configured_signer(job.plan.loaded, job.plan.package, say=job.note) as signer:
            if not signer.throwaway:
                _require_accepted(on, signer)
            keyrings = keyring_packages(job, on.repository, on.settings, signer, on.suites)
            publication = _publish(on, [*_files(on), *keyrings], signer)
        details = PublishDetails(
            publication=publication.number,
            added=tuple(publication.added),
            fingerprint=publication.fingerprint,
            note=signer.note,
            stores=_push(on, throwaway=signer.throwaway),
        )
        return Outcome(details=details)

    def run(self, job: Job, targets: Sequence[TargetPlan]) -> Published:
        """Sign and publish the packages of `targets`, all of which have passed their checks."""
        from debwright.repository.sources import sources_text

        on = Publishing(job, targets)
        result, _ = perform(self, on)
        details = result.details
        if not result.status.ok or not isinstance(details, PublishDetails):
            return Published(stage=result)
        key = (on.repository / "key.asc").read_text()
        return Published(
            stage=result,
            key=details.fingerprint,
            note=details.note,
            sources="\n".join(
                sources_text(on.settings, on.repository, suite, key=key) for suite in on.suites
            ),
        )


def not_published(job: Job, reason: str, *, unproven: bool = False) -> Published:
    """Nothing is published, and why; `unproven` when no check failed but a proof is missing."""
    details = PublishDetails(exit_code=ExitCode.CHECK if unproven else None)
    result = StageResult(
        stage=PublishStage.name, status=Status.SKIPPED, reason=reason, details=details
    )
    job.reporter.stage_finished(None, result)
    return Published(stage=result)


def settings_of(
    config: Config, package: str, published: Path | None = None
) -> RepositorySettings:  # fmt: skip
    """Those of the configuration; for what it leaves open, those of what is `published` already."""
    from debwright.repository.plan import published_settings

    repository = config.repository
    has = published_settings(published) if published is not None else None
    return RepositorySettings(
        origin=repository.origin or (has.origin if has else package),
        label=repository.label or (has.label if has else package),
        description=repository.description
        or (has.description if has else f"Packages of {package}"),
        component=repository.component,
        url=repository.url,
        keep=repository.publications,
        keep_versions=repository.keep,
        valid_days=repository.valid_days,
        sources=repository.sources,
        architectures=has.architectures if has else (),
    )


def require_key(job: Job) -> None:
    """Sign a word with the configured key before anything is built: what is missing shows at once.

    Where this version has been published already nothing is asked, since nothing may be to do.
    Raises what GpgSigner raises.
    """
    if job.plan.config.signing.key is None:
        return
    if not job.force and PublishStage.name in FinishedStages(job.home).stages():
        return
    from debwright.repository import acceptance

    with configured_signer(job.plan.loaded, job.plan.package) as signer:
        signer.detach(b"debwright")
        # Where a root has still to be made, apt is asked before it is published.
        layers, _ = acceptance.roots_of(job.roots, job.plan.suites)
        acceptance.require(signer, layers, job.roots.cache, memory=_memory(job))


def require_newer(job: Job) -> None:
    """Refuse, before anything is built, a version below the one that is published.

    apt would never bring it to a machine that has that one. `--force` publishes it all the same.
    Raises UsageError.
    """
    repository = job.dist / job.plan.config.repository.path
    done = PublishStage.name in FinishedStages(job.home).stages()
    if job.force or done or not (repository / "dists").is_symlink():
        return
    from debwright.repository.plan import entries_of, load
    from debwright.source.order import compare, why_older

    published = entries_of(load(repository))
    for suite in job.plan.suites:
        version, name = job.plan.version_for(suite), suite_name(job, suite)
        for entry in published.get(name, ()):
            if entry.source != job.plan.package or entry.kind == "file":
                continue
            if compare(version, entry.version) < 0:
                raise UsageError(
                    f"{version} is below {entry.version}, which {name} has already: apt would "
                    "never bring it to a machine that has that one",
                    evidence=[Evidence(text=entry.version, file=str(repository / entry.path))],
                    cause=why_older(version, entry.version),
                    fix=f"give it a higher version, or publish it all the same: {_FORCED}",
                )


def _is_due(on: Publishing) -> bool:
    """Whether what is published has to be signed again."""
    from debwright.repository.plan import load
    from debwright.repository.validity import is_due

    state = load(on.repository)
    return state is not None and is_due(state.suites.values(), on.settings)


def _require_accepted(on: Publishing, signer: Signer) -> None:
    """Ask apt of every suite about the key. Raises DebwrightError when one does not take it."""
    from debwright.repository import acceptance

    job = on.job
    suites = dict.fromkeys(on.suites.values())
    layers = {s: job.roots.base(Target(suite_info(s).codename, job.plan.host.arch)) for s in suites}
    acceptance.require(signer, layers, job.roots.cache, memory=_memory(job))


def _memory(job: Job) -> Path:
    """Where the answers of apt are kept that were good."""
    from debwright.repository import acceptance, store

    return store.private(job.dist / job.plan.config.repository.path) / acceptance.MEMORY


def _push(on: Publishing, *, throwaway: bool) -> tuple[str, ...]:
    """Bring the publication to the configured stores; their names."""
    from debwright.repository.stores.base import configured_stores, push_all, store_tables

    job = on.job
    if not store_tables(job.plan.loaded):
        return ()
    if throwaway:
        job.reporter.note("not brought to any store: it is signed with a throw-away key")
        return ()
    job.reporter.activity(None, "publish", "bringing it to its stores")
    done = push_all(on.repository, configured_stores(job.plan.loaded), say=job.reporter.note)
    for store in done:
        sent = "has it already" if store.unchanged else f"{store.sent} files sent"
        job.reporter.note(f"{store.name}: publication {store.number}, {sent}")
    return tuple(store.name for store in done)


def suite_name(job: Job, suite: str) -> str:
    """The repository's suite that packages built for `suite` go into."""
    repository = job.plan.config.repository
    channel: str = repository.channel
    if channel == "auto":
        version = job.plan.version
        # A .dsc has no tag: what it is called decides.
        text = version.upstream if version else job.plan.version_text.rpartition("-")[0]
        channel = channel_of(text, exact=version is None or not version.distance)
    return channel_suite(suite, channel, repository.codename_suffix)


def _publish(on: Publishing, files: Sequence[PackageFile], signer: Signer) -> Publication:
    """Publish; a repository of this machine gives way to another build of a version that it holds.

    It does as long as no key is configured and nothing is brought to a store: who works on a
    version builds it many times. After that a published file stays what it is, and
    AlreadyPublished reaches the user.
    """
    from debwright.repository.pool import AlreadyPublished
    from debwright.repository.publish import publish
    from debwright.repository.stores.base import store_tables

    repository, settings, say = on.repository, on.settings, on.job.reporter.note
    try:
        return publish(repository, files, signer, settings, say=say)
    except AlreadyPublished as conflict:
        loaded = on.job.plan.loaded
        if not signer.throwaway and (loaded.config.signing.key or store_tables(loaded)):
            raise
        say(f"{conflict.what}: this build takes its place, for nothing goes out from here yet")
        aside = repository.with_name(f".{repository.name}.old")
        shutil.rmtree(aside, ignore_errors=True)
        repository.rename(aside)
        try:
            kept = list(_others(on, aside, files))
            made = publish(repository, [*kept, *files], signer, settings, say=say)
        except BaseException:
            shutil.rmtree(repository, ignore_errors=True)
            aside.rename(repository)
            raise
        shutil.rmtree(aside, ignore_errors=True)
        return made


def _others(on: Publishing, aside: Path, files: Sequence[PackageFile]) -> Iterator[PackageFile]:
    """What the repository set aside has of other versions, to be published again with `files`."""
    from debwright.repository.plan import entries_of, load

    sources = [*on.job.sources.values(), *companion_sources(on.job)]
    built = {(s.name, s.version) for s in sources}
    names = {f.path.name for f in files}
    for suite, entries in entries_of(load(aside)).items():
        for entry in entries:
            path = aside / entry.path
            replaced = (entry.source, entry.version) in built or path.name in names
            if entry.kind != "file" and not replaced:
                yield PackageFile(path=path, suite=suite, component=entry.component)


def _files(on: Publishing) -> Iterator[PackageFile]:
    """Packages and source packages, each once, with the suite they are for; companions in all."""
    job, seen = on.job, set[tuple[str, str]]()
    component = job.plan.config.repository.component
    for target in on.targets:
        suite = target.target.suite
        source = job.sources[suite]
        for path in [*packages_of(job, target), source.dsc, *source.files]:
            if (suite, path.name) not in seen:
                seen.add((suite, path.name))
                yield PackageFile(path=path, suite=suite_name(job, suite), component=component)
    sources = list(companion_sources(job))
    files = [*companion_packages(job), *(p for s in sources for p in (s.dsc, *s.files))]
    for name in on.suites:
        for path in files:
            yield PackageFile(path=path, suite=name, component=component)
