"""What must be right before an hour is spent on building a release."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from debwright.config import LoadedConfig
from debwright.github.client import Github
from debwright.host.git import git
from debwright.keys.configured import configured_keys, key_variable
from debwright.keys.proof import prove
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.errors import DebwrightError, Evidence, ExitCode
from debwright.model.fix import Command
from debwright.model.results import Finding, Severity
from debwright.pipeline.plan import Plan
from debwright.release.commits import changes_between, previous_release
from debwright.release.notes import LENGTH_LIMIT
from debwright.release.upload import find_draft
from debwright.source.version import release_version


class PreflightError(DebwrightError):
    """Something that a release needs is not as it must be."""

    exit_code = ExitCode.MISSING


def preflight(plan: Plan, tag: str, github: Github, say: Callable[[str], None]) -> None:
    """Look at everything a release needs and say all that is wrong at once.

    Raises AlreadyReleased, or PreflightError with a line for each problem.
    """
    find_draft(github, tag, say)
    findings: list[Finding] = []
    for look in (_version, _files, _changes, _keys):
        findings += _told(look, plan, tag)
    findings += _told(lambda p, t: _github(p, t, github), plan, tag)
    for finding in findings:
        if finding.severity is not Severity.ERROR:
            say(f"{finding.message} (next: {finding.fix})")
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if errors:
        raise PreflightError(
            f"{tag} cannot be released yet",
            evidence=[
                Evidence(text=text)
                for f in errors
                for text in (f.message, *(f"  | {e.text}" for e in f.evidence), f"  next: {f.fix}")
            ],
            cause="nothing has been built and nothing was sent",
        )


CODES = Codes(
    {
        "release/preflight": Code(ERROR, "The release would fail or be wrong."),
        "release/unnamed-key": Code(WARNING, "debwright.toml does not say which key signs."),
        "release/tag": Code(ERROR, "The tag is another one on GitHub than here."),
    }
)
Look = Callable[[Plan, str], Iterator[Finding]]


def _told(look: Look, plan: Plan, tag: str) -> list[Finding]:
    try:
        return list(look(plan, tag))
    except DebwrightError as error:
        return [CODES.from_error("release/preflight", error)]


def _version(plan: Plan, tag: str) -> Iterator[Finding]:
    upstream = release_version(tag, plan.config.package.tag_prefix)
    version = plan.version
    if upstream is None:
        yield _error(
            f"{tag!r} is not a release's tag",
            f"git tag {plan.config.package.tag_prefix}1.2.3",
        )
        return
    if version is None:
        return  # a .dsc has its own version, and no tag
    if version.dirty:
        yield _error("the tree has changes that are not committed", "git status")
    if version.upstream.split("+dirty", 1)[0] != upstream:
        yield _error(
            f"the tree is version {version.debian}, and the tag {tag} stands for {upstream}",
            f"git checkout {tag}",
        )


def _files(plan: Plan, _: str) -> Iterator[Finding]:
    notes = plan.config.release.notes_file
    if notes is not None and not plan.loaded.inside(notes, "release.notes_file").is_file():
        yield _error(f"release.notes_file {notes} is not there", f"ls {notes}")
    if shutil.which("gpgv") is None:
        yield _error("gpgv is not installed", "apt-get install gpgv")


def _changes(plan: Plan, tag: str) -> Iterator[Finding]:
    """A release that has nothing to say of itself is a mistake."""
    prefix, notes = plan.config.package.tag_prefix, plan.config.release.notes_file
    version = release_version(tag, prefix)
    if plan.dsc is not None or version is None:
        return
    if notes is not None:
        path = plan.loaded.inside(notes, "release.notes_file")
        length = len(path.read_text(encoding="utf-8", errors="replace").strip())
        if length == 0:
            yield _error(f"release.notes_file {notes} is empty", f"write {notes}")
        if length > LENGTH_LIMIT:
            yield _error(
                f"release.notes_file {notes} has {length} characters: GitHub takes {LENGTH_LIMIT}",
                f"shorten {notes}",
            )
        return
    directory = plan.loaded.resolve(plan.config.package.source)
    until = tag if _local_tag(plan.loaded, tag) else "HEAD"
    since = previous_release(directory, until, prefix, version)
    if not changes_between(directory, since, until):
        yield _error(
            f"the changelog of {tag} would be empty: nothing has changed since {since}",
            f"git log {since}..{until}",
        )


def _keys(plan: Plan, _: str) -> Iterator[Finding]:
    signers = configured_keys(plan.loaded)
    if not signers:
        yield _error(
            "there is no signing key: what users download must be signed by a key they can know",
            "in CI: debwright release --preflight --explain lists the secret that holds it; here: "
            'debwright keys new "NAME <ADDRESS>"',
        )
    if key_variable(plan.loaded) is not None and plan.config.signing.key is None:
        for signer in signers:
            yield CODES.found(
                "release/unnamed-key",
                f"any key that becomes the secret would sign; today it is {signer.fingerprint}",
                fix=f'[signing] key = "{signer.fingerprint}" in debwright.toml',
            )
    for signer in signers:
        with signer:
            findings, _good = prove(signer, now=datetime.now(UTC))
            yield from findings


def _github(plan: Plan, tag: str, github: Github) -> Iterator[Finding]:
    info = github.repository_info()
    if info.archived:
        yield _error(f"{info.full_name} is archived: nothing can be released there", "unarchive it")
    allowed = info.permissions
    if allowed is not None and not (allowed.push or allowed.maintain or allowed.admin):
        yield _error(
            f"the token may not write to {info.full_name}",
            "give it `contents: write` (in a workflow: permissions:)",
        )
    reference = github.tag(tag)
    if reference is None:
        yield _error(f"GitHub does not have the tag {tag}", f"git push origin {tag}")
        return
    local = _local_tag(plan.loaded, tag)
    if local is not None and reference.object.sha != local:
        yield CODES.found(
            "release/tag",
            f"the tag {tag} is another one on GitHub than here",
            fix=Command("git", "fetch", "--force", "origin", "tag", tag),
        )  # fmt: skip


def _local_tag(loaded: LoadedConfig, tag: str) -> str | None:
    """What the tag's name stands for here: a tag object, or a commit."""
    directory: Path = loaded.directory
    try:
        return git(
            directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/tags/{tag}"
        ).output.strip()
    except DebwrightError:
        return None


def _error(message: str, fix: str) -> Finding:
    return CODES.found("release/preflight", message, fix=fix)
