"""Changelogs from commits: conventional ones, any others, and those that mean harm."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from debian.changelog import Changelog
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from debwright.config import load
from debwright.github.place import repository_of
from debwright.model.errors import UsageError
from debwright.release.changelog import entry, prepend, says_the_same
from debwright.release.commits import (
    Change,
    Kind,
    changes_between,
    changes_of,
    previous_release,
    story_of,
)
from debwright.release.notes import LENGTH_LIMIT, Links, escaped, release_notes

WHEN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LINKS = Links(repository="https://github.com/example/greeter")
HOSTILE = (
    "fix: evil \x1b[31m <script>alert(1)</script> [x](javascript:alert(1)) @octocat "
    "![i](http://t/) `<b>` | {{ x }} $(reboot) closes: #99 LP: #7\r\n\r\n"
    " -- Evil <e@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n\n"
    "greeter (99:1-1) unstable; urgency=low\n"
)


def git(directory: Path, *arguments: str) -> None:
    environment = {
        **os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    subprocess.run(
        ["git", *arguments], cwd=directory, check=True, capture_output=True, env=environment
    )


@pytest.fixture
def history(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    commit(tmp_path, "feat: the first")
    git(tmp_path, "tag", "v1.0.0")
    return tmp_path


def commit(directory: Path, message: str) -> None:
    git(directory, "commit", "-q", "--allow-empty", "--allow-empty-message", "-m", message)


def changelog_of(changes: list[Change]) -> str:
    return entry(
        "greeter", "1.1.0-1", changes, distribution="unstable", author="A <a@example.org>",
        when=WHEN,
    )  # fmt: skip


def test_commits_are_sorted_and_what_breaks_comes_first(history: Path) -> None:
    for message in (
        "chore: tidy up",
        "fix(http): no crash on empty input (#34)",
        "feat: colours\n\nCloses #12\nRefs: #13, #14",
        "feat(api)!: drop v1\n\nBREAKING CHANGE: v1 is gone, use v2",
        "security: check the token",
        "Merge branch 'topic'",
        "just some words",
        "",
        "fixup! feat: colours",
    ):
        commit(history, message)
    changes = changes_between(history, "v1.0.0")
    assert [c.kind for c in changes] == [
        Kind.INTERNAL, Kind.FIX, Kind.FEATURE, Kind.FEATURE, Kind.SECURITY, Kind.OTHER,
    ]  # fmt: skip
    assert changes[2].issues == (12, 13, 14)
    text = changelog_of(changes)
    bullets = [line for line in text.splitlines() if line.startswith("  * ")]
    assert bullets[0] == "  * BREAKING: api: drop v1 (v1 is gone, use v2)"
    assert bullets[1:] == [
        "  * check the token", "  * colours (#12, #13, #14)",
        "  * http: no crash on empty input (#34)", "  * just some words",
    ]  # fmt: skip
    assert "urgency=high" in text
    notes = release_notes(changes, links=LINKS, since="v1.0.0", tag="v1.1.0")
    titles = [line for line in notes.splitlines() if line.startswith("## ")]
    assert titles == ["## Breaking changes", "## Security", "## New", "## Fixed", "## Changed"]
    assert "[#34](https://github.com/example/greeter/issues/34)" in notes
    assert "[#12](https://github.com/example/greeter/issues/12)" in notes
    assert "1 internal change<" in notes
    assert "compare/v1.0.0...v1.1.0" in notes


def test_a_history_without_any_convention(history: Path) -> None:
    for message in ("Add colours", "WIP", "Update README.md"):
        commit(history, message)
    changes = changes_between(history, "v1.0.0")
    assert "  * Add colours\n  * WIP\n  * Update README.md\n" in changelog_of(changes)
    assert "## Changed\n\n- Add colours\n" in release_notes(
        changes, links=Links(), since="v1.0.0", tag="v1.1.0"
    )


def test_words_before_a_colon_stay_unless_they_are_a_type(history: Path) -> None:
    messages = (
        "Fix: no crash", "FEAT(api): colours", "net/http: close the socket",
        "parser(lexer): faster", "https://bugs.example.org/5", "- one thing\n- and another",
    )  # fmt: skip
    for message in messages:
        commit(history, message)
    assert [(c.kind, c.scope, c.text) for c in changes_between(history, "v1.0.0")] == [
        (Kind.FIX, None, "no crash"), (Kind.FEATURE, "api", "colours"),
        (Kind.OTHER, None, "net/http: close the socket"),
        (Kind.OTHER, None, "parser(lexer): faster"),
        (Kind.OTHER, None, "https://bugs.example.org/5"), (Kind.OTHER, None, "one thing"),
    ]  # fmt: skip


def test_what_is_said_twice_is_listed_once_and_bumps_of_the_version_are_internal(
    history: Path,
) -> None:
    for message in ("wip", "wip", "Bump version to 1.1.0", "Release 1.1.0", "v1.1.0"):
        commit(history, message)
    changes = changes_between(history, "v1.0.0")
    assert "  * wip\n" in changelog_of(changes)
    assert changelog_of(changes).count("  * ") == 1
    # One that is all there is, is listed: a squashed release has changes.
    assert "  * Release 1.1.0\n" in changelog_of([c for c in changes if "Release" in c.text])


def test_what_was_taken_back_is_not_listed(history: Path) -> None:
    def revert(what: str) -> None:
        git(history, "revert", "--no-edit", what)

    (history / "file").write_text("old\n")
    git(history, "add", "file")
    commit(history, "fix: a fix that stays")
    for text in ("one", "two"):
        (history / "file").write_text(f"{text}\n")
        git(history, "add", "file")
        commit(history, f"feat!: {text}\n\nBREAKING CHANGE: {text} is gone")
    revert("HEAD")
    texts = [c.text for c in changes_between(history, "v1.0.0")]
    assert texts == ["a fix that stays", "one"]
    revert("HEAD")  # and the revert is taken back
    texts = [c.text for c in changes_between(history, "v1.0.0")]
    assert texts == ["a fix that stays", "one", "two"]
    git(history, "tag", "v1.1.0")
    revert("HEAD~2")
    (taken,) = changes_between(history, "v1.1.0")
    assert taken.kind is Kind.REVERT, "what users had and have no more is told"


def test_notes_are_never_longer_than_github_takes() -> None:
    changes = [
        Change(kind=kind, text=f"{kind} {n} " + "#" * 290, scope=None, breaking=None, issues=(),
               commit="")
        for kind in Kind for n in range(400)
    ]  # fmt: skip
    notes = release_notes(changes, links=LINKS, since="v1.0.0", tag="v1.1.0", install="## Install")
    assert len(notes) <= LENGTH_LIMIT
    assert "## Security" in notes
    assert "## Install" in notes
    assert " more\n" in notes


def test_only_internal_changes_and_none_at_all(history: Path) -> None:
    assert "No changes that users see" in changelog_of([])
    assert "No changes" in release_notes([], links=LINKS, since=None, tag="v1")
    commit(history, "ci: another runner")
    assert "  * another runner\n" in changelog_of(changes_between(history, "v1.0.0"))


def test_hostile_messages_are_text_and_nothing_else(history: Path) -> None:
    commit(history, HOSTILE)
    commit(history, "feat: one @everyone #1\n\nBREAKING CHANGE: <img src=x onerror=alert(1)>")
    changes = changes_between(history, "v1.0.0")
    text = changelog_of(changes)
    parsed = Changelog(text, strict=True)
    assert [str(block.version) for block in parsed] == ["1.1.0-1"]
    assert not parsed[0].bugs_closed, "dpkg would close bug 99 of Debian"
    assert not parsed[0].lp_bugs_closed
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    notes = release_notes(changes, links=LINKS, since="v1.0.0", tag="v1.1.0")
    html = MarkdownIt("commonmark", {"html": True}).render(notes)
    for bad in ("<script", "<img", 'href="javascript'):
        assert bad not in html, html
    assert "@octocat" not in notes
    assert "\x1b" not in notes


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=120))
def test_any_text_stays_within_its_bullet(message: str) -> None:
    changes = changes_of([{"message": message, "group": "fix", "raw_message": message}])
    text = changelog_of(changes)
    assert len(Changelog(text, strict=True)) == 1
    notes = release_notes(changes, links=LINKS, since=None, tag="v1")
    tokens = MarkdownIt("commonmark", {"html": True}).parse(notes)
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert not kinds & {"image", "softbreak"}
    html = [c.content for t in tokens for c in t.children or () if c.type == "html_inline"]
    assert set(html) <= {"<!-- -->"}
    assert [t.tag for t in tokens if t.type == "heading_open"] in ([], ["h2"])


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    html = MarkdownIt("commonmark").renderInline(escaped("a_b_c *x* \\ <i> `x < y` 1 ~ 2"))
    assert html == "a_b_c *x* \\ &lt;i&gt; <code>x &lt; y</code> 1 ~ 2"


def test_the_release_before(history: Path) -> None:
    for tag in ("v1.1.0-rc1", "v1.1.0", "v0.9.0", "nightly", "v2.0.0-beta"):
        commit(history, f"feat: {tag}")
        git(history, "tag", tag)
    before = {
        "1.1.0": "v1.0.0", "1.1.0~rc1": "v1.0.0", "2.0.0": "v1.1.0", "2.0.0~rc1": "v2.0.0-beta",
        "0.1.0": None,
    }  # fmt: skip
    for version, wanted in before.items():
        assert previous_release(history, "HEAD", "v", version) == wanted, version


def test_one_directory_of_a_larger_repository(history: Path) -> None:
    for name in ("one", "two"):
        (history / name).mkdir()
        (history / name / "file").write_text(name)
        git(history, "add", ".")
        commit(history, f"feat: {name}")
    assert [c.text for c in changes_between(history / "one", "v1.0.0")] == ["one"]


@pytest.mark.parametrize("name", ["v9.9.9", "--help", "-x", "a b"])
def test_a_name_git_does_not_know(history: Path, name: str) -> None:
    with pytest.raises(UsageError):
        changes_between(history, name)


def test_an_entry_goes_in_front_once(tmp_path: Path) -> None:
    path = tmp_path / "changelog"
    old = (
        "greeter (1.0-1) unstable; urgency=medium\n\n  * x\n\n"
        " -- A <a@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"
    )
    path.write_text(old)
    prepend(path, changelog_of([]))
    assert path.read_text().endswith("\n\n" + old)
    assert [str(b.version) for b in Changelog(path.read_text(), strict=True)] == [
        "1.1.0-1",
        "1.0-1",
    ]
    before = path.read_text()
    assert not prepend(path, changelog_of([]))
    assert path.read_text() == before
    path.write_text(old.replace("1.0-1", "2:0.9-1"))
    with pytest.raises(UsageError, match="never goes back") as caught:
        prepend(path, changelog_of([]))
    assert "no epoch" in (caught.value.cause or "")
    path.write_text("nothing of the kind\n")
    with pytest.raises(UsageError, match="cannot be read"):
        prepend(path, changelog_of([]))
    path.unlink()
    prepend(path, changelog_of([]))
    assert path.exists()


def test_an_entry_that_says_something_else_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    path = tmp_path / "changelog"
    text = changelog_of([])
    prepend(path, text)
    assert says_the_same(path, text)
    path.write_text(path.read_text().replace("No changes", "By hand: no changes"))
    assert not says_the_same(path, text)


def test_a_shallow_clone_gives_no_changelog_with_gaps(history: Path, tmp_path: Path) -> None:
    for number in range(4):
        commit(history, f"fix: number {number}")
    git(history, "tag", "v1.1.0")
    commit(history, "feat: the last")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=3", f"file://{history}", str(clone))
    # As `actions/checkout` and `git fetch origin tag` leave it: the tag, and nothing in between.
    git(clone, "fetch", "-q", "--depth=1", "origin", "tag", "v1.0.0")
    assert [c.text for c in changes_between(clone, "v1.1.0")] == ["the last"]
    for since in ("v1.0.0", None):
        with pytest.raises(UsageError, match="this clone is shallow") as caught:
            changes_between(clone, since)
        assert "git fetch --unshallow --tags" in caught.value.render()
    git(clone, "fetch", "-q", "--unshallow", "--tags")
    assert len(changes_between(clone, "v1.0.0")) == 5


def test_a_release_without_a_tag_is_noted(history: Path) -> None:
    (history / "debian").mkdir()
    (history / "debian" / "changelog").write_text(
        "".join(
            f"greeter ({version}) unstable; urgency=medium\n\n  * x\n\n"
            " -- A <a@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n\n"
            for version in ("2:1.2.0-1", "2:1.1.0-1", "2:1.0.0-1")
        )
    )
    git(history, "add", "-A")
    commit(history, "fix: more")
    loaded = load(history)
    (note,) = story_of(loaded, history, tag="v1.2.0", since=None).notes
    assert "has 2:1.1.0-1, for which there is no tag here" in note
    assert "since v1.0.0" in note
    assert story_of(loaded, history, tag="v1.2.0", since="v1.0.0").notes == ()
    git(history, "tag", "v1.1.0")
    assert story_of(loaded, history, tag="v1.2.0", since=None).notes == ()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/example/greeter.git", "example/greeter"),
        ("https://token@github.com/example/greeter", "example/greeter"),
        ("git@github.com:example/greeter.git", "example/greeter"),
        ("ssh://git@github.com:22/example/greeter", "example/greeter"),
        ("/srv/git/greeter", None),
        ("https://github.com/example", None),
        ("", None),
    ],
)
def test_the_repository_of_a_remote(url: str, name: str | None) -> None:
    assert repository_of(url) == name
