"""Logs that nobody can forge, in files that do not grow."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_rag.config.settings import LoggingSettings
from local_rag.core.errors import ConfigError, ModelError
from local_rag.run.logs import (
    RATE_BURST,
    RATE_SECONDS,
    JsonFormatter,
    RateLimit,
    TextFormatter,
    escape,
    make_handler,
    setup_logging,
)

FORGED = 'doc\n{"level":"info","message":"all is well"}\r\x1b[2J\u2028\x85'


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": message, "args": args, "name": "t", "levelname": "INFO"})
    made.__dict__.update(extra)
    return made


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_one_object_with_time_level_and_extra() -> None:
    line = JsonFormatter().format(record("imported %s", "a.pdf", job="j1", seconds=0.5))
    entry = json.loads(line)
    assert entry["message"] == "imported a.pdf"
    assert entry["level"] == "info"
    assert entry["time"].endswith("Z")
    assert (entry["job"], entry["seconds"]) == ("j1", 0.5)


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_message_cannot_begin_a_line_or_move_the_cursor(formatter: logging.Formatter) -> None:
    line = formatter.format(record("name %s", FORGED, path=FORGED))
    assert len(line.splitlines()) == 1
    assert line.isprintable()


@given(st.text(max_size=200), st.text(max_size=50))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_at_all_can(message: str, extra: str) -> None:
    made = record("%s", message, path=extra)
    line = JsonFormatter().format(made)
    assert line.isprintable()
    assert json.loads(line)["message"] == message
    assert TextFormatter().format(made).isprintable()


def test_extra_cannot_replace_what_a_record_says() -> None:
    entry = json.loads(JsonFormatter().format(record("real", level="forged", logger="x")))
    assert entry["level"] == "info"
    assert entry["logger"] == "t"


def test_arguments_that_do_not_fit_are_still_logged() -> None:
    assert "%d" in json.loads(JsonFormatter().format(record("%d items", "three")))["message"]


def test_endless_messages_are_cut() -> None:
    entry = json.loads(JsonFormatter().format(record("x" * 1_000_000)))
    assert len(entry["message"]) < 9_000
    assert "1000000 characters" in entry["message"]


def test_things_json_does_not_know_are_spelled() -> None:
    entry = json.loads(JsonFormatter().format(record("m", path=Path("/tmp/x"))))
    assert entry["path"] == "/tmp/x"


def test_traces_stay_within_their_record() -> None:
    try:
        raise ValueError(FORGED)
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    line = JsonFormatter().format(record("failed", exc_info=info))
    assert len(line.splitlines()) == 1
    assert "ValueError" in json.loads(line)["error"]
    text = TextFormatter().format(record("failed", exc_info=info))
    assert all(part.startswith("    ") for part in text.splitlines()[1:])


def test_our_own_errors_are_words_and_not_traces() -> None:
    error = ModelError("no model", hint="pull one")
    entry = json.loads(JsonFormatter().format(record("x", exc_info=(type(error), error, None))))
    assert entry["error"] == "model: no model (pull one)"


def test_escape_keeps_letters_of_all_languages() -> None:
    assert escape("Grüße 日本\n\x00") == "Grüße 日本\\n\\x00"


def test_five_files_and_no_more(tmp_path: Path) -> None:
    settings = LoggingSettings(file=tmp_path / "logs" / "rag.log", max_bytes=1024, backups=5)
    handler = make_handler(settings)
    for i in range(200):
        handler.emit(record("message number %d", i))
    handler.close()
    files = sorted((tmp_path / "logs").iterdir())
    assert len(files) == 5
    assert all(file.stat().st_size <= 1024 for file in files)
    assert "number 199" in (tmp_path / "logs" / "rag.log").read_text()


def test_one_file_still_rotates(tmp_path: Path) -> None:
    handler = make_handler(LoggingSettings(file=tmp_path / "l", max_bytes=1024, backups=0))
    for i in range(100):
        handler.emit(record("message number %d", i))
    handler.close()
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= 2048


def test_a_place_that_cannot_be_written_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written") as caught:
        make_handler(LoggingSettings(file=tmp_path / "file" / "x.log"))
    assert caught.value.exit_code == 2


def test_a_full_disk_is_said_once_and_stops_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    handler = make_handler(LoggingSettings(file=tmp_path / "x.log"))

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    handler.stream = Full()  # type: ignore[attr-defined]
    handler.emit(record("one"))
    handler.emit(record("two"))
    assert capsys.readouterr().err.count("No space left") == 1


def test_setup_replaces_itself_and_takes_uvicorn_along() -> None:
    stream = io.StringIO()
    logging.getLogger("uvicorn.access").addHandler(logging.NullHandler())
    setup_logging(LoggingSettings(), stream)
    setup_logging(LoggingSettings(level="warning"), stream)
    logging.getLogger("uvicorn.access").warning("GET /health")
    logging.getLogger("local_rag").info("not shown")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["message"] == "GET /health"


def test_text_for_people() -> None:
    stream = io.StringIO()
    setup_logging(LoggingSettings(format="text"), stream)
    logging.getLogger("local_rag").info("ready", extra={"port": 8080})
    assert stream.getvalue().rstrip().endswith("info    local_rag: ready port=8080")


def test_addresses_of_requests_are_not_logged() -> None:
    stream = io.StringIO()
    setup_logging(LoggingSettings(level="info"), stream)
    logging.getLogger("httpx").info("HTTP Request: GET https://example.org/?key=secret")
    assert stream.getvalue() == ""


def test_what_repeats_is_written_a_few_times_and_counted() -> None:
    now = 0.0
    limit = RateLimit(clock=lambda: now)

    def failed(level: int = logging.ERROR) -> logging.LogRecord:
        return logging.LogRecord("asyncio", level, "f", 1, "accept failed: %s", ("x",), None)

    assert sum(limit.filter(failed()) for _ in range(5000)) == RATE_BURST
    assert all(limit.filter(failed(logging.INFO)) for _ in range(100))
    now += RATE_SECONDS
    last = failed()
    assert limit.filter(last)
    assert last.suppressed == 5000 - RATE_BURST  # type: ignore[attr-defined]
    for number in range(5000):
        limit.filter(logging.LogRecord("a", logging.ERROR, "f", 1, f"kind {number}", (), None))
    assert len(limit._seen) <= 500
