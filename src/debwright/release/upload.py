"""Bringing a release to GitHub: a draft, all of its files, and at the very end its publication.

Every step looks at what is there before it does anything, so that a run that broke off anywhere is
finished by the next one, with nothing twice. A published release is never touched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from debwright.github.client import Github
from debwright.github.http import GithubError, Unsure
from debwright.github.model import Asset as Remote
from debwright.github.model import Release
from debwright.model.errors import DebwrightError, Evidence
from debwright.release.assets import Asset
from debwright.release.edited import edited, marked, plain

EXISTS = 422

Say = Callable[[str], None]


class AlreadyReleased(DebwrightError):
    """The tag has a published release, which must not change."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What the release is to say of itself."""

    tag: str
    name: str
    body: str
    prerelease: bool
    commit: str | None


def find_draft(github: Github, tag: str, say: Say) -> Release | None:
    """The draft of `tag`; None when there is none. Raises AlreadyReleased."""
    found = github.releases_of(tag)
    for release in found:
        if not release.draft:
            raise AlreadyReleased(
                f"{tag} is released already",
                evidence=[Evidence(text=release.html_url)],
                cause="what is published must not change: users have it",
                fix="release the next version; git tag lists those there are",
            )
    if len(found) > 1:
        others = ", ".join(str(r.id) for r in found[1:])
        say(f"{tag} has {len(found)} drafts; {found[0].id} is used, remove the others: {others}")
    return found[0] if found else None


def prepare_draft(github: Github, draft: Draft, say: Say) -> Release:
    """The draft with its current name and notes, made when there is none.

    A name or notes that a person has edited stay.
    """

    def once() -> Release:
        found = find_draft(github, draft.tag, say)
        return _update(github, found, draft, say) if found else _create(github, draft, say)

    return github.until_sure(once, say)


def _update(github: Github, found: Release, draft: Draft, say: Say) -> Release:
    theirs = edited(found.name, found.body, usual=(draft.name, draft.tag))
    if theirs.name:
        say("the draft's name was edited on GitHub, and stays")
    if theirs.body:
        say("the draft's notes were edited on GitHub, and stay; empty them there to get new ones")
    changes: dict[str, str] = {}
    if not theirs.name and found.name != draft.name:
        changes["name"] = draft.name
    if not theirs.body and plain(found.body or "").rstrip() != draft.body.rstrip():
        changes["body"] = marked(draft.name, draft.body)
    return github.update(found, **changes) if changes else found


def _create(github: Github, draft: Draft, say: Say) -> Release:
    made = github.create_draft(
        draft.tag, name=draft.name, body=marked(draft.name, draft.body),
        prerelease=draft.prerelease, commit=draft.commit,
    )  # fmt: skip
    say(f"made the draft {made.html_url}")
    return made


def bring_assets(github: Github, release: Release, assets: Sequence[Asset], say: Say) -> int:
    """Make the draft's files those of `assets`; how many were sent.

    Files of other names stay: a person may have put them there. Raises DebwrightError when at the
    end GitHub has not what was sent.
    """
    there = {a.name: a for a in github.assets(release)}
    sent: set[str] = set()
    for asset in assets:
        remote = there.get(asset.name)
        if remote is not None and is_same(remote, asset):
            continue
        if remote is not None:
            github.delete_asset(remote)
        _send(github, release, asset, say)
        sent.add(asset.name)
        say(f"sent {asset.name}")
    there = {a.name: a for a in github.assets(release)}
    wrong = [
        a for a in assets
        if a.name not in there or not is_same(there[a.name], a, sent=a.name in sent)
    ]  # fmt: skip
    if wrong:
        raise DebwrightError(
            "GitHub does not have the files that were sent",
            evidence=[Evidence(text=_difference(a, there.get(a.name))) for a in wrong[:10]],
            fix="run the same command again",
        )
    wanted = {a.name for a in assets}
    if others := [name for name in sorted(there) if name not in wanted]:
        say(f"the draft has further files, which were left alone: {', '.join(others)}")
    return len(sent)


def publish(github: Github, release: Release, say: Say) -> Release:
    """Make the draft public."""

    def once() -> Release:
        try:
            return github.update(release, draft=False)
        except Unsure:
            done = [r for r in github.releases_of(release.tag_name) if r.id == release.id]
            if done and not done[0].draft:
                return done[0]
            raise

    return github.until_sure(once, say)


def is_same(remote: Remote, asset: Asset, *, sent: bool = False) -> bool:
    """Whether GitHub has this very file.

    Servers of old give no digest. There a file is believed to be the one that was just `sent`; one
    from before is not, and is sent again.
    """
    if remote.state != "uploaded" or remote.size != asset.size:
        return False
    return remote.digest == f"sha256:{asset.sha256}" or (sent and remote.digest is None)


def _send(github: Github, release: Release, asset: Asset, say: Say) -> None:
    """Send one file; after a failure see what has become of it, and begin again."""

    def once() -> None:
        try:
            github.upload(release, asset.name, asset.path)
        except GithubError as error:
            if not isinstance(error, Unsure) and error.status != EXISTS:
                raise
            there = {a.name: a for a in github.assets(release)}
            remote = there.get(asset.name)
            if remote is not None and is_same(remote, asset):
                return
            if remote is not None:
                github.delete_asset(remote)
            raise Unsure(
                f"{asset.name}: {error.what}", status=error.status, evidence=error.evidence,
                cause=error.cause, fix=error.fix,
            ) from error  # fmt: skip

    github.until_sure(once, say)


def _difference(asset: Asset, remote: Remote | None) -> str:
    if remote is None:
        return f"{asset.name} is not there"
    return (
        f"{asset.name}: {remote.state}, {remote.size} bytes, {remote.digest}; "
        f"sent {asset.size} bytes, sha256:{asset.sha256}"
    )
