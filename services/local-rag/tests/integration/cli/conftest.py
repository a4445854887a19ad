"""The command against a running service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.command import Outcome, Run, invoke
from kit.faces import BEES, BREAD, LEASE, LiveServer, QuotingGenerator, make_service


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LOCAL_RAG_URL", "LOCAL_RAG_TOKEN", "LOCAL_RAG_TOKEN_FILE", "LOCAL_RAG_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture
def generator() -> QuotingGenerator:
    return QuotingGenerator()


@pytest.fixture
def server(tmp_path: Path, generator: QuotingGenerator) -> Iterator[LiveServer]:
    with LiveServer(make_service(tmp_path, generator=generator)) as server:
        yield server


@pytest.fixture
def run(server: LiveServer) -> Run:
    def run(*arguments: object, stdin: str | bytes | None = None) -> Outcome:
        return invoke("--url", server.url, *arguments, stdin=stdin)

    return run


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "lease.md").write_text(LEASE)
    (folder / "bread.txt").write_text(BREAD)
    (folder / "deep" / "bees.txt").write_text(BEES)
    (folder / ".hidden.txt").write_text("hidden")
    (folder / "song.mp3").write_bytes(b"ID3")
    return folder
