"""Which lines of a log are shown, with lines that real tools write."""

import pytest

from debwright.build.telling import disk_full, telling


def shown(*lines: str, limit: int = 6) -> list[str]:
    return [text for _, text in telling(list(enumerate(lines, 1)), limit)]


@pytest.mark.parametrize(
    "line",
    [
        "TypeError: unsupported operand type(s) for |: 'type' and 'NoneType'",
        "ModuleNotFoundError: No module named 'hatchling'",
        "E   sqlite3.OperationalError: no such table: entry",
        "error[E0432]: unresolved import `tokio`",
        "error: failed to get `tiny_http` as a dependency of package `thermo v0.3.1`",
        "main.c:3:10: fatal error: zlib.h: No such file or directory",
        "/usr/bin/ld: cannot find -lfoo: No such file or directory",
        "make[1]: *** [Makefile:12: all] Error 2",
        "panic: runtime error: index out of range",
        "npm ERR! code ENOTCACHED\nnpm error request failed",
        "cc1: error: unrecognized command-line option",
        "dh_install: error: missing files, aborting",
    ],
)
def test_lines_that_tell(line: str) -> None:
    assert shown("dh build", line, "   dh_auto_build") == [line]


@pytest.mark.parametrize(
    "line",
    [
        "gcc -g -O2 -Werror=format-security -c error.c -o error.o",
        "x86_64-linux-gnu-gcc -DERROR -c main.c",
        "dwz: debian/demo/usr/bin/demo: DWARF compression not beneficial - old size 1 new size 2",
        "checking for strerror... yes",
        "checking whether error() is declared... no",
        "test_error_message (tests.Test) ... ok",
        "copying src/errors.py -> build/lib",
        "  adding 'demo/error.html'",
        "tests/test_error.py::test_one PASSED",
        "0 errors, 3 warnings",
        "  librust-print-bytes-dev librust-proc-macro-error-attr-dev",
        "src/main.c:3:1: warning: 'error' is unused",
        "Traceback (most recent call last):",
    ],
)
def test_lines_that_only_have_the_word(line: str) -> None:
    assert shown("dh build", line, "   dh_auto_build") == []


def test_of_many_lines_the_first_the_last_and_what_was_raised_are_shown() -> None:
    lines = [f"demo.c:{n}:1: error: number {n}" for n in range(1, 30)]
    lines[14] = "KeyError: 'telling'"
    assert shown(*lines) == [
        *(f"demo.c:{n}:1: error: number {n}" for n in (1, 2, 3)),
        "KeyError: 'telling'",
        *(f"demo.c:{n}:1: error: number {n}" for n in (28, 29)),
    ]


@pytest.mark.parametrize(
    ("lines", "full"),
    [
        (["cc1: error writing to /tmp/x.s: No space left on device", "make: *** Error 1"], True),
        (["dpkg-deb: error: failed to write (No space left on device)"], True),
        (["cat: /dev/full: No space left on device", "FAIL: full.sh"], False),
        (["sed: couldn't flush stdout: No space left on device", "FAIL: x"], False),
        (["inotify_add_watch: No space left on device"], False),
        (["cp: a: No space left on device", *["ok"] * 99, "make: *** Error 1"], False),
    ],
)
def test_a_full_disk_is_what_the_build_ended_of(lines: list[str], full: bool) -> None:
    assert bool(disk_full(list(enumerate(lines, 1)))) == full


def test_the_file_that_dh_install_misses_is_told() -> None:
    lines = [
        'dh_install: warning: Cannot find (any matches for) "x.py" (tried in ., debian/tmp)',
        "dh_install: warning: demo missing files: x.py",
        "dh_install: error: missing files, aborting",
    ]
    assert telling(list(enumerate(lines, 1)))[0] == (1, lines[0])
