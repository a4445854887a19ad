"""What programs meet and go on: no cause where something else broke, and none where all is well.

The logs are what real tools wrote (make, git, gcc, curl, pytest), shortened.
"""

import io

import pytest

from debwright.observe.diagnose.diagnose import diagnose_stream, diagnose_text
from debwright.observe.diagnose.lines import bare

LINK = (
    "gcc a.c -o a\n"
    "/usr/bin/ld: /tmp/ccXuLmkN.o: in function `main':\n"
    "a.c:(.text+0x5): undefined reference to `f'\n"
    "collect2: error: ld returned 1 exit status\n"
    "make: *** [Makefile:4: a] Error 1\n"
)
GIT = "fatal: not a git repository (or any of the parent directories): .git\n"
IMPORT = (
    "fastjsonx is not there, the slow one is used\n"
    "Traceback (most recent call last):\n"
    '  File "p/__init__.py", line 3, in <module>\n'
    "    import fastjsonx\n"
    "ModuleNotFoundError: No module named 'fastjsonx'\n"
)
NOISE = {
    "git": GIT,
    "tags": "fatal: No names found, cannot describe anything.\n",
    "tool": "make: nosuchtool: No such file or directory\n",
    "shell": "/bin/sh: 1: nosuchtool: not found\n",
    "curl": "curl: (7) Failed to connect to 127.0.0.1 port 9 after 0 ms\nno news\n",
    "rights": "bash: ./f.sh: Permission denied\n",
    "import": IMPORT,
    "pkg-config": "Package gizmo was not found in the pkg-config search path.\n",
    "apt": "W: Failed to fetch http://deb.example/x  Temporary failure resolving 'deb.example'\n"
    "W: Some index files failed to download. They have been ignored, or old ones used instead.\n",
}


def root(text: str) -> int | None:
    found = diagnose_text(text)
    return found.root.code if found.root else None


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_what_was_survived_is_not_the_cause(noise: str) -> None:
    found = diagnose_text(noise + LINK)
    assert found.root is not None
    assert found.root.code == 1105
    assert all(p.follows for p in found.problems[1:]), "it is told with --all only"


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_where_all_went_well_it_is_nothing(noise: str) -> None:
    assert not diagnose_text(noise + "gcc -c a.c\nversion  done\n").problems


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_where_nothing_else_went_wrong_it_is_the_cause(noise: str) -> None:
    if noise is NOISE["pkg-config"]:
        noise += "configure: looked for gizmo\n"
    assert root(noise + "make: *** [Makefile:4: a] Error 1\n") is not None


def test_what_a_missing_program_did_not_make_follows_from_it() -> None:
    """A script that goes on without `set -e`."""
    script = (
        "./build.sh: line 1: flexx: command not found\n"
        "cc1: fatal error: lex.yy.c: No such file or directory\n"
        "compilation terminated.\n"
    )
    assert root(script + "make: *** [Makefile:2: all] Error 1\n") == 1201
    lost = "make: *** No rule to make target 'parser.c', needed by 'prog'.  Stop.\n"
    assert root("/bin/sh: 1: bisonn: not found\n" + lost) == 1201


def test_long_before_the_end_it_is_not_the_cause() -> None:
    work = "cc -c part.c\n" * 300
    assert root(GIT + work + "make: *** [Makefile:9: x] Error 3\n") is None
    assert root(work + GIT + "make: *** [Makefile:9: x] Error 3\n") == 3502
    ended = "make: *** [Makefile:9: x] Error 3\n"
    assert root(GIT + work + ended + GIT + ended) == 3502


def test_again_right_before_the_end_it_is() -> None:
    again = GIT + LINK.splitlines()[2] + "\n" + GIT
    assert root(again + "make: *** [Makefile:9: x] Error 128\n") == 3502


def test_a_test_that_failed_beside_an_import_that_was_caught() -> None:
    failed = (
        "=== FAILURES ===\n    def test_a():\n>       assert add(1,2)==3\nE       assert -1 == 3\n"
        "FAILED test_a.py::test_a - assert -1 == 3\n=== 1 failed in 1.38s ===\n"
    )
    assert root(IMPORT + failed) == 1401
    own = failed.replace("assert -1 == 3", "ModuleNotFoundError: No module named 'numpyx'")
    assert root(own) == 1301


def test_a_service_gives_up_for_what_it_met() -> None:
    text = (
        "Nov 23 20:50:01 box demo[9]: connect to 127.0.0.1:5432: Connection refused\n"
        "Nov 23 20:50:01 box systemd[1]: demo.service: Main process exited, code=exited, status=1/FAILURE\n"  # noqa: E501
        "Nov 23 20:50:01 box systemd[1]: demo.service: Failed with result 'exit-code'.\n"
    )
    assert root(text) == 3011
    waits = text.replace("Main process exited, code=exited, status=1/FAILURE", "start operation timed out. Terminating.")  # fmt: skip # noqa: E501
    assert root(waits) == 3011
    crashed = text.replace("code=exited, status=1/FAILURE", "code=dumped, status=11/SEGV")
    assert root(crashed) == 2217, "no server that is away makes a program crash"
    memory = text.replace("'exit-code'", "'oom-kill'")
    assert root(memory) == 2206


def test_what_is_known_to_have_failed_needs_no_line_that_says_so() -> None:
    text = b"trying 127.0.0.1\nconnect: Connection refused\nwaiting for better times\n"
    assert not diagnose_stream(io.BytesIO(text), "x").failed
    found = diagnose_stream(io.BytesIO(text), "x", broken=True)
    assert found.root is not None
    assert found.root.code == 3011
    silent = diagnose_stream(io.BytesIO(b"one\ntwo\n"), "x", broken=True)
    assert silent.failed
    assert [line.text for line in silent.unexplained] == ["one", "two"]


def test_an_error_long_before_a_good_end_is_no_failure() -> None:
    work = "cc -c part.c\n" * 100
    assert not diagnose_text(GIT + work).failed
    assert diagnose_text(work + IMPORT + work[:100]).failed
    assert diagnose_text("make: *** [Makefile:9: x] Error 3\n" + work).failed


def test_a_runners_own_error_tells_of_a_failure() -> None:
    stamp = "2026-11-23T10:00:01.1234567Z "
    found = diagnose_text(f"{stamp}##[error]The template is not valid.\n{stamp}Cleaning up\n" * 3)
    assert found.failed
    assert found.unexplained[0].text == bare("The template is not valid.")
    assert root(f"{stamp}{GIT}{stamp}##[error]Process completed with exit code 128.\n") == 3502


@pytest.mark.parametrize(
    "text",
    [
        " - Fix undefined reference to 'g_bus_get_sync' adding GIO library to linker\n",
        "Because FcDirCacheDeleteUUID does not reset the modification time on\n",
        '   "is not able to compile a simple test program.\\nIt fails "\n',
        "raise WheelError(f\"Hash mismatch for file '{name}'\")\n",
        "already_exists = _set_new_attribute(cls, name, fn)\n",
        "lib32bz2-1.0 pre-depends on libc6-i386 (>= 2.9-18)\n",
        "fix Windows SRV ECONNREFUSED by adjusting c-ares\n",
        "Fix for #447: squelch connection refused tcp connection failures\n",
        '- #2211 "Network is unreachable" error returned when IPv6 is disabled\n',
        "class ConnectTimeoutError(TimeoutError): ...\n",
        "TimeoutError: regex timed out\n",
        '"Disk quota exceeded" error diagnostics.\n',
    ],
)
def test_what_is_written_about_errors_is_none(text: str) -> None:
    """From changelogs and sources that were once taken for errors."""
    assert not diagnose_text(text + "error: something else\nmake: *** [x] Error 1\n").problems
