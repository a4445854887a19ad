"""What is shown on a terminal cannot steer it; JSON is JSON."""

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.api.responses import to_wire
from local_rag.cli import output
from local_rag.core.types import Change, JobState


@given(st.text(max_size=200))
def test_no_control_character_reaches_the_terminal(text: str) -> None:
    shown = output.clean(text)
    assert not set(shown) & {chr(code) for code in [*range(9), *range(11, 32), *range(127, 160)]}
    assert "\u202e" not in shown


def test_forged_titles_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("[bold red]title[/] \x1b[2J\x1b]0;owned\x07")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[bold red]title[/]" in out


def test_tables_show_markup_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id", "title"), [(1, "[link=http://evil.example]x[/link]"), (2, None)], "id")
    out = capsys.readouterr().out
    assert "[link=" in out.replace("\n", "")
    assert "2" in out


@pytest.mark.parametrize(
    ("count", "shown"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (123_456, "123 kB"),
     (5_500_000, "5.5 MB"), (7e9, "7.0 GB"), (2.5e12, "2.5 TB")],
)  # fmt: skip
def test_sizes(count: float | None, shown: str) -> None:
    assert output.size(count) == shown


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("file:///srv/My%20notes/a%23b.md", "/srv/My notes/a#b.md"),
        ("https://example.org/a%20b", "https://example.org/a%20b"),
        ("file://host/share/x", "file://host/share/x"),
        ("plain", "plain"),
    ],
)
def test_places_are_shown_as_paths(uri: str, shown: str) -> None:
    assert output.place(uri) == shown


def test_times_are_local_and_short() -> None:
    shown = output.when("2026-02-03T04:05:06+00:00")
    assert len(shown) == 16
    assert shown.startswith("2026-02-0")
    assert output.when(None) == ""


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_json({"title": "Grüße \u202e \ud800"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["title"].startswith("Grüße")


def test_to_wire_makes_json_types() -> None:
    value = {
        "change": Change(uri="file:///a", kind="new"),
        "state": JobState.DONE,
        "when": datetime(2026, 1, 2, tzinfo=timezone.utc),
        "path": Path("/x"),
        "items": (1, 2.5, float("nan"), float("inf")),
        3: {"set"},
    }
    assert to_wire(value) == {
        "change": {"uri": "file:///a", "kind": "new", "document_id": None},
        "state": "done",
        "when": "2026-01-02T00:00:00+00:00",
        "path": "/x",
        "items": [1, 2.5, None, None],
        "3": ["set"],
    }
