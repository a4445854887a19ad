"""Versions from git and their order."""

import itertools
import os
import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debwright.host.git import NotARepository, UntrustedRepository
from debwright.model.errors import UsageError
from debwright.source import version
from debwright.source.order import compare, why_older, with_epoch
from debwright.source.version import (
    development_version,
    for_suite,
    from_git,
    release_version,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HEX = "0123456789abcdef"


class Repository:
    """A real repository whose commits have the dates one asks for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = 0
        path.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, date: str = "2026-11-23T12:00:00+0000") -> str:
        environment = {
            **os.environ,
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }
        identity = ("-c", "user.name=Jo", "-c", "user.email=jo@example.org")
        done = subprocess.run(
            ["git", "-C", self.path, *identity, *arguments],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, date: str = "2026-11-23T12:00:00+0000") -> str:
        self.commits += 1  # equal commits would be one and the same
        self.git("commit", "-q", "--allow-empty", "-m", f"work {self.commits}", date=date)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


def dpkg_compare(left: str, right: str) -> int:
    def holds(operator: str) -> bool:
        argv = ["dpkg", "--compare-versions", left, operator, right]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        assert done.returncode in (0, 1)
        assert not done.stderr, done.stderr
        return done.returncode == 0

    if holds("lt"):
        return -1
    return 0 if holds("eq") else 1


@pytest.mark.parametrize(
    ("tag", "prefix", "expected"),
    [
        ("v1.2.3", "v", "1.2.3"),
        ("v1.2.3-rc1", "v", "1.2.3~rc1"),
        ("v1.2.3-rc.1", "v", "1.2.3~rc.1"),
        ("v10.0.0-beta", "v", "10.0.0~beta"),
        ("1.2.3", "", "1.2.3"),
        ("greeter/v1.2.3", "greeter/v", "1.2.3"),
        ("v1.2", "v", None),
        ("v1.2.3.4", "v", None),
        ("v01.2.3", "v", None),
        ("1.2.3", "v", None),
        ("v1.2.3+build", "v", None),
        ("v1.2.3-rc-1", "v", None),
        ("v1.2.3-rc1a", "v", None),
        ("v1.2.3-", "v", None),
        ("v1.2.3-rc..1", "v", None),
        ("v1.2.3;rm -rf", "v", None),
        ("v1.2.3-$(id)", "v", None),
        ("v1.2.3\n", "v", None),
        ("v1.2.3/../../x", "v", None),
        ("v\u0661.2.3", "v", None),
        ("v1.2.3-" + "a" * 200, "v", None),
        ("v" + "9" * 30 + ".0.0", "v", None),
    ],
)
def test_only_strict_release_tags_count(tag: str, prefix: str, expected: str | None) -> None:
    assert release_version(tag, prefix) == expected


IDENTIFIERS = st.lists(
    st.sampled_from(["alpha", "beta", "dev", "rc"]) | st.integers(0, 30).map(str), max_size=3
)
NUMBERS = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))


def precedence(release: tuple[int, ...], identifiers: list[str]) -> tuple[object, ...]:
    """A key that sorts as Semantic Versioning 2.0.0, section 11, says."""
    pre = [(0, int(i), "") if i.isdecimal() else (1, 0, i) for i in identifiers]
    return release, not identifiers, pre


@settings(deadline=None, max_examples=400)
@given(NUMBERS, IDENTIFIERS, NUMBERS, IDENTIFIERS)
def test_the_order_of_tags_is_that_of_semantic_versioning(
    one: tuple[int, ...], pre_one: list[str], other: tuple[int, ...], pre_other: list[str]
) -> None:
    for second in (other, one):  # the same numbers, too: then pre-releases alone decide
        tags = [
            "v" + ".".join(map(str, numbers)) + (f"-{'.'.join(pre)}" if pre else "")
            for numbers, pre in ((one, pre_one), (second, pre_other))
        ]
        versions = [release_version(tag) for tag in tags]
        assert versions[0] is not None
        assert versions[1] is not None
        a, b = precedence(one, pre_one), precedence(second, pre_other)
        assert compare(versions[0], versions[1]) == (a > b) - (a < b), tags


@pytest.mark.parametrize(
    ("suite", "expected"),
    [
        ("bullseye", "1.2.3-1~deb11u1"),
        ("bookworm", "1.2.3-1~deb12u1"),
        ("trixie", "1.2.3-1~deb13u1"),
        ("sid", "1.2.3-1"),
        ("jammy", "1.2.3-1~ubuntu22.04.1"),
        ("noble", "1.2.3-1~ubuntu24.04.1"),
        ("resolute", "1.2.3-1~ubuntu26.04.1"),
        ("raspios-bookworm", "1.2.3-1~raspios12u1"),
        ("raspios-trixie", "1.2.3-1~raspios13u1"),
        ("kali-rolling", "1.2.3-1~kalirolling.1"),
    ],
)
def test_the_version_of_each_suite(suite: str, expected: str) -> None:
    assert for_suite("1.2.3-1", suite) == expected
    assert compare(expected, "1.2.3-2") < 0 < compare(expected, "1.2.2-1")


def test_later_suites_sort_above_earlier_ones() -> None:
    for names in (["bullseye", "bookworm", "trixie", "sid"], ["jammy", "noble", "sid"]):
        built = [for_suite("1.2.3+git5.20261123.gabc12345-1", name) for name in names]
        assert all(dpkg_compare(a, b) < 0 for a, b in itertools.pairwise(built))


releases = st.builds(
    lambda core, pre: ".".join(map(str, core)) + pre,
    st.tuples(*[st.integers(0, 12)] * 3),
    st.one_of(
        st.just(""),
        st.builds(
            lambda word, number, more: f"-{word}{number}{more}",
            st.sampled_from(["rc", "alpha", "beta", "RC", "dev"]),
            st.sampled_from(["", "0", "1", "2", "10", ".1", ".2"]),
            st.sampled_from(["", ".3", ".x"]),
        ),
    ),
)
commits = st.text(HEX, min_size=40, max_size=40)
times = st.datetimes(datetime(2005, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@settings(deadline=None)
@given(
    tag=releases,
    n=st.integers(1, 9999),
    more=st.integers(1, 9999),
    first=commits,
    second=commits,
    then=times,
    later=times,
)
def test_order_follows_history_whatever_dates_and_hashes_say(
    *, tag: str, n: int, more: int, first: str, second: str, then: datetime, later: datetime
) -> None:
    base = release_version(tag, "")
    assert base is not None
    row = [
        base,
        development_version(base, 0, first, then, dirty=True),
        development_version(base, n, first, then, dirty=False),
        development_version(base, n, first, then, dirty=True),
        development_version(base, n + more, second, later, dirty=False),
    ]
    for low, high in itertools.pairwise(row):
        assert compare(f"{low}-1", f"{high}-1") < 0
        assert compare(low, high) < 0


@settings(deadline=None)
@given(
    one=releases,
    other=releases,
    n=st.integers(1, 9999),
    commit=commits,
    when=times,
    dirty=st.booleans(),
)
def test_commits_after_a_release_are_below_the_next(
    *, one: str, other: str, n: int, commit: str, when: datetime, dirty: bool
) -> None:
    low, high = (release_version(tag, "") for tag in (one, other))
    assert low is not None
    assert high is not None
    if compare(low, high) > 0:
        low, high = high, low
    # dpkg reads a missing number as 0: `beta` and `beta0` are one version to it.
    if compare(low, high) == 0 or low + "0" == high or high.startswith(low + "0."):
        return
    snapshot = development_version(low, n, commit, when, dirty=dirty)
    assert compare(low, snapshot) < 0
    assert compare(f"{snapshot}-1", f"{high}-1") < 0


@pytest.mark.parametrize("pre", ["rc1", "beta", "alpha", "rc.1"])
def test_commits_after_a_prerelease_are_below_every_likely_successor(pre: str) -> None:
    snapshot = development_version(f"1.0.0~{pre}", 5, "a" * 40, NOON, dirty=True)
    dirty = development_version(f"1.0.0~{pre}", 0, "a" * 40, NOON, dirty=True)
    following = ("1.0.0~rc.2",) if pre == "rc.1" else ("1.0.0~rc2", "1.0.0~rc10")
    for successor in (*following, "1.0.0", f"1.0.0~{pre}.1"):
        assert dpkg_compare(f"{snapshot}-1", f"{successor}-1") < 0
        assert dpkg_compare(f"{dirty}-1", f"{snapshot}-1") < 0
    if pre.isalpha():
        assert dpkg_compare(f"{snapshot}-1", f"1.0.0~{pre}2-1") < 0
        assert dpkg_compare(f"{dirty}-1", f"1.0.0~{pre}2-1") < 0


def test_without_a_release_all_is_below_the_first() -> None:
    snapshot = development_version(None, 500, "a" * 40, NOON, dirty=True)
    assert snapshot == "0~git500.20261123.gaaaaaaaa+dirty"
    for first in ("0.0.0-1", "0.0.1~alpha-1", "0.1.0-1"):
        assert dpkg_compare(f"{snapshot}-1", first) < 0


def test_our_order_is_that_of_dpkg() -> None:
    chance = random.Random(7)
    bases = ["1.2.3", "1.2.3~rc1", "1.2.3~rc.1", "1.2.3~beta", "1.2.4~RC2", "1.2.10", None]
    made = []
    for _ in range(60):
        commit = "".join(chance.choices(HEX, k=40))
        when = datetime.fromtimestamp(chance.randrange(10**9, 2 * 10**9), UTC)
        base = chance.choice(bases)
        distance = chance.choice([0, 1, 9, 10, 2000]) if base else 3
        text = development_version(base, distance, commit, when, dirty=chance.random() < 0.4)
        made.append(for_suite(text + chance.choice(["", "-1"]), chance.choice(["sid", "trixie"])))
    for _ in range(300):
        left, right = chance.choice(made), chance.choice(made)
        assert compare(left, right) == dpkg_compare(left, right), (left, right)


def test_a_tag_on_head(repo: Repository) -> None:
    commit = repo.commit()
    repo.git("tag", "v1.2.3")
    info = from_git(repo.path)
    assert info == version.VersionInfo(
        upstream="1.2.3",
        debian="1.2.3-1",
        commit=commit,
        commit_time=NOON,
        dirty=False,
        tag="v1.2.3",
        distance=0,
    )
    assert from_git(repo.path, native=True).debian == "1.2.3"


def test_an_annotated_tag_counts_as_a_plain_one(repo: Repository) -> None:
    repo.commit()
    repo.git("tag", "-a", "-m", "release", "v1.2.3-rc1")
    assert from_git(repo.path).debian == "1.2.3~rc1-1"


def test_commits_after_a_tag_sort_by_history_even_when_clocks_run_backwards(
    repo: Repository,
) -> None:
    repo.commit()
    repo.git("tag", "v1.2.3")
    seen = [from_git(repo.path).debian]
    for day in (23, 9, 22, 8):
        repo.commit(f"2026-11-{day:02}T23:30:00-0800")
        seen.append(from_git(repo.path).debian)
        (repo.path / "scrap").write_text("x")
        seen.append(from_git(repo.path).debian)
        (repo.path / "scrap").unlink()
    commit = repo.git("rev-parse", "HEAD")
    assert seen[-2] == f"1.2.3+git4.20261109.g{commit[:8]}-1"
    repo.git("tag", "v1.2.4-rc1")
    seen += [from_git(repo.path).debian]
    assert all(dpkg_compare(a, b) < 0 for a, b in itertools.pairwise(seen))


def test_merging_an_older_release_does_not_go_back(repo: Repository) -> None:
    repo.commit()
    repo.git("tag", "v1.0.0")
    repo.git("checkout", "-q", "-b", "maintenance")
    repo.commit()
    repo.git("tag", "v1.0.1")
    repo.git("checkout", "-q", "main")
    for _ in range(3):
        repo.commit()
    repo.git("tag", "v1.1.0")
    repo.commit()
    repo.commit()
    before = from_git(repo.path)
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "maintenance")
    after = from_git(repo.path)
    assert before.tag == after.tag == "v1.1.0"
    assert compare(before.debian, after.debian) < 0


def test_the_release_tag_on_head_wins_and_says_when_that_is_a_step_back(repo: Repository) -> None:
    repo.commit()
    repo.git("tag", "v2.0.0")
    repo.commit()
    repo.git("tag", "v1.9.0")
    info = from_git(repo.path)
    assert info.debian == "1.9.0-1"
    assert any("v2.0.0" in note for note in info.notes)


def test_the_higher_of_two_tags_on_head_wins(repo: Repository) -> None:
    repo.commit()
    repo.git("tag", "v1.0.0-rc2")
    repo.git("tag", "v1.0.0")
    info = from_git(repo.path)
    assert (info.tag, info.notes) == ("v1.0.0", ())


def test_hostile_tags_are_passed_over_and_named(repo: Repository) -> None:
    repo.commit()
    for tag in ("v1.0.0", "v9;reboot", "v8$(id)", "v7.0", "nightly", "v9.0.0+x", "-v9.0.0"):
        repo.git("update-ref", f"refs/tags/{tag}", "HEAD")
    info = from_git(repo.path)
    assert info.debian == "1.0.0-1"
    assert "v7.0" in info.notes[0]
    assert "nightly" not in info.notes[0]


def test_tags_of_other_branches_do_not_count(repo: Repository) -> None:
    repo.commit()
    repo.git("checkout", "-q", "-b", "other")
    repo.commit()
    repo.git("tag", "v5.0.0")
    repo.git("checkout", "-q", "main")
    assert from_git(repo.path).tag is None


def test_without_tags_commits_are_counted(repo: Repository) -> None:
    repo.commit()
    commit = repo.commit()
    assert from_git(repo.path).debian == f"0~git2.20261123.g{commit[:8]}-1"


def test_only_changes_below_the_source_are_dirt(repo: Repository) -> None:
    source = repo.path / "service"
    source.mkdir()
    (source / "a").write_text("a")
    (repo.path / ".gitignore").write_text("*.tmp\n")
    repo.git("add", "-A")
    repo.commit()
    repo.git("tag", "v1.0.0")
    (repo.path / "elsewhere").write_text("x")
    (source / "x.tmp").write_text("ignored")
    (source / "dist").mkdir()
    (source / "dist" / "out").write_text("made by a run")
    assert not from_git(source).dirty
    (source / "a").write_text("b")
    info = from_git(source)
    assert info.debian == "1.0.0+dirty-1"
    assert "service/a" in info.notes[0]


def test_a_shallow_clone_says_so(repo: Repository, tmp_path: Path) -> None:
    repo.commit()
    repo.git("tag", "v1.0.0")
    repo.commit()
    clone = tmp_path / "clone"
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(clone))
    info = from_git(clone)
    assert info.tag is None
    assert "git fetch --unshallow --tags" in info.notes[0]


def test_outside_a_repository(tmp_path: Path) -> None:
    with pytest.raises(NotARepository) as caught:
        from_git(tmp_path)
    assert "version_from" in (caught.value.fix or "")
    with pytest.raises(UsageError, match="no directory"):
        from_git(tmp_path / "missing")


def test_a_repository_without_commits(repo: Repository) -> None:
    with pytest.raises(UsageError, match="no commits") as caught:
        from_git(repo.path)
    assert caught.value.fix == "git add . && git commit"


def test_a_repository_git_does_not_trust(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with pytest.raises(UntrustedRepository, match="does not trust") as caught:
        from_git(repo.path)
    assert "git config --global --add safe.directory" in (caught.value.fix or "")


CHANGELOG = """\
hello (1:2.10-3) unstable; urgency=medium

  * Something.

 -- Jo Doe <jo@example.org>  Mon, 23 Nov 2026 13:00:00 +0100
"""


def test_the_version_of_a_changelog(tmp_path: Path) -> None:
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian/changelog").write_text(CHANGELOG)
    info = version.determine(tmp_path, version_from="changelog")
    assert (info.upstream, info.debian, info.commit) == ("2.10", "1:2.10-3", None)
    assert info.commit_time == NOON


@pytest.mark.parametrize(
    "text", ["", "not a changelog\n", CHANGELOG.replace("2.10-3", "2.1_0"), CHANGELOG[:60]]
)
def test_a_broken_changelog_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian/changelog").write_text(text)
    with pytest.raises(UsageError, match="cannot be read"):
        version.from_changelog(tmp_path)


def test_a_missing_changelog_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="changelog"):
        version.from_changelog(tmp_path)


def test_determine_leaves_the_revision_off_native_packages(repo: Repository) -> None:
    (repo.path / "debian/source").mkdir(parents=True)
    (repo.path / "debian/source/format").write_text("3.0 (native)\n")
    repo.git("add", "-A")
    repo.commit()
    repo.git("tag", "v1.2.3")
    assert version.determine(repo.path).debian == "1.2.3"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30))
def test_no_tag_becomes_anything_but_a_version(text: str) -> None:
    made = release_version("v1.0.0" + text)
    assert made is None or set(made) <= set(
        "0123456789.~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    )


@pytest.mark.parametrize(
    ("new", "old", "why"),
    [
        ("1.1.0-1", "2:1.0-1", "no epoch and 2:1.0-1 has 2"),
        ("1:1.1.0-1", "2:1.0-1", "epochs"),
        ("1.1.0-1", "2024.1-1", "as 1:1.1.0-1"),
        ("1.1.0-1", "1.2.0-1", "the older one"),
        ("2023.1-1", "2024.1-1", "the older one"),
    ],
)
def test_why_a_version_is_below_another(new: str, old: str, why: str) -> None:
    assert compare(new, old) < 0
    assert why in why_older(new, old)


def test_a_release_below_the_changelog_has_a_note(repo: Repository) -> None:
    """`plan` said nothing, and `publish` refused it later."""
    (repo.path / "debian").mkdir()
    (repo.path / "debian/changelog").write_text("demo (2024.1-1) unstable; urgency=low\n")
    repo.git("add", ".")
    repo.commit()
    repo.git("tag", "v1.1.0")
    (note,) = from_git(repo.path).notes
    assert "1.1.0-1 is below it for apt" in note


def test_the_epoch_of_the_changelog_is_kept(tmp_path: Path) -> None:
    (tmp_path / "debian").mkdir()
    path = tmp_path / "debian/changelog"
    assert with_epoch("1.1.0-1", tmp_path) == "1.1.0-1"
    for first, expected in (("2:1.0-1", "2:1.1.0-1"), ("1.0-1", "1.1.0-1"), ("0:1-1", "1.1.0-1")):
        path.write_text(f"demo ({first}) unstable; urgency=low\n")
        assert with_epoch("1.1.0-1", tmp_path) == expected


@pytest.mark.parametrize(
    ("tags", "prefix"),
    [
        (["release-1.2.0", "release-1.1.0", "x1.0.0"], "release-"),
        (["1.2.0"], ""),
        (["tinysvc-v1.2.0"], "tinysvc-v"),
        (["upstream/1.2.0"], "upstream/"),
        (["nightly", "build-7"], None),
    ],
)
def test_tags_of_another_scheme_are_named(
    tmp_path: Path, tags: list[str], prefix: str | None
) -> None:
    repository = Repository(tmp_path / "r")
    repository.commit()
    for tag in tags:
        repository.git("tag", tag)
    found = from_git(tmp_path / "r")
    assert found.tag is None
    if prefix is None:
        assert found.ignored == ()
        return
    assert f'tag_prefix = "{prefix}"' in found.ignored[0]
    assert found.ignored[0] in found.notes
    assert from_git(tmp_path / "r", tag_prefix=prefix).tag == tags[0]
