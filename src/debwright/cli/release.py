"""debwright release: from a tag to a draft that waits for a person, or to its publication."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.common import (
    Options,
    emit,
    reporter_for,
    run_recorded,
    write_reports,
)
from debwright.host.interrupts import interruptible
from debwright.model.errors import CheckError, DebwrightError, UsageError
from debwright.model.fix import Command

if TYPE_CHECKING:
    from debwright.github.client import Github
    from debwright.github.model import Release
    from debwright.model.events import Reporter
    from debwright.model.results import RunResult
    from debwright.pipeline.plan import Plan
    from debwright.pipeline.stages.base import Job
    from debwright.release.assets import Asset
    from debwright.release.upload import Draft


@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of the release."""

    release: Release
    assets: tuple[Asset, ...]
    sent: int


@click.command("release")
@click.option("--tag", help="The tag to release. Default: the one of the current commit.")
@click.option("--publish", "public", is_flag=True, help="Make it public when all is there.")
@click.option("--preflight", "only_look", is_flag=True, help="Only look whether it can be made.")
@click.option(
    "--explain",
    is_flag=True,
    help="With --preflight: list what the repository must have, to tick off.",
)
@click.option(
    "--collected", is_flag=True,
    help="Build nothing: release what `debwright collect` has put into dist/.",
)  # fmt: skip
@click.pass_obj
def release(
    options: Options, tag: str | None, *, public: bool, only_look: bool = False,
    explain: bool = False, collected: bool = False,
) -> int:  # fmt: skip
    """Build and check what a tag names, and bring it to GitHub: signed, as a draft.

    Keys, token, tag and version are looked at before anything is built. Run again after a
    failure, it goes on where it stopped. A published release is never changed.
    """
    from debwright.github.client import Github
    from debwright.github.http import Http
    from debwright.github.place import required_repository
    from debwright.observe.notify.base import Event, tell_everyone
    from debwright.pipeline.planning import make_plan
    from debwright.release.preflight import preflight

    if explain:
        if not only_look:
            raise UsageError(
                "--explain is of --preflight", fix="debwright release --preflight --explain"
            )
        _explain(options)
    # What others build, or have built, needs nothing of this machine.
    plan = make_plan(options.directory, elsewhere=only_look or collected)
    tag = tag or _current_tag(plan)
    public = public or not plan.config.release.draft
    repository = required_repository(plan.loaded, what="the release is of")
    reporter = reporter_for(options, options.dist(plan.loaded.directory))
    with closing(reporter), interruptible(), Http.from_environment(say=reporter.note) as http:
        github = Github(http, repository)
        try:
            preflight(plan, tag, github, reporter.note)
            if only_look:
                emit(options, {"tag": tag, "ready": True}, f"{tag} can be released")
                return 0
            done = _release(
                options, plan, tag, github, reporter, public=public, collected=collected
            )
            if public and not isinstance(done, int):
                _documents(plan, github, reporter)
        except DebwrightError as error:
            event = Event.failed(plan.package, plan.version_text, error.render())
            tell_everyone(plan.loaded, event, reporter.note)
            raise
    if isinstance(done, int):
        return done
    _tell(options, done, public=public)
    return 0


def _explain(options: Options) -> None:
    """The list is for a person, and stands before whatever preflight then says."""
    from debwright.ci.context import top_context_of
    from debwright.cli.workflows import explained
    from debwright.config import load

    loaded = load(options.directory)
    _, lines = explained(top_context_of(loaded), loaded)
    print("\n".join(lines), file=sys.stderr if options.json else sys.stdout)


def _release(
    options: Options, plan: Plan, tag: str, github: Github, reporter: Reporter, *, public: bool,
    collected: bool,
) -> Done | int:  # fmt: skip
    """The release; or the exit code of a build or a check that failed, which was reported."""
    from debwright.host.files import atomic_write
    from debwright.keys.configured import configured_signer
    from debwright.observe.metrics.hook import remember
    from debwright.observe.notify.base import Event, tell_everyone
    from debwright.pipeline.run import exclusive, exit_code, heal
    from debwright.pipeline.stages.base import Job, Wanted
    from debwright.release.assets import assemble, chosen
    from debwright.release.certificate import certificates, to_lines
    from debwright.release.index import NAME as INDEX
    from debwright.release.index import index_of
    from debwright.release.upload import bring_assets, prepare_draft, publish
    from debwright.repository.verify.certificate import NAME as CERTIFICATES
    from debwright.roots.layers import Roots

    dist = options.dist(plan.loaded.directory)
    with exclusive(dist):
        cache = options.cache()
        heal(cache)
        job = Job(plan, dist, Roots(cache, plan.config, note=reporter.note), reporter)
        if collected:
            from debwright.ci.collect import collected_result

            result = collected_result(job)
        else:
            result = run_recorded(job, Wanted(publish=False))
            write_reports(result, job.home)
            reporter.end(result)
            remember(plan.loaded, dist, result, reporter.note)
        if (code := exit_code(result)) != 0:
            event = Event.failed(plan.package, plan.version_text, _failures(result))
            tell_everyone(plan.loaded, event, reporter.note)
            return code
        _must_be_proven(plan, result)
        files = chosen(release_files(job, result))
        prerelease = _is_prerelease(plan, tag)
        index = job.home / INDEX
        atomic_write(
            index,
            index_of(result, files, tag=tag, prerelease=prerelease).model_dump_json(indent=1),
        )
        seen = job.home / CERTIFICATES
        atomic_write(seen, to_lines(certificates(result, files)))
        files = {**files, INDEX: index, CERTIFICATES: seen}
        with configured_signer(plan.loaded, plan.package) as signer:
            assets = assemble(files, job.home / "release", signer)
            fingerprints = signer.fingerprint
        draft = _draft(plan, tag, fingerprints, reporter.note)
        atomic_write(job.home / "release-notes.md", draft.body)
        made = prepare_draft(github, draft, reporter.note)
        sent = bring_assets(github, made, assets, reporter.note)
        if public:
            made = publish(github, made, reporter.note)
    event = Event.released(plan.package, plan.version_text, made.html_url, draft=made.draft)
    tell_everyone(plan.loaded, event, reporter.note)
    return Done(release=made, assets=tuple(assets), sent=sent)


def _documents(plan: Plan, github: Github, reporter: Reporter) -> None:
    """The documents about the newest release, which may be this one now."""
    from debwright.release.documents import bring_up_to_date

    made = bring_up_to_date(plan.loaded, plan.package, github)
    if changed := [str(d.path) for d in made if d.changed]:
        reporter.note(f"written, to be committed: {', '.join(changed)}")


def release_files(job: Job, result: RunResult) -> Iterator[Path]:
    """What users may download: packages, SBOMs and sources, of targets and companions."""
    from debwright.pipeline.run import DOWNLOADS

    for part in (*result.targets, *result.companions):
        for artifact in part.artifacts:
            if artifact.kind in DOWNLOADS:
                yield job.dist / artifact.path
    for source in job.sources.values():
        yield source.dsc
        yield from source.files


def _must_be_proven(plan: Plan, result: RunResult) -> None:
    """What was never seen to start is not released."""
    from debwright.pipeline.stages.check import not_proven

    for target in result.targets:
        reason = not_proven(target.checks, has_service=bool(plan.config.service))
        if reason is not None:
            raise CheckError(
                f"{target.target} is not proven to work: {reason}",
                cause="nothing was sent to GitHub",
                fix=Command("debwright", "check", "-t", target.target),
            )


def _draft(plan: Plan, tag: str, fingerprints: str, say: Callable[[str], None]) -> Draft:
    from debwright.pipeline.stages.publish import settings_of
    from debwright.release.commits import story_of
    from debwright.release.notes import install_text, notes_of
    from debwright.release.upload import Draft
    from debwright.source.version import release_version

    config = plan.config
    settings = settings_of(config, plan.package)
    install = install_text(config, plan.package, settings.name, fingerprints)
    directory = plan.loaded.resolve(config.package.source)
    upstream = release_version(tag, config.package.tag_prefix) or tag
    if plan.dsc is not None:
        body = install
    else:
        story = story_of(plan.loaded, directory, tag=tag, since=None)
        for note in story.notes:
            say(note)
        body = notes_of(plan.loaded, story, install)
    return Draft(
        tag=tag,
        name=f"{plan.package} {upstream.replace('~', '-')}",
        body=body,
        prerelease=_is_prerelease(plan, tag),
        commit=plan.version.commit if plan.version else None,
    )


def _is_prerelease(plan: Plan, tag: str) -> bool:
    from debwright.source.version import release_version

    marked = plan.config.release.prerelease
    if marked != "auto":
        return marked
    return "~" in (release_version(tag, plan.config.package.tag_prefix) or tag)


def _current_tag(plan: Plan) -> str:
    version = plan.version
    if version is None or version.tag is None or version.distance:
        raise UsageError(
            "there is no release tag on this commit",
            cause=f"the version here is {plan.version_text}",
            fix=f"git tag {plan.config.package.tag_prefix}1.2.3, or --tag",
        )
    return version.tag


def _failures(result: RunResult) -> str:
    from debwright.model.results import Status

    stages = [(None, s) for s in result.stages]
    stages += [(t.target, s) for t in (*result.targets, *result.companions) for s in t.stages]  # type: ignore[misc]
    lines = [
        f"{target or 'run'}: {stage.stage}: {stage.error.message if stage.error else stage.reason}"
        for target, stage in stages
        if stage.status is Status.FAILED
    ]
    return "\n".join(lines) or "a stage failed"


def _tell(options: Options, done: Done, *, public: bool) -> None:
    release = done.release
    kind = "pre-release" if release.prerelease else "release"
    lines = [
        f"{release.name}: {'' if public else 'draft of a '}{kind}, {len(done.assets)} files, "
        f"{done.sent} sent now",
        release.html_url,
    ]
    if release.draft:
        then = "next: read the draft; then `debwright release --publish`, or its button"
        lines.append(options.standing.typed(then))
    data = {
        "tag": release.tag_name, "url": release.html_url, "draft": release.draft,
        "prerelease": release.prerelease, "sent": done.sent,
        "assets": [{"name": a.name, "size": a.size, "sha256": a.sha256} for a in done.assets],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    emit(options, data, "\n".join(lines))
