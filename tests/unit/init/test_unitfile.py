"""Unit files as text."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.init import unitfile

TEXT = """\
# ExecStart=/no
[Service]
ExecStart=/usr/bin/a \\
  # a comment within
  --b
Environment=A=1
Environment=
Environment=B=2
[Install]
WantedBy = multi-user.target
"""


def test_continued_lines_and_taken_back_values() -> None:
    (start,) = unitfile.values(TEXT, "Service", "ExecStart")
    assert start.split() == ["/usr/bin/a", "--b"]
    assert unitfile.values(TEXT, "Service", "Environment") == ["B=2"]
    assert unitfile.values(TEXT, "Install", "WantedBy") == ["multi-user.target"]
    assert unitfile.values(TEXT, "Unit", "WantedBy") == []


def test_what_is_not_changed_stays_byte_for_byte() -> None:
    text = unitfile.changed(TEXT, lambda s: "/usr/bin/c" if s.key == "ExecStart" else None)
    head, tail = TEXT.split("ExecStart=/usr/bin/a")
    assert text == f"{head}ExecStart=/usr/bin/c\n" + tail.split("--b\n")[1]
    assert unitfile.changed(TEXT, lambda _: None) == TEXT


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["/usr/bin/a", "--b=c"], "/usr/bin/a --b=c"),
        (["a", "50%", "$HOME"], "a 50%% $$HOME"),
        (["a", 'say "x y"', ""], r'a "say \"x y\"" ""'),
        (["a", "x\nExecStart=/bin/sh"], 'a "x ExecStart=/bin/sh"'),
    ],
)
def test_words_reach_the_program_as_they_are(words: list[str], line: str) -> None:
    assert unitfile.command_line(words) == line


def test_variables_stay_where_they_are_wanted() -> None:
    words = ["a", "0.0.0.0:${PORT}", "$5"]
    assert unitfile.command_line(words, variables=True) == "a 0.0.0.0:${PORT} $$5"


def test_an_assignment_is_one_word() -> None:
    assert unitfile.assignment("A=1") == "A=1"
    assert unitfile.assignment("A=b c%d") == '"A=b c%%d"'


@given(st.lists(st.text(max_size=12), max_size=4))
def test_a_command_is_always_one_line(words: list[str]) -> None:
    line = unitfile.command_line(words, variables=True)
    assert len(line.splitlines()) <= 1
    assert line.count('"') - line.count('\\"') >= 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")
def test_systemd_reads_what_is_written(tmp_path: Path) -> None:
    unit = tmp_path / "x.service"
    words = unitfile.command_line(["/bin/echo", 'a "b" $c %d', "e\\f"])
    unit.write_text(f"[Service]\nExecStart={words}\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert "x.service" not in done.stderr
