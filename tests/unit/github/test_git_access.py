"""git gets the token for GitHub alone."""

import base64

import pytest

from debwright.github.place import git_access


def test_only_github_sees_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    found = git_access("https://github.com/example/greeter")
    assert found["GIT_CONFIG_KEY_0"] == "http.https://github.com/.extraheader"
    given = found["GIT_CONFIG_VALUE_0"].removeprefix("AUTHORIZATION: basic ")
    assert base64.b64decode(given) == b"x-access-token:t0ken"
    for other in (
        "https://example.org/a",
        "https://github.com.example.org/a",
        "git@github.com:a/b",
    ):
        assert git_access(other) == {}
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://ghe.example.org")
    assert git_access("https://github.com/a/b") == {}
    assert git_access("https://ghe.example.org/a/b")
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.delenv("GH_TOKEN", raising=False)
    assert git_access("https://ghe.example.org/a/b") == {}
