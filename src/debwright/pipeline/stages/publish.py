"""The publish stage: what passed goes into the signed APT repository below dist/."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from debwright.config import Config
from debwright.host.files import sha256_file
from debwright.keys.signing import Signer
from debwright.keys.signing.choose import configured_signer, key_states
from debwright.model.results import StageResult, Status
from debwright.pipeline.plan import TargetPlan
from debwright.pipeline.record import Ledger
from debwright.pipeline.stages.base import Job, Outcome, common_inputs, perform
from debwright.pipeline.stages.check import CHECK_FAILED, packages_of
from debwright.pipeline.stages.companion import companion_packages, companion_sources
from debwright.pipeline.stages.keyring import keyring_packages
from debwright.repository import (
    AlreadyPublished,
    PackageFile,
    Publication,
    RepositorySettings,
    publish,
    sources_text,
)
from debwright.repository.channels import channel_of, channel_suite
from debwright.repository.stores.base import push_all
from debwright.repository.stores.choose import any_configured, configured_stores


@dataclass(frozen=True, kw_only=True)
class Published:
    """What the report says of the repository."""

    stage: StageResult
    key: str | None = None
    note: str | None = None
    sources: str | None = None


def settings_of(config: Config, package: str) -> RepositorySettings:
    repository = config.repository
    return RepositorySettings(
        origin=repository.origin or package,
        label=repository.label or package,
        description=repository.description or f"Packages of {package}",
        component=repository.component,
        url=repository.url,
        keep=repository.publications,
        keep_versions=repository.keep,
        sources=repository.sources,
    )


def require_key(job: Job) -> None:
    """Sign a word with the configured key before anything is built: what lacks shows at once.

    Where this version has been published already nothing is asked, since nothing may be to do.
    Raises what GpgSigner raises.
    """
    if job.plan.config.signing.key is None:
        return
    if not job.force and "publish" in Ledger(job.home).stages():
        return
    with configured_signer(job.plan.loaded, job.plan.package) as signer:
        signer.detach(b"debwright")


def publish_stage(job: Job, targets: Sequence[TargetPlan]) -> Published:
    """Sign and publish the packages of `targets`, all of which have passed their checks."""
    config = job.plan.config
    repository = job.dist / config.repository.path
    settings = settings_of(config, job.plan.package)
    files = list(_files(job, targets))
    ledger = Ledger(job.home)
    inputs = {
        **common_inputs(job),
        "files": {f"{f.suite}/{f.path.name}": sha256_file(f.path) for f in files},
        "suites": {str(t.target): suite_name(job, t.target.suite) for t in targets},
        "settings": settings.model_dump(mode="json"),
        "stores": config.repository.model_dump(
            include={"pages", "s3", "rsync", *config.given_below("repository")}
        ),
        "key": key_states(job.plan.loaded),
        "current": _current(repository),
    }

    def work() -> Outcome:
        job.reporter.activity(None, "publish", "signing")
        with configured_signer(job.plan.loaded, job.plan.package) as signer:
            suites = {suite_name(job, t.target.suite): t.target.suite for t in targets}
            keyrings = keyring_packages(job, repository, settings, signer, suites)
            publication = _publish(job, repository, [*files, *keyrings], signer, settings)
            details = {
                "publication": publication.number,
                "added": list(publication.added),
                "fingerprint": publication.fingerprint,
                "note": signer.note,
            }
        details |= _push(job, repository, throwaway=signer.throwaway)
        inputs["current"] = _current(repository)
        return Outcome(details=details)

    result, _ = perform(job, ledger, work, target=None, stage="publish", inputs=inputs)
    if not result.status.ok:
        return Published(stage=result)
    suites = dict.fromkeys(t.target.suite for t in targets)
    key = (repository / "key.asc").read_text()
    return Published(
        stage=result,
        key=str(result.details.get("fingerprint")),
        note=str(result.details.get("note")),
        sources="\n".join(
            sources_text(settings, repository, suite_name(job, s), key=key) for s in suites
        ),
    )


def _push(job: Job, repository: Path, *, throwaway: bool) -> dict[str, object]:
    """Bring the publication to the configured stores."""
    if not any_configured(job.plan.loaded):
        return {}
    if throwaway:
        job.reporter.note("not brought to any store: it is signed with a throw-away key")
        return {}
    job.reporter.activity(None, "publish", "bringing it to its stores")
    done = push_all(repository, configured_stores(job.plan.loaded), say=job.reporter.note)
    for store in done:
        sent = "has it already" if store.unchanged else f"{store.sent} files sent"
        job.reporter.note(f"{store.name}: publication {store.number}, {sent}")
    return {"stores": [store.name for store in done]}


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


def _publish(
    job: Job,
    repository: Path,
    files: Sequence[PackageFile],
    signer: Signer,
    settings: RepositorySettings,
) -> Publication:
    """Publish; a test repository gives way to another build of a version that it holds.

    Nobody can have trusted a throw-away key before, so nobody has the earlier build. With a key of
    one's own a published file stays what it is, and AlreadyPublished reaches the user.
    """
    try:
        return publish(repository, files, signer, settings, say=job.reporter.note)
    except AlreadyPublished as conflict:
        if not signer.throwaway:
            raise
        job.reporter.note(f"{conflict.what}: the test repository is made anew")
        aside = repository.with_name(f".{repository.name}.old")
        shutil.rmtree(aside, ignore_errors=True)
        repository.rename(aside)
        made = publish(repository, files, signer, settings, say=job.reporter.note)
        shutil.rmtree(aside, ignore_errors=True)
        return made


def _files(job: Job, targets: Sequence[TargetPlan]) -> Iterator[PackageFile]:
    """Packages and source packages, each once, with the suite they are for; companions in all."""
    seen: set[tuple[str, str]] = set()
    component = job.plan.config.repository.component
    name = partial(suite_name, job)
    for target in targets:
        suite = target.target.suite
        source = job.sources[target.target.suite]
        for path in [*packages_of(job, target), source.dsc, *source.files]:
            if (suite, path.name) not in seen:
                seen.add((suite, path.name))
                yield PackageFile(path=path, suite=name(suite), component=component)
    sources = list(companion_sources(job))
    files = [*companion_packages(job), *(p for s in sources for p in (s.dsc, *s.files))]
    for suite in dict.fromkeys(t.target.suite for t in targets):
        for path in files:
            yield PackageFile(path=path, suite=name(suite), component=component)


def _current(repository: Path) -> str | None:
    """Which publication is the current one: a repository changed by others is published anew."""
    link = repository / "dists"
    return str(link.readlink()) if link.is_symlink() else None


def skipped_publish(job: Job, reason: str, *, unproven: bool = False) -> Published:
    """Nothing is published, and why; `unproven` when no check failed but a proof is wanting."""
    details = {"exit_code": CHECK_FAILED} if unproven else {}
    result = StageResult(stage="publish", status=Status.SKIPPED, reason=reason, details=details)
    job.reporter.stage_finished(None, result)
    return Published(stage=result)
