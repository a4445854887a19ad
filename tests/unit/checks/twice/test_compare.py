"""Two packages side by side: what a reproducible build must not differ in."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.debs import Item, make_deb, tar

from debwright.build import variations
from debwright.build.depends import BuildPlan
from debwright.build.variations import SHIFT_SECONDS, second_build
from debwright.build.workplace import USUAL, Workplace
from debwright.checks.twice import diffoscope
from debwright.checks.twice.archives import differences, part_of_difference
from debwright.checks.twice.diffoscope import leaves
from debwright.checks.twice.reproducible import TwoBuilds, compare_builds, failed_second_build
from debwright.cli.app import call
from debwright.config import Config
from debwright.model.errors import BuildError, MissingError, UsageError
from debwright.model.results import StageResult, Status
from debwright.model.targets import Strategy, Target
from debwright.pipeline.finished import FinishedStages
from debwright.roots.apt import UnsatisfiableError
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.roots.store import Layer

TEXT = Item("./usr/share/doc/demo/README", b"one\ntwo\n")


def found(tmp_path: Path, one: list[Item], other: list[Item], **more: Any) -> list[str]:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first = make_deb(tmp_path / "first/demo_1_amd64.deb", *one)
    second = make_deb(tmp_path / "second/demo_1_amd64.deb", *other, **more)
    return [f"{d.member}: {d}" for d in differences(first, second)]


def changed(**more: Any) -> Item:
    return Item(**{**vars(TEXT), **more})


PLACE = "data.tar/./usr/share/doc/demo/README"
CASES = {
    "content": ([changed(content=b"one\n2\n")], f"{PLACE}: content: line 2: 'two' / line 2: '2'"),
    "mode": ([changed(mode=0o755)], f"{PLACE}: mode: 0644 / 0755"),
    "owner": ([changed(uid=1000)], f"{PLACE}: owner: 0:0 / 1000:0"),
    "link": ([changed(content=b"", kind=b"2", link="x")], f"{PLACE}: link:  / x"),
    "absent": ([], f"{PLACE}: presence: present / absent"),
    "more": ([TEXT, Item("./usr/bin/x")], "data.tar/./usr/bin/x: presence: absent / present"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_difference_is_named_with_its_member(tmp_path: Path, name: str) -> None:
    other, said = CASES[name]
    assert said in found(tmp_path, [TEXT], other)


def test_the_same_files_have_no_difference(tmp_path: Path) -> None:
    assert found(tmp_path, [TEXT], [TEXT]) == []


def test_a_control_file_is_compared(tmp_path: Path) -> None:
    (said,) = [s for s in found(tmp_path, [TEXT], [TEXT], version="1.1-1") if "content" in s]
    assert said == (
        "control.tar/./control: content: line 2: 'Version: 1.0-1' / line 2: 'Version: 1.1-1'"
    )


def test_the_order_of_files_is_compared(tmp_path: Path) -> None:
    other = Item("./usr/share/a")
    (said,) = found(tmp_path, [TEXT, other], [other, TEXT])
    assert "order of entries" in said


def test_equal_contents_with_another_compression_are_told(tmp_path: Path) -> None:
    import gzip

    first = make_deb(tmp_path / "a.deb", TEXT)
    plain = gzip.decompress(tar([TEXT]))
    second = make_deb(tmp_path / "b.deb", data=gzip.compress(plain, compresslevel=1, mtime=9))
    members = {d.member for d in differences(first, second)}
    assert members == {"data.tar.gz"}


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    good = make_deb(tmp_path / "a.deb", TEXT)
    bad = tmp_path / "b.deb"
    for content in (b"", b"!<arch>\n", b"x" * 100):
        bad.write_bytes(content)
        with pytest.raises(UsageError):
            differences(good, bad)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_where_two_contents_part_can_always_be_said(one: bytes, other: bytes) -> None:
    texts = part_of_difference(one, other)
    assert len(texts) == 2
    assert all(t.isprintable() and len(t) < 300 for t in texts)


# -- findings


def how() -> variations.Second:
    return variations.Second(
        layer=None, plan=None, workplace=USUAL,  # type: ignore[arg-type]
        variations=(variations.Variation(name="umask", first="0022", second="0002"),),
    )  # fmt: skip


def two_builds(tmp_path: Path, one: list[Item], other: list[Item]) -> TwoBuilds:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    return TwoBuilds(
        first=[make_deb(tmp_path / "first/demo_1_amd64.deb", *one)],
        second=[make_deb(tmp_path / "second/demo_1_amd64.deb", *other)],
        how=how(), target="bookworm-amd64", shown="dist/again",
    )  # fmt: skip


def test_identical_packages_pass_and_what_was_varied_is_told(tmp_path: Path) -> None:
    result = compare_builds(two_builds(tmp_path, [TEXT], [TEXT]), 0, Cache(tmp_path))
    assert result.status is Status.PASSED
    assert result.measurements == {"packages": 1.0, "identical_packages": 1.0}
    assert "umask: 0022, then 0002" in result.notes[0]


def test_without_diffoscope_our_own_comparison_stands_and_the_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    builds = two_builds(tmp_path, [TEXT], [changed(content=b"one\n2\n", mode=0o600)])
    result = compare_builds(builds, 0, Cache(tmp_path))
    assert result.status is Status.FAILED
    (finding,) = result.findings
    assert finding.code == "reproducible/differs"
    assert "README in demo_1_amd64.deb" in finding.message
    assert "mode, size, content" in finding.message
    assert any("line 2" in e.text for e in finding.evidence)
    assert finding.fix == "sudo apt-get install diffoscope-minimal"
    with pytest.raises(MissingError):
        diffoscope.explain(builds.first[0], builds.second[0], Cache(tmp_path))


def test_packages_of_one_build_only_are_told(tmp_path: Path) -> None:
    builds = two_builds(tmp_path, [TEXT], [TEXT])
    lent = TwoBuilds(**{**vars(builds), "lent": ("beads 1.0",)})
    notes = compare_builds(lent, 0, Cache(tmp_path)).notes
    assert "not compiled a second time: beads 1.0, whose wheels both builds were lent" in notes
    lost = TwoBuilds(**{**vars(builds), "second": []})
    result = compare_builds(lost, 0, Cache(tmp_path))
    assert [f.code for f in result.findings] == ["reproducible/other-packages"]


def test_a_second_build_that_fails_is_a_finding() -> None:
    result = failed_second_build(how(), BuildError("x did not build"), 0, "bookworm-amd64")
    assert result.status is Status.FAILED
    assert "the first did not" in result.findings[0].message


def test_what_diffoscope_says_is_put_to_its_member() -> None:
    tree = {
        "source1": "/mnt/first/x.deb", "source2": "/mnt/second/x.deb", "unified_diff": None,
        "details": [{"source1": "data.tar.xz", "source2": "data.tar.xz", "unified_diff": None,
            "details": [{"source1": "data.tar", "source2": "data.tar", "unified_diff": None,
                "details": [{"source1": "./usr/lib/x.so", "source2": "./usr/lib/x.so",
                    "unified_diff": None, "details": [
                        {"source1": "readelf -n {}", "source2": "readelf -n {}",
                         "unified_diff": "--- a\n+++ b\n@@ -1 +1 @@\n-ID: 1\n+ID: 2\n ="}]}]}]}],
    }  # fmt: skip
    (said,) = leaves(tree, ())
    assert said.member == "data.tar/./usr/lib/x.so"
    assert said.path.endswith("./usr/lib/x.so > readelf -n {}")
    assert said.lines == ("-ID: 1", "+ID: 2")


@given(st.recursive(st.none() | st.text(max_size=5), lambda c: st.dictionaries(
    st.sampled_from(["source1", "source2", "unified_diff", "x"]), c, max_size=4)))  # fmt: skip
def test_any_report_of_diffoscope_is_read_or_skipped(tree: object) -> None:
    if isinstance(tree, dict):
        list(leaves(tree, ()))


# -- what is varied


class Suite(Roots):
    """Roots whose archive has some packages and not others."""

    def __init__(self, tmp_path: Path, *has: str) -> None:
        super().__init__(Cache(tmp_path), Config())
        self.has = has
        self.made = Layer(tmp_path / "layer", None)  # type: ignore[arg-type]
        if "libfaketime" in has:
            library = self.made.tree / "usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
            library.parent.mkdir(parents=True)
            library.touch()

    def custom(self, *arguments: Any, **_: Any) -> Layer:
        inputs = arguments[3]
        if not set(inputs["packages"]) <= set(self.has):
            raise UnsatisfiableError("no such package")
        return self.made


def plan(*options: str) -> BuildPlan:
    target = Target("bookworm", "amd64")
    return BuildPlan(source="demo", target=target, strategy=Strategy.NATIVE, machine=target,
                     with_all=True, with_any=True, options=options)  # fmt: skip


def second(tmp_path: Path, *has: str, options: tuple[str, ...] = (), cores: int = 2):  # type: ignore[no-untyped-def]
    roots = Suite(tmp_path, *has)
    parent = Layer(tmp_path / "parent", None)  # type: ignore[arg-type]
    return second_build(roots, plan(*options), parent, None, processors=lambda: set(range(cores)))


def test_everything_is_varied_where_the_suite_allows_it(tmp_path: Path) -> None:
    made = second(tmp_path, "libfaketime", "locales")
    names = [v.name for v in made.variations]
    assert names == ["clock", "path", "user", "home", "host name", "umask", "locale", "time zone",
                     "processors", "environment", "tests"]  # fmt: skip
    assert all(v.first != v.second for v in made.variations)
    assert made.notes == ()
    environment = made.workplace.environment
    assert environment["LD_PRELOAD"] == "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
    assert environment["FAKETIME"] == f"+{SHIFT_SECONDS}"
    assert environment["LC_ALL"] == "fr_CH.UTF-8"
    assert "SOURCE_DATE_EPOCH" not in environment, "the changelog's date, as ever"
    assert made.workplace.uid != USUAL.uid
    assert made.workplace.processors == [0]
    assert made.plan.options == ("nocheck", "parallel=1")


@pytest.mark.parametrize(("has", "lacking"), [(("locales",), {"clock"}), ((), {"clock", "locale"})])
def test_what_cannot_be_varied_is_told(
    tmp_path: Path, has: tuple[str, ...], lacking: set[str]
) -> None:
    made = second(tmp_path, *has)
    names = {v.name for v in made.variations}
    assert not names & lacking
    assert {n.split()[1] for n in made.notes} == lacking
    assert ("LC_ALL" in made.workplace.environment) == ("locale" not in lacking)
    assert "LD_PRELOAD" not in made.workplace.environment


def test_a_build_that_bears_no_other_clock_is_done_with_the_real_one(tmp_path: Path) -> None:
    made = second(tmp_path, "libfaketime", "locales")
    assert made.clock_varied
    real = made.without_clock("it hangs")
    assert not real.clock_varied
    assert not [k for k in real.workplace.environment if "FAKE" in k]
    assert "clock" not in {v.name for v in real.variations}
    assert real.notes == ("the clock was not varied: it hangs",)
    assert real.workplace.environment["LC_ALL"] == "fr_CH.UTF-8"


@pytest.mark.parametrize(
    ("cores", "options", "jobs"), [(1, (), "3"), (4, (), "1"), (4, ("parallel=1",), "3")]
)
def test_the_number_of_jobs_is_another(
    tmp_path: Path, cores: int, options: tuple[str, ...], jobs: str
) -> None:
    made = second(tmp_path, options=options, cores=cores)
    assert made.plan.options == ("nocheck", f"parallel={jobs}")


def test_the_usual_place_changes_no_command() -> None:
    assert USUAL.command(["make"]) == ["make"]
    other = Workplace(umask=0o002, processors=[1, 3])
    words = other.command(["make"])
    assert words[-4:] == ["taskset", "-c", "1,3", "make"]
    assert "0002" in words


# -- the command, and check.json


@pytest.mark.parametrize("option", ["--reproducible", "--equivalence"])
def test_packages_alone_cannot_be_built_again(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deb = make_deb(tmp_path / "x.deb", TEXT)
    assert call(["check", option, str(deb)]) == 2
    err = capsys.readouterr().err
    assert "builds from the source" in err
    assert f"debwright check {option}" in err


def test_a_later_result_in_check_json_does_not_make_the_check_run_again(tmp_path: Path) -> None:
    ledger = FinishedStages(tmp_path)
    report = tmp_path / "check.json"
    report.write_text("[]\n")
    ledger.write("check", {"a": 1}, [report], StageResult(stage="check", status=Status.PASSED))
    report.write_text(json.dumps([{"name": "reproducible"}]))
    assert ledger.find("check", {"a": 1}) is None
    ledger.renew("check", report)
    assert ledger.find("check", {"a": 1}) is not None
    ledger.renew("never done", report)
