"""The command against a running service."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1]))

from faces import LiveServer, QuotingGenerator, make_service
from local_rag.cli import main


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


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


def invoke(*arguments: object, stdin: str | None = None) -> Outcome:
    result = CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def run(server: LiveServer) -> Run:
    def run(*arguments: object, stdin: str | None = None) -> Outcome:
        return invoke("--url", server.url, *arguments, stdin=stdin)

    return run


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    from faces import BEES, BREAD, LEASE

    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "lease.md").write_text(LEASE)
    (folder / "bread.txt").write_text(BREAD)
    (folder / "deep" / "bees.txt").write_text(BEES)
    (folder / ".hidden.txt").write_text("hidden")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder
