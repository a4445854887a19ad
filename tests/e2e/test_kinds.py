"""Three kinds of service as their authors have them: from `init` to a user's `apt upgrade`.

`make e2e` runs it for the targets of E2E_TARGETS. The services are the examples of the pages of
docs/ecosystems, and no file of theirs, nor one that `init` has written, is edited.
"""

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from debwright.model.targets import Target
from tests.e2e.people import Installed, Packager, booted
from tests.kit.pages import TOP, blocks

TARGETS = (os.environ.get("E2E_TARGETS") or "bookworm-amd64 bookworm-arm64").split()
ASK = (
    "for n in $(seq 60); do if exec 3<>/dev/tcp/127.0.0.1/{port}; then "
    "printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3; exit; fi; sleep 0.5; done; exit 1"
)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A kind, and how its second version can be told from the first."""

    name: str
    page: str
    change: tuple[str, str, str]
    """A file of the author's, what stands in it, and what version 2 has instead."""
    shows: str
    """A command on the user's system that prints what has been changed."""
    first: str
    second: str


SERVICES = [
    Service(
        name="pinger", page="go.md", change=("main.go", '"ok"', '"very well"'),
        shows=ASK.format(port=8188, path="/health"), first="ok", second="very well",
    ),
    Service(
        name="guests", page="python-application.md", change=("app.py", '"guests":', '"visitors":'),
        shows=ASK.format(port=8000, path="/health"), first='"guests":0', second='"visitors":0',
    ),
    Service(
        name="watchload", page="files.md", change=("watchload.sh", '"load:"', '"busy:"'),
        shows="systemctl is-active watchload && cat /usr/bin/watchload",
        first='active\n#!/bin/sh', second='"busy:"',
    ),
]  # fmt: skip


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_from_init_to_an_upgrade(service: Service, tmp_path: Path) -> None:
    ada = Packager(tmp_path / service.name, {"XDG_DATA_HOME": str(tmp_path / "data")})
    for block in blocks(TOP / "docs/ecosystems" / service.page):
        if block.mark == "example":
            (ada.tree / block.value).write_text(block.text)
    ada.git("init", "-q", "-b", "main")
    commit(ada, "feat: begin")
    ada("init", "--yes")
    commit(ada, "build: package it")
    old = released(ada, tmp_path / service.name)
    with ExitStack() as stack:
        users = []
        for target in (Target.parse(name) for name in TARGETS):
            deb = next(ada.tree.glob(f"dist/*/{target.suite}-*/{service.name}_*.deb"))
            users.append(Installed(stack.enter_context(booted(deb, target)), target))
        for user in users:
            install(user, service, ada.tree / "dist/apt")
            assert user.version(service.name) == old
            assert service.first in user.run(service.shows)
        path, before, after = service.change
        text = (ada.tree / path).read_text()
        assert before in text
        (ada.tree / path).write_text(text.replace(before, after))
        commit(ada, "feat: say it in other words")
        ada("changelog", "--tag", "v99.1.0", "--write")
        commit(ada, "chore: version 99.1.0")
        new = released(ada, tmp_path / service.name)
        assert new.startswith("99.1.0")
        for user in users:
            user.mirror(ada.tree / "dist/apt")
            user.apt("update")
            user.apt("upgrade")
            assert user.version(service.name) == new
            assert service.second in user.run(service.shows)


def commit(ada: Packager, subject: str) -> None:
    ada.git("add", "-A")
    ada.git("commit", "-q", "-m", subject)


def released(ada: Packager, home: Path) -> str:
    """Build, check and publish; the version that users now get."""
    ada("run", *(word for target in TARGETS for word in ("-t", target)))
    reports = sorted(home.glob("dist/*/report.json"), key=lambda p: p.stat().st_mtime)
    return str(json.loads(reports[-1].read_text())["version"])


def install(user: Installed, service: Service, repository: Path) -> None:
    """As the page for users says, from a directory in place of a web server."""
    user.mirror(repository)
    source = f"/srv/apt/{service.name}-{user.target.suite}.sources"
    entry = f"/etc/apt/sources.list.d/{service.name}.sources"
    user.run(f"sed 's|^URIs: .*|URIs: file:/srv/apt|' {source} > {entry}")
    user.apt("update")
    user.apt("install", service.name)
