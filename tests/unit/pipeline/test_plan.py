"""The plan: versions, and what each target builds."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kit import debs
from tests.kit.stages import Version, plan, source, target

from debwright.config.load import effective_json
from debwright.model.targets import Choice, Strategy, Target
from debwright.pipeline.plan import nocheck_notes
from debwright.pipeline.planning import make_plan, with_all


def choices(*strategies: Strategy) -> list[Choice]:
    return [Choice(strategy=s, reason="x") for s in strategies]


def test_each_suite_has_one_target_that_builds_all() -> None:
    targets = [Target.parse(t) for t in
               ("bookworm-arm64", "bookworm-amd64", "trixie-arm64", "trixie-armhf")]  # fmt: skip
    made = with_all(targets, choices(Strategy.CROSS, Strategy.NATIVE, Strategy.CROSS,
                                      Strategy.EMULATED))  # fmt: skip
    assert [str(t.target) for t in made if t.build_all] == ["bookworm-amd64", "trixie-arm64"]


def version(tmp_path: Path, *targets: str, build: tuple[str, ...]) -> dict[str, str]:
    made = plan(tmp_path, *targets, build=build, version=Version())
    return {suite: made.version_for(suite) for suite in made.suites}


def test_a_version_has_a_suffix_where_suites_could_clash(tmp_path: Path) -> None:
    both = ("bookworm-amd64", "trixie-amd64")
    assert version(tmp_path, *both, build=both) == {
        "bookworm": "1.2-1~deb12u1", "trixie": "1.2-1~deb13u1",
    }  # fmt: skip
    one = ("bookworm-amd64", "bookworm-arm64")
    assert version(tmp_path, *one, build=one) == {"bookworm": "1.2-1"}


def test_the_version_of_a_target_built_alone_is_the_one_it_has_among_others(tmp_path: Path) -> None:
    both = ("bookworm-amd64", "trixie-amd64")
    assert version(tmp_path, "bookworm-amd64", build=both) == {"bookworm": "1.2-1~deb12u1"}


def test_a_cross_build_has_its_profiles_and_runs_no_tests(tmp_path: Path) -> None:
    subject = plan(tmp_path)
    cross = target("bookworm-arm64", Strategy.CROSS)
    made = subject.build_plan(cross, source("any", "all"), Strategy.CROSS)
    assert made.cross
    assert (str(made.machine), str(made.target)) == ("bookworm-amd64", "bookworm-arm64")
    assert made.profiles == ("cross", "nocheck")
    assert made.options == ("nocheck",)
    fallen_back = subject.build_plan(cross, source("any"), Strategy.EMULATED)
    assert (str(fallen_back.machine), fallen_back.profiles) == ("bookworm-arm64", ())


def test_packages_for_all_architectures_are_built_as_those_of_this_machine(tmp_path: Path) -> None:
    subject, arm = plan(tmp_path), target("bookworm-arm64", Strategy.CROSS)
    choice = subject.choice_for(arm, source("all"))
    assert choice.strategy is Strategy.NATIVE
    made = subject.build_plan(arm, source("all"), choice.strategy)
    assert (str(made.machine), made.cross, made.profiles) == ("bookworm-amd64", False, ())
    assert (made.kind_option(), str(made.target)) == ("-A", "bookworm-arm64")


@pytest.mark.parametrize(
    ("choice", "architectures"),
    [
        (Choice(strategy=Strategy.CROSS, reason="x"), ("any",)),
        (Choice(strategy=Strategy.CROSS, reason="x"), ("all", "arm64")),
        (Choice(strategy=Strategy.CROSS, reason="x", asked=True), ("all",)),
        (Choice(strategy=Strategy.EMULATED, reason="no cross compiler"), ("all",)),
        (Choice(strategy=Strategy.CROSS, reason="x"), ("amd64",)),
    ],
)
def test_what_needs_a_compiler_or_was_asked_for_is_built_as_planned(
    tmp_path: Path, choice: Choice, architectures: tuple[str, ...]
) -> None:
    arm = replace(target("bookworm-arm64", Strategy.CROSS), choice=choice)
    assert plan(tmp_path).choice_for(arm, source(*architectures)) is choice


@pytest.mark.parametrize(
    ("architectures", "build_all", "kinds"),
    [
        (("any", "all"), True, (True, True)),
        (("any", "all"), False, (False, True)),
        (("all",), True, (True, False)),
        (("all",), False, (False, False)),
        (("arm64",), True, (False, False)),
    ],
)
def test_which_kinds_of_package_a_target_builds(
    tmp_path: Path, architectures: tuple[str, ...], build_all: bool, kinds: tuple[bool, bool]
) -> None:
    native = target("bookworm-amd64", Strategy.NATIVE, build_all=build_all)
    made = plan(tmp_path).build_plan(native, source(*architectures), Strategy.NATIVE)
    assert (made.with_all, made.with_any) == kinds


@pytest.mark.parametrize(
    ("said", "tag", "note"),
    [
        ('version_from = "changelog"', "v0.4.0", "v0.4.0 on this commit does not count"),
        ('version_from = "changelog"', "v0.3.0", None),
        ("", "release-0.4.0", 'tag_prefix = "release-"'),
        ("", "v0.4.0", None),
    ],
)
def test_tags_that_do_not_count_are_named(
    tmp_path: Path, said: str, tag: str, note: str | None
) -> None:
    entry = "demo (0.3.0-1) unstable; urgency=low\n\n  * X.\n\n"
    signed = " -- Jo <jo@example.org>  Mon, 02 Nov 2026 10:00:00 +0000\n"
    debs.write(tmp_path, {
        "debian/control": "Source: demo\nMaintainer: Jo <jo@example.org>\n",
        "debian/changelog": entry + signed, "debwright.toml": f"[package]\n{said}\n",
    })  # fmt: skip
    identity = ["-c", "user.name=Jo", "-c", "user.email=jo@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["tag", tag]):
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True)
    found = make_plan(tmp_path, elsewhere=True)
    assert found.version is not None
    assert [n for n in found.version.notes if note and note in n] or note is None
    assert note or not found.version.notes
    assert found.version.upstream == ("0.4.0" if not said and tag == "v0.4.0" else "0.3.0")


def test_another_source_is_built_without_this_projects_service(tmp_path: Path) -> None:
    """As a .dsc of Debian: the configuration that it is built by is written like any other."""
    debs.write(tmp_path, {
        "debwright.toml": '[service]\nunit = "demo.service"\n',
        "other/debian/control": "Source: other\nMaintainer: Jo <jo@example.org>\n",
        "other/debian/changelog": "other (1-1) unstable; urgency=low\n\n  * X.\n\n"
        " -- Jo <jo@example.org>  Mon, 02 Nov 2026 10:00:00 +0000\n",
    })  # fmt: skip
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    found = make_plan(tmp_path, source=tmp_path / "other", elsewhere=True)
    assert found.package == "other"
    assert found.config.main_service is None
    assert json.loads(effective_json(found.config))["service"] is None


def test_rules_that_decide_by_nocheck_are_told_where_a_build_is_a_cross_build(
    tmp_path: Path,
) -> None:
    from debwright.source.package import SourceTree

    (tmp_path / "debian").mkdir()
    (tmp_path / "debian/rules").write_text(
        "ifeq (,$(filter nocheck,$(DEB_BUILD_OPTIONS)))\nX = 1\nendif\n"
    )
    tree = SourceTree(
        directory=tmp_path, name="demo", version="1", format="x", maintainer="x", epoch_seconds=0
    )
    native = target("bookworm-amd64", Strategy.NATIVE)
    cross = target("bookworm-arm64", Strategy.CROSS)
    subject = replace(plan(tmp_path), tree=tree, targets=(native, cross))
    (note,) = nocheck_notes(subject, {"bookworm": source("any")})
    assert "line 1" in note
    assert "bookworm-arm64 is cross-built" in note
    assert nocheck_notes(subject, {"bookworm": source("all")}) == [], "nothing is cross-built"
    assert nocheck_notes(replace(subject, targets=(native,)), {"bookworm": source("any")}) == []
    (tmp_path / "debian/rules").unlink()
    assert nocheck_notes(subject, {"bookworm": source("any")}) == []
