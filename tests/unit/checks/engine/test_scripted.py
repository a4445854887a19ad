"""Configuration that scripts have made: where a comment changes nothing."""

import pytest

from debwright.checks.engine.scripted import takes_a_comment


@pytest.mark.parametrize(
    "text",
    ["PORT=8080\n", "export A=1\n\nB='x y'\n", "# settings\nlog_level = debug\n",
     "# site\nserver:\n  port: 80\n", "# daemon\nbind 127.0.0.1\n"],
)  # fmt: skip
def test_a_comment_changes_nothing(text: str) -> None:
    assert takes_a_comment(text)


@pytest.mark.parametrize(
    "text",
    ["", "\n", '{"port": 80}\n', "<config><port>80</port></config>\n", "0123456789abcdef\n",
     "[section]\nport = 80\n", "# This file is generated, do not edit\nA=1\n",
     "-----BEGIN PRIVATE KEY-----\nA=1\n"],
)  # fmt: skip
def test_it_may(text: str) -> None:
    assert not takes_a_comment(text)
