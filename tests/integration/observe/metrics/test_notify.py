"""Alerts by a real mail server and a real chat, and what keys and repositories give rise to."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright
from tests.integration.observe.metrics.server import now
from tests.integration.release.test_notify import (  # noqa: F401 - fixtures
    Chat,
    Inbox,
    chat,
    inbox,
    smtp,
)
from tests.kit.records import failed, run, target

from debwright.config import load
from debwright.observe.metrics.alerts.outside import outside_problems
from debwright.observe.metrics.store import Store


def test_mail_and_chat_are_told_once_and_when_it_is_over(
    tmp_path: Path,
    smtp: int,  # noqa: F811
    inbox: Inbox,  # noqa: F811
    chat: Chat,  # noqa: F811
) -> None:
    (tmp_path / "debwright.toml").write_text(
        '[notify.webhook]\nurl_env = "HOOK"\n[notify.email]\nto = ["a@example.org"]\n'
        f'sender = "d@example.org"\nhost = "127.0.0.1"\nport = {smtp}\nsecurity = "none"\n'
        'on = ["alert"]\n'
    )
    debwright = Debwright(tmp_path)
    begin = now() - timedelta(hours=9)
    with Store.open(tmp_path / "dist/metrics/runs.sqlite") as store:
        store.put([run(n, failed(), started=begin + timedelta(hours=n)) for n in range(2)])
    without = debwright("metrics", "notify")
    assert without.code == 1
    assert "nobody was told by webhook" in without.error
    assert "HOOK is not set" in without.error
    hook = {"HOOK": chat.url}
    assert debwright("metrics", "notify", env=hook).code == 0
    assert "nothing new" in debwright("metrics", "notify", env=hook).output
    with Store.open(tmp_path / "dist/metrics/runs.sqlite") as store:
        store.put([run(5, target(), started=begin + timedelta(hours=5))])
    assert debwright("metrics", "notify", env=hook).code == 0
    assert [m["Subject"] for _, m in inbox.mails] == [
        "bookworm-amd64 failed 2 times in a row",
        "resolved: bookworm-amd64 failed 2 times in a row",
    ]
    first, last = [m["text"] for m in chat.messages]
    assert first.startswith(":warning: *bookworm-amd64 failed 2 times")
    assert "debwright metrics show" in first
    assert last.startswith(":white_check_mark: *resolved")


def test_a_way_that_is_closed_stops_no_other(tmp_path: Path, chat: Chat) -> None:  # noqa: F811
    """There is no token for the issues: the chat is told all the same."""
    (tmp_path / "debwright.toml").write_text(
        '[release]\nrepository = "o/n"\n[metrics.alerts]\nissues = true\n'
        '[notify.webhook]\nurl_env = "HOOK"\n'
    )
    begin = now() - timedelta(hours=9)
    with Store.open(tmp_path / "dist/metrics/runs.sqlite") as store:
        store.put([run(n, failed(), started=begin + timedelta(hours=n)) for n in range(2)])
    env = {"HOOK": chat.url, "GITHUB_TOKEN": "", "GH_TOKEN": ""}
    done = Debwright(tmp_path)("metrics", "notify", env=env)
    assert done.code == 1
    assert "nobody was told by issue" in done.error
    assert "there is no token for GitHub" in done.error
    assert len(chat.messages) == 1
    again = Debwright(tmp_path)("metrics", "notify", env=env)
    assert (again.code, again.output.strip(), len(chat.messages)) == (1, "", 1)


def test_with_nobody_to_tell(tmp_path: Path) -> None:
    with Store.open(tmp_path / "dist/metrics/runs.sqlite") as store:
        store.put([run(0)])
    done = Debwright(tmp_path)("metrics", "notify")
    assert done.code == 2
    assert "[notify.webhook]" in done.error


@pytest.fixture
def keyed(tmp_path: Path) -> Path:
    """A project whose signing key expires in ten days."""
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    env = {**os.environ, "GNUPGHOME": str(home)}
    gpg = ["gpg", "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]
    user = "greeter <g@example.org>"
    subprocess.run([*gpg, "--quick-gen-key", user, "ed25519", "sign", "10d"], env=env, check=True)
    listed = subprocess.run(
        ["gpg", "--batch", "--with-colons", "--list-keys"],
        env=env, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    key = next(row.split(":")[9] for row in listed.splitlines() if row.startswith("fpr"))
    subprocess.run(["gpgconf", "--kill", "all"], env=env, check=True)
    (tmp_path / "debwright.toml").write_text(f'[signing]\nkey = "{key}"\nhome = "gnupg"\n')
    return tmp_path


def test_a_key_that_expires_soon(keyed: Path) -> None:
    loaded = load(keyed)
    today = datetime.now(UTC)
    found = [p for p in outside_problems(loaded, keyed / "dist", today) if p.rule == "key"]
    assert "expires in 9 days" in found[0].title
    assert found[0].next == "debwright keys rotate"
    later = list(outside_problems(loaded, keyed / "dist", today + timedelta(days=11)))
    assert "has expired" in later[0].title
    early = today - timedelta(days=25)
    assert list(outside_problems(loaded, keyed / "dist", early)) == []


def test_a_stale_repository(tmp_path: Path) -> None:
    suite = tmp_path / "dist/apt/dists/bookworm"
    suite.mkdir(parents=True)
    date = datetime(2026, 3, 1, 12, tzinfo=UTC)
    (suite / "Release").write_text(f"Codename: bookworm\nDate: {format_datetime(date)}\n")
    loaded = load(tmp_path)
    assert list(outside_problems(loaded, tmp_path / "dist", date + timedelta(days=30))) == []
    (stale,) = outside_problems(loaded, tmp_path / "dist", date + timedelta(days=31))
    assert stale.key == "repository:bookworm"
    assert "31 days ago" in stale.text
    (suite / "Release").write_text("Codename: bookworm\n")
    (odd,) = outside_problems(loaded, tmp_path / "dist", date)
    assert odd.key == "repository:bookworm:unreadable"
    assert "no date" in odd.text
    (tmp_path / "debwright.toml").write_text('[repository]\nurl = "http://127.0.0.1:9/apt"\n')
    (gone,) = outside_problems(load(tmp_path), tmp_path / "dist", date)
    assert gone.key == "repository:bookworm:unreachable"
