"""Packages of two architectures, made by dpkg-deb, alike but for one thing at a time."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.debs import elf, pack, write

from debwright.checks.twice.answers import answer_findings, select, unlike
from debwright.checks.twice.compared import Comparison
from debwright.checks.twice.control import control_findings
from debwright.checks.twice.elf import floor_findings, machine_findings, provided
from debwright.checks.twice.equivalence import Equivalence, steps
from debwright.checks.twice.imports import PROBE, Imports, import_findings, modules_of
from debwright.checks.twice.shape import shape_findings
from debwright.checks.twice.sides import Side, Sides
from debwright.config import load
from debwright.model.arch import ARCHITECTURES
from debwright.model.errors import CheckError, ConfigError
from debwright.model.results import Finding, Severity
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.packages.elf import needed_versions
from debwright.roots.store import Layer

CONTROL = """\
Package: demo
Version: 1.0-1
Architecture: {arch}
Maintainer: Jo <jo@example.org>
Section: misc
Installed-Size: {size}
Depends: libc6 (>= {libc}), python3 (>= 3.11), python3 (<< 3.12)
Description: a test
"""
SITE = "usr/lib/python3/dist-packages"


class Tree:
    """A package's files before dpkg-deb packs them."""

    def __init__(self, directory: Path, arch: str) -> None:
        self.directory, self.arch, self.triplet = directory, arch, ARCHITECTURES[arch].libraries
        self.write("DEBIAN/control", CONTROL.format(arch=arch, size=12, libc="2.34"))
        self.write(
            "DEBIAN/postinst",
            f"#!/bin/sh\necho /usr/lib/{self.triplet}\npy3compile -p demo:{arch} \n",
            0o755,
        )
        self.write("usr/share/doc/demo/README", "read me\n")
        self.write(f"{SITE}/demo/__init__.py", "")
        self.write(f"{SITE}/demo/_fast.cpython-311-{self.triplet}.so", elf(self.machine))
        self.write(f"usr/lib/{self.triplet}/demo/libdemo.so", elf(self.machine))
        (directory / f"usr/lib/{self.triplet}/demo/link").symlink_to(f"/usr/lib/{self.triplet}/x")

    @property
    def machine(self) -> int:
        return {"amd64": 62, "arm64": 183}[self.arch]

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> None:
        write(self.directory, {name: (content, mode)})

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.directory / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new), (self.directory / name).stat().st_mode & 0o777)

    def side(self) -> Side:
        deb = pack(self.directory, self.directory.with_name(f"demo_1.0-1_{self.arch}.deb"))
        target = Target("bookworm", self.arch)
        return Side(name=str(target), target=target, debs=[read_deb(deb)])


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Tree, Tree]:
    return Tree(tmp_path / "one", "amd64"), Tree(tmp_path / "two", "arm64")


def judged(trees: tuple[Tree, Tree], ignore: Iterable[str] = ()) -> list[Finding]:
    sides = Sides(left=trees[0].side(), right=trees[1].side())
    return [
        *shape_findings(sides, list(ignore)),
        *control_findings(sides),
        *machine_findings(sides.right),
    ]


def test_packages_that_differ_in_their_architecture_alone_are_equivalent(
    trees: tuple[Tree, Tree],
) -> None:
    trees[1].edit("DEBIAN/control", "Installed-Size: 12", "Installed-Size: 14")
    assert judged(trees) == []


def another_file(tree: Tree) -> None:
    tree.write("usr/bin/extra", "")


def lost_file(tree: Tree) -> None:
    (tree.directory / "usr/share/doc/demo/README").unlink()


def another_mode(tree: Tree) -> None:
    (tree.directory / "usr/share/doc/demo/README").chmod(0o600)


def another_link(tree: Tree) -> None:
    link = tree.directory / f"usr/lib/{tree.triplet}/demo/link"
    link.unlink()
    link.symlink_to("/usr/lib/other")


def another_kind(tree: Tree) -> None:
    path = tree.directory / "usr/share/doc/demo/README"
    path.unlink()
    path.symlink_to("elsewhere")


def another_section(tree: Tree) -> None:
    tree.edit("DEBIAN/control", "Section: misc", "Section: net")


def another_description(tree: Tree) -> None:
    tree.edit("DEBIAN/control", "a test", "another test")


def another_dependency(tree: Tree) -> None:
    tree.edit("DEBIAN/control", "python3 (>= 3.11), python3 (<< 3.12)", "perl")


def another_script(tree: Tree) -> None:
    tree.edit("DEBIAN/postinst", "echo", "printf")


def another_maintainer_script(tree: Tree) -> None:
    tree.write("DEBIAN/prerm", "#!/bin/sh\n", 0o755)


def wrong_machine(tree: Tree) -> None:
    tree.write(f"usr/lib/{tree.triplet}/demo/libdemo.so", elf(62))


DIFFERENT: dict[Callable[[Tree], None], tuple[str, str]] = {
    another_file: ("equivalence/files", "/usr/bin/extra"),
    lost_file: ("equivalence/files", "/usr/share/doc/demo/README"),
    another_mode: ("equivalence/mode", "0644 / 0600"),
    another_link: ("equivalence/link", "/usr/lib/<triplet>/x / /usr/lib/other"),
    another_kind: ("equivalence/kind", "README: 0 / 2"),
    another_section: ("equivalence/control", "net"),
    another_description: ("equivalence/control", "another test"),
    another_dependency: ("equivalence/relation", "perl"),
    another_script: ("equivalence/script", "printf"),
    another_maintainer_script: ("equivalence/script", "present"),
    wrong_machine: ("elf/wrong-architecture", "amd64"),
}


@pytest.mark.parametrize("change", DIFFERENT, ids=lambda c: c.__name__)
def test_one_difference_is_found_and_shown(
    trees: tuple[Tree, Tree], change: Callable[[Tree], None]
) -> None:
    change(trees[1])
    findings = judged(trees)
    code, shown = DIFFERENT[change]
    assert {f.code for f in findings} == {code}
    assert all(f.severity is Severity.ERROR for f in findings)
    assert any(shown in e.text for f in findings for e in f.evidence)
    assert all(f.fix for f in findings)


def test_owners_are_compared(trees: tuple[Tree, Tree], tmp_path: Path) -> None:
    import tarfile

    sides = Sides(left=trees[0].side(), right=trees[1].side())
    deb = sides.right.debs[0].path
    subprocess.run(["ar", "x", deb], cwd=tmp_path, check=True)
    (packed,) = tmp_path.glob("data.tar.*")
    mode = packed.suffix.removeprefix(".")
    with tarfile.open(packed) as old, tarfile.open(tmp_path / "new", f"w:{mode}") as new:  # type: ignore[call-overload]
        for entry in old:
            entry.uid, entry.uname = (1000, "jo") if "README" in entry.name else (0, "root")
            new.addfile(entry, old.extractfile(entry) if entry.isreg() else None)
    (tmp_path / "new").replace(packed)
    subprocess.run(["ar", "r", deb, packed.name], cwd=tmp_path, check=True, capture_output=True)
    (finding,) = shape_findings(sides, [])
    assert finding.code == "equivalence/owner"
    assert "root:root / jo:root" in finding.evidence[0].text


def test_what_is_named_may_be_on_one_side_only(trees: tuple[Tree, Tree]) -> None:
    another_file(trees[0])
    assert judged(trees, ["/usr/bin/*"]) == []
    assert [f.code for f in judged(trees, ["/usr/sbin/*"])] == ["equivalence/files"]


def test_a_package_for_one_architecture_only_is_told(trees: tuple[Tree, Tree]) -> None:
    left, right = trees[0].side(), trees[1].side()
    sides = Sides(left=left, right=Side(name=right.name, target=right.target, debs=[]))
    (finding,) = shape_findings(sides, [])
    assert finding.code == "equivalence/package-missing"
    assert "bookworm-amd64 only" in finding.message


def test_hashes_in_names_of_bundled_libraries_do_not_count(trees: tuple[Tree, Tree]) -> None:
    trees[0].write(f"{SITE}/demo.libs/libblas-0123abcd.so.3", elf(62))
    trees[1].write(f"{SITE}/demo.libs/libblas-feedf00d.so.3", elf(183))
    assert judged(trees) == []
    trees[0].write(f"{SITE}/demo/x-0123abcd.so.3", elf(62))
    trees[1].write(f"{SITE}/demo/x-feedf00d.so.3", elf(183))
    assert {f.code for f in judged(trees)} == {"equivalence/files"}


def test_versions_that_libraries_ask_for_may_differ_but_are_told(trees: tuple[Tree, Tree]) -> None:
    trees[1].edit("DEBIAN/control", "libc6 (>= 2.34)", "libc6 (>= 2.17), libgcc-s1")
    findings = judged(trees)
    assert [f.severity for f in findings] == [Severity.INFO, Severity.INFO]
    assert "libc6 (>= 2.17)" in findings[0].evidence[1].text


def test_two_builds_for_one_architecture_are_compared_by_content(tmp_path: Path) -> None:
    one, two = Tree(tmp_path / "a/one", "arm64"), Tree(tmp_path / "b/two", "arm64")
    (same,) = shape_findings(Sides(left=one.side(), right=two.side()), [])
    assert same.severity is Severity.INFO
    two.write(f"usr/lib/{two.triplet}/demo/libdemo.so", elf(183) + b"other code")
    (code,) = shape_findings(Sides(left=one.side(), right=two.side()), [])
    assert code.severity is Severity.INFO
    assert "1 programs and 0 other files differ" in code.message
    for number, tree in enumerate((one, two)):
        tree.write(f"{SITE}/demo-1.dist-info/RECORD", f"demo/_fast.so,sha256={number},1\n")
    (code,) = shape_findings(Sides(left=one.side(), right=two.side()), [])
    assert code.severity is Severity.INFO, "its digests follow from the program"
    two.write("usr/share/doc/demo/README", "read me again\n")
    (text,) = shape_findings(Sides(left=one.side(), right=two.side()), [])
    assert text.severity is Severity.WARNING
    assert text.evidence[0].text.endswith("README")


# -- symbols


LIBC = next(Path("/").glob("lib*/x86_64-linux-gnu/libc.so.6"), Path("/none"))


def root_with(tmp_path: Path, **libraries: Path) -> Layer:
    directory = tmp_path / "layer/tree/usr/lib/x86_64-linux-gnu"
    directory.mkdir(parents=True)
    for name, path in libraries.items():
        (directory / f"{name}.real").write_bytes(path.read_bytes())
        (directory / name).symlink_to(f"{name}.real")
    return Layer(tmp_path / "layer", None)  # type: ignore[arg-type]


def test_what_a_program_needs_is_read_from_it() -> None:
    needs = needed_versions(io.BytesIO(Path(sys.executable).resolve().read_bytes()))
    assert any(v.startswith("GLIBC_2.") for v in needs.get("libc.so.6", ()))
    assert needed_versions(io.BytesIO(elf(62))) == {}
    assert needed_versions(io.BytesIO(b"\x7fELF")) == {}


@given(st.binary(max_size=300))
def test_any_bytes_are_an_elf_file_or_need_nothing(content: bytes) -> None:
    assert needed_versions(io.BytesIO(b"\x7fELF\x02\x01\x01" + content)) == {}


@pytest.mark.skipif(not LIBC.exists(), reason="this machine has no amd64 C library to look at")
def test_what_the_target_lacks_is_named(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "one", "amd64")
    tree.write("usr/bin/program", Path(sys.executable).resolve().read_bytes(), 0o755)
    side = tree.side()
    good = root_with(tmp_path, **{"libc.so.6": LIBC, "libm.so.6": LIBC.with_name("libm.so.6")})
    has = provided(good, side, "libc.so.6")
    assert has is not None
    assert "GLIBC_2.2.5" in has
    findings, note = floor_findings(side, good)
    assert [f for f in findings if f.severity is Severity.ERROR] == []
    assert note.startswith("bookworm-amd64 needs at most GLIBC_2.")
    old = root_with(tmp_path / "old", **{"libc.so.6": LIBC.with_name("libm.so.6")})
    errors = [f for f in floor_findings(side, old)[0] if f.severity is Severity.ERROR]
    assert errors
    assert {f.code for f in errors} == {"equivalence/symbol-floor"}
    assert any("program" in e.text for e in errors[0].evidence)
    none = root_with(tmp_path / "none")
    assert {f.code for f in floor_findings(side, none)[0]} == {"equivalence/library-missing"}


@pytest.mark.parametrize("name", ["../../../etc/passwd", "..", "", "x/y"])
def test_no_name_of_a_library_leads_out_of_the_root(tmp_path: Path, name: str) -> None:
    side = Tree(tmp_path / "one", "amd64").side()
    assert provided(root_with(tmp_path), side, name) is None


# -- modules


def test_modules_are_found_where_python_looks_and_where_distributions_are(
    trees: tuple[Tree, Tree],
) -> None:
    tree = trees[0]
    private = "usr/lib/demo/tree"
    tree.write(f"{private}/six-1.0.dist-info/METADATA", "")
    tree.write(f"{private}/six.py", "")
    tree.write(f"{private}/num/__init__.py", "")
    tree.write(f"{private}/num/core/_impl.abi3.so", elf(62))
    tree.write(f"{private}/num/core/tests/_t.abi3.so", elf(62))
    tree.write(f"{private}/num/vendor/x-1.dist-info/METADATA", "")
    tree.write("usr/share/demo/plugins/one.py", "")
    side = tree.side()
    assert modules_of(side, []) == {
        f"/{SITE}": ["demo", "demo._fast"],
        f"/{private}": ["num", "num.core._impl", "six"],
    }
    assert modules_of(side, ["/usr/share/demo/plugins/"])["/usr/share/demo/plugins"] == ["one"]


def test_a_module_that_fails_on_one_side_only_is_an_error(trees: tuple[Tree, Tree]) -> None:
    sides = Sides(left=trees[0].side(), right=trees[1].side())
    left = Imports({"/s:a": None, "/s:b": "ImportError: no c", "/s:d": None})
    right = Imports({"/s:a": None, "/s:b": "ImportError: no c", "/s:d": "killed by signal 4"})
    lost, never = import_findings(sides, left, right)
    assert lost.severity is Severity.ERROR
    assert lost.evidence[0].text == "d: killed by signal 4"
    assert never.severity is Severity.INFO
    assert import_findings(sides, left, left) == [never]


def test_a_module_that_kills_the_interpreter_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("print('noise')")
    (tmp_path / "crash.py").write_text("import os; os.kill(os.getpid(), 4)")
    (tmp_path / "leaves.py").write_text("import os; os._exit(0)")
    (tmp_path / "raises.py").write_text("raise SystemExit('no')")
    names = ["crash", "good", "lacking", "leaves", "raises", "wave"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROBE.read_text()], check=True, text=True,
        input=json.dumps({str(tmp_path): names}), capture_output=True,
    )  # fmt: skip
    said = {i["module"]: i["error"] for i in map(json.loads, done.stdout.splitlines())}
    assert said["good"] is said["wave"] is None
    assert "signal 4" in said["crash"]
    assert "ended" in said["leaves"]
    assert said["raises"].startswith("SystemExit")
    assert said["lacking"].startswith("ModuleNotFoundError")


# -- answers


RESULTS = {"results": [{"text": "a", "score": 0.91}, {"text": "b", "score": 0.5}], "took": 3}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("results[*].text", ["a", "b"]),
        ("results[1].score", [0.5]),
        ("took", [3]),
        ("", [RESULTS]),
        ("results[9].text", []),
        ("nothing.at[*].all", []),
        ("took[*]", []),
    ],
)
def test_a_path_into_an_answer(path: str, values: list[Any]) -> None:
    assert list(select(RESULTS, path)) == values


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        list(select(RESULTS, text))
    except ValueError:
        with pytest.raises(ValueError, match=r"(?s).*"):
            steps(text)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (0.91, 0.9199, True), (0.91, 0.9301, False), (1, 1.0, True), (1, True, False),
        ("a", "a", True), ("a", "A", False), ([1, 2], [1, 2.005], True), ([1], [1, 2], False),
        ({"a": 1}, {"a": 1}, True), ({"a": 1}, {"b": 1}, False), (None, None, True),
        (None, 0, False), (float("nan"), 1.0, False), (float("inf"), float("inf"), True),
    ],
)  # fmt: skip
def test_numbers_may_lie_apart_by_the_tolerance_and_nothing_else_may(
    one: Any, other: Any, *, alike: bool
) -> None:
    assert (unlike(one, other, 0.01, "x") == []) is alike


def asked(*paths: str) -> Equivalence:
    question = {"name": "which", "command": "x", "compare": list(paths)}
    return Equivalence.model_validate({"questions": [question]})


def test_answers_are_compared_where_it_is_asked_for(trees: tuple[Tree, Tree]) -> None:
    sides = Sides(left=trees[0].side(), right=trees[1].side())
    other = {"results": [{"text": "a", "score": 0.915}, {"text": "c", "score": 0.5}], "took": 90}
    answers = {"which": RESULTS}, {"which": other}
    assert answer_findings(sides, asked("results[*].score"), *answers) == []
    (finding,) = answer_findings(sides, asked("results[*].text"), *answers)
    assert finding.code == "equivalence/answer"
    assert finding.evidence[0].text == 'results[*].text[1]: "b" / "c"'
    (whole,) = answer_findings(sides, asked(), *answers)
    assert len(whole.evidence) == 2
    (nowhere,) = answer_findings(sides, asked("result"), *answers)
    assert "neither answer has it" in nowhere.evidence[0].text


def test_what_could_not_be_compared_is_a_warning_and_what_broke_an_error() -> None:
    found = Comparison()
    found.not_compared("imports", "there is no emulator")

    def breaks() -> None:
        raise CheckError("the service is not healthy", fix="debwright shell")

    found.attempt("equivalence/not-answered", breaks)
    assert [f.severity for f in found.findings] == [Severity.WARNING, Severity.ERROR]
    assert "there is no emulator" in found.findings[0].message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "x"', "is asked by"),
        ('name = "x"\ncommand = "a"\nurl = "http://localhost/"', "is asked by"),
        ('name = "x"\nurl = "http://localhost/"\nbody = "{}"', "not asked with GET"),
        ('name = "x"\ncommand = "a"\ncompare = ["a..b"]', "not a path"),
        ('name = "x"\ncommand = "a"\ncompare = ["a[x]"]', "not a path"),
        ('command = "a"', "name"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "debwright.toml").write_text(f"[[equivalence.questions]]\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert said in caught.value.render()
