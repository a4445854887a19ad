"""Reading logs of every form: the same problem, the right line, nothing from hostile ones."""

import gzip
import io
import lzma
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debwright.model.diagnosis import Problem
from debwright.model.errors import DebwrightError
from debwright.observe.diagnose.diagnose import diagnose_file, diagnose_stream, diagnose_text
from debwright.observe.diagnose.lines import PIECE, bare, without_colour

LOG = [
    "dpkg-buildpackage: info: source package demo",
    "cc -c main.c",
    "main.c:3:10: fatal error: zlib.h: No such file or directory",
    "compilation terminated.",
    "make[1]: *** [Makefile:4: main.o] Error 1",
    "dpkg-buildpackage: error: debian/rules binary subprocess returned exit status 2",
]


def only(text: str) -> Problem:
    found = diagnose_text(text)
    (problem,) = found.problems
    return problem


def plain(n: int, line: str) -> str:
    return line


def debwright(n: int, line: str) -> str:
    return f"{n * 0.37:9.2f} {line}"


def actions(n: int, line: str) -> str:
    return f"2026-11-23T10:00:{n:02}.1234567Z {line}"


def fetched(n: int, line: str) -> str:
    return f"build\tDebian packages\t2026-11-23T10:00:{n:02}.1234567Z {line}"


def journal(n: int, line: str) -> str:
    return f"Nov 23 10:00:{n:02} machine demo[81]: {line}"


def iso_journal(n: int, line: str) -> str:
    return f"2026-11-23T10:00:{n:02}+0000 machine demo[81]: {line}"


def full_journal(n: int, line: str) -> str:
    return f"Mon 2026-11-23 10:00:{n:02} CET machine demo[81]: {line}"


def monotonic_journal(n: int, line: str) -> str:
    return f"[{n:5}.123456] machine demo[81]: {line}"


def unix_journal(n: int, line: str) -> str:
    return f"1795{n:06}.123456 machine demo[81]: {line}"


def kernel(n: int, line: str) -> str:
    return f"[{n:5}.123456] {line}"


def console(n: int, line: str) -> str:
    return f"[{n:5}.123456] systemd[1]: {line}"


def buildkit(n: int, line: str) -> str:
    return f"#12 {n}.345 {line}"


def coloured(n: int, line: str) -> str:
    return "\x1b[01m\x1b[K" + line.replace("error: ", "\x1b[01;31m\x1b[Kerror: \x1b[m\x1b[K")


def turned(n: int, line: str) -> str:
    return f"10 % done\r90 % done\r{line}\r"


@pytest.mark.parametrize(
    "form",
    [
        plain,
        debwright,
        actions,
        fetched,
        journal,
        iso_journal,
        full_journal,
        monotonic_journal,
        unix_journal,
        kernel,
        console,
        buildkit,
        coloured,
        turned,
    ],
)
def test_the_form_of_a_log_changes_nothing(form: object) -> None:
    assert callable(form)
    problem = only("\n".join(form(n, line) for n, line in enumerate(LOG)) + "\n")
    assert (problem.code, problem.details["what"]) == (1101, "zlib.h")
    assert problem.evidence[0].number == 3
    assert problem.evidence[0].text == LOG[2]


def test_windows_line_ends() -> None:
    assert only("\r\n".join(LOG)).evidence[0].number == 3


def test_a_root_cause_stands_before_its_symptoms() -> None:
    text = "\n".join(
        [
            "cc1: fatal error: error writing to /tmp/x.s: No space left on device",
            "main.c:3:10: fatal error: zlib.h: No such file or directory",
            "make: *** [Makefile:2: x] Error 1",
        ]
    )
    assert [p.code for p in diagnose_text(text).problems] == [3001, 1101]
    assert [p.follows for p in diagnose_text(text).problems] == [False, True]


def test_a_build_that_ended_well_has_no_problem() -> None:
    text = "\n".join([*LOG[:4], "dpkg-buildpackage: info: binary-only upload (no source included)"])
    found = diagnose_text(text)
    assert not found.problems
    assert not found.failed


def test_what_no_rule_knows_is_unknown_with_the_lines_that_tell_of_it() -> None:
    found = diagnose_text("hello\nmake: *** [Makefile:2: moon] Error 42\n")
    assert found.failed
    assert not found.problems
    assert [line.number for line in found.unexplained] == [2]
    twice = diagnose_text("E: pbuilder-satisfydepends failed.\nE: Failed to do it\n")
    assert [line.number for line in twice.unexplained] == [1, 2], "each line once"


def test_a_line_that_needs_a_failure_is_nothing_without_one() -> None:
    text = "write: No space left on device\n" + "all is well\n" * 10
    assert not diagnose_text(text).problems
    assert diagnose_text(text + "make: *** [x] Error 1\n").problems


def test_quoted_logs_are_not_read() -> None:
    text = (
        "configure: error: libfoo is required\n\t==> config.log <==\n"
        "conftest.c:9:10: fatal error: foo.h: No such file or directory\n"
        "dh_auto_configure: error: ./configure returned exit code 1\n"
    )
    assert only(text).code == 1230


def test_the_same_line_again_is_counted() -> None:
    text = "\n".join(["a.c:1:10: fatal error: x.h: No such file or directory"] * 7)
    problem = only(text + "\nmake: *** [x] Error 1\n")
    assert problem.count == 7
    assert len(problem.evidence) == 3


def test_a_fingerprint_leaves_out_numbers_and_directories() -> None:
    def of(path: str) -> str:
        return only(f"{path}/main.c:1:10: fatal error: {path}/z12.h: No such file or directory\nmake: *** [x] Error 1").fingerprint  # fmt: skip # noqa: E501

    assert of("/build/a-1") == of("/tmp/b-2")


def test_commands_are_not_written_by_the_log() -> None:
    problem = only(
        "/bin/sh: 1: a$(reboot): not found\nE: Unable to locate package $(reboot);`id`'\"\n"
    )
    assert problem.code == 1050
    assert not set("$();`'\"&|") & set(problem.fix[0].split("'")[1])


@pytest.mark.parametrize(
    "bait",
    [
        b"error: " * 1_500_000,
        b"a" * 10_000_000 + b": No such file or directory",
        b"\x00\xff\xfe" * 3_000_000,
        b"\x1b[" + b"9" * 5_000_000,
        b"\x1b]0;" * 2_000_000,
        b"(" * 5_000_000,
        b"No rule to make target '" * 400_000,
        b"E: Unable to locate package " + b"x" * 5_000_000,
    ],
    ids=["literals", "long", "binary", "csi", "osc", "brackets", "unclosed", "name"],
)
def test_hostile_lines_change_nothing(bait: bytes) -> None:
    around = "\n".join(LOG[:3]).encode() + b"\n" + bait + b"\n" + "\n".join(LOG[3:]).encode()
    found = diagnose_stream(io.BytesIO(around), "x")
    problem = next(p for p in found.problems if p.code == 1101)
    assert problem.details["what"] == "zlib.h"
    assert found.lines == around.count(b"\n")
    assert all(len(e.text) <= 400 for p in found.problems for e in p.evidence)
    assert all(e.text.isprintable() for p in found.problems for e in p.evidence)


class Endless(io.RawIOBase):
    """As many bytes as asked for, without holding them."""

    def __init__(self, size: int) -> None:
        self.left, self.block = size, b"cc -c main.c -o main.o -O2 -Wall\n" * 30000

    def read(self, size: int = -1) -> bytes:
        part = self.block[: min(size, self.left)]
        self.left -= len(part)
        return part


def test_memory_does_not_grow_with_the_log() -> None:
    def peak(megabytes: int) -> int:
        tracemalloc.start()
        diagnose_stream(Endless(megabytes << 20), "x")  # type: ignore[arg-type]
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(2)
    assert peak(60) < peak(20) + (1 << 20)
    assert peak(20) < 12 * PIECE


@pytest.mark.parametrize("packed", [gzip.compress, lzma.compress])
def test_packed_logs_are_read(packed: object, tmp_path: Path) -> None:
    assert callable(packed)
    path = tmp_path / "log"
    path.write_bytes(packed("\n".join(LOG).encode()))
    assert diagnose_file(path).problems[0].code == 1101
    path.write_bytes(packed(random.Random(1).randbytes(9000))[:-40])
    with pytest.raises(DebwrightError, match="damaged"):
        diagnose_file(path)


def test_a_problem_across_two_pieces_is_found() -> None:
    for shift in range(0, 200, 7):
        filler = b"x" * 99 + b"\n"
        start = filler * (PIECE // 100) + b"y" * shift + b"\n"
        text = start + "\n".join(LOG).encode()
        found = diagnose_stream(io.BytesIO(text), "x")
        assert found.problems[0].evidence[0].number == start.count(b"\n") + 3


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3000))
def test_any_bytes_are_read_to_their_end(data: bytes) -> None:
    found = diagnose_stream(io.BytesIO(data), "x")
    assert found.lines == data.count(b"\n")
    assert found.size == len(data)
    assert without_colour(data).count(b"\n") == data.count(b"\n")
    assert found.model_validate_json(found.model_dump_json()) == found


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="\n\r"), max_size=300))
def test_bare_only_takes_from_the_start(text: str) -> None:
    assert text.endswith(bare(text))


def test_what_a_pattern_did_not_catch_leaves_no_gap() -> None:
    text = "socket.gaierror: [Errno -3] Temporary failure in name resolution"
    problem = only(f"{text}\nmake: *** [all] Error 1\n")
    assert problem.title == "the name cannot be resolved"
    assert not [f for f in problem.fix if f.rstrip().endswith("getent hosts")]
