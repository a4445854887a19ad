"""Logs: one JSON object a line, in a bounded number of bounded files.

Whatever a document, a path or a request holds cannot begin a new line or move the cursor of a
terminal: JSON escapes it, and the text format does so itself.
"""

import json
import logging
import logging.handlers
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TextIO

from local_rag.config.settings import LoggingSettings
from local_rag.core.errors import ConfigError, RagError

MAX_MESSAGE_CHARS = 8_000
MAX_TRACE_CHARS = 16_000
RATE_BURST = 10
"""Warnings and errors of one kind that are written in `RATE_SECONDS`."""
RATE_SECONDS = 60.0
MAX_KEY_CHARS = 80
MAX_KEYS = 500
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# uvicorn puts its own handlers on these; they speak through ours.
_UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access")
# These tell every address a request goes to.
_CHATTY = ("httpx", "httpcore", "pypdf")
_HANDLER_NAME = "local-rag"


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time (UTC), level, logger, message, and what `extra` gave."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        for key, value in _extra(record).items():
            entry.setdefault(key, value)
        if record.exc_info:
            entry["error"] = _trace(record)
        return json.dumps(entry, ensure_ascii=True, default=_plain, separators=(",", ":"))


class TextFormatter(logging.Formatter):
    """One line per record for people; control characters are spelled out."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a trace follows on indented lines."""
        extra = " ".join(f"{key}={value}" for key, value in _extra(record).items())
        line = f"{_time(record)} {record.levelname.lower():7} {record.name}: {_message(record)}"
        line = escape(f"{line} {extra}" if extra else line)
        if record.exc_info:
            trace = _trace(record).splitlines()
            line += "".join(f"\n    {escape(part)}" for part in trace)
        return line


def escape(text: str) -> str:
    """Return the text with everything that is not printable spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit the text
        message = f"{record.msg} {record.args!r}"
    if len(message) > MAX_MESSAGE_CHARS:
        return message[:MAX_MESSAGE_CHARS] + f"... ({len(message)} characters)"
    return message


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {
        key: value
        for key, value in vars(record).items()
        if key not in _STANDARD and not key.startswith(("_", "color_message"))
    }


def _trace(record: logging.LogRecord) -> str:
    kind, error, trace = record.exc_info or (None, None, None)
    if isinstance(error, RagError):
        # An error raised on purpose: its words say more than where it was raised.
        return f"{error.code}: {error.message}" + (f" ({error.hint})" if error.hint else "")
    return "".join(traceback.format_exception(kind, error, trace))[-MAX_TRACE_CHARS:]


def _plain(value: object) -> str:
    return str(value)[:1000]


class _QuietFile(logging.handlers.RotatingFileHandler):
    """Says once that it cannot write (a full disk), instead of a trace for every record."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's
        if not self._told:
            self._told = True
            error = sys.exc_info()[1]
            sys.stderr.write(escape(f"local-rag: log file {self.baseFilename}: {error}") + "\n")


class RateLimit(logging.Filter):
    """Lets a warning or an error through a few times a minute, and then says how many there were.

    What makes them may be a client, or a full disk, and come a thousand times a second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, record.levelno, str(record.msg)[:MAX_KEY_CHARS])
        now = self._clock()
        began, count = self._seen.get(key, (now, 0))
        if now - began >= RATE_SECONDS:
            if count > RATE_BURST:
                record.suppressed = count - RATE_BURST
            began, count = now, 0
        if key not in self._seen and len(self._seen) >= MAX_KEYS:
            self._seen.clear()
        self._seen[key] = (began, count + 1)
        return count < RATE_BURST


def make_handler(settings: LoggingSettings, stream: TextIO | None = None) -> logging.Handler:
    """Return the handler the settings ask for: rotating files, or standard error.

    `backups` counts all files, the one being written too: 5 files of 10 MB take 50 MB. Raises
    ConfigError when the file cannot be opened.
    """
    handler: logging.Handler
    if settings.file is None:
        handler = logging.StreamHandler(stream or sys.stderr)
    else:
        try:
            settings.file.parent.mkdir(parents=True, exist_ok=True)
            handler = _QuietFile(
                settings.file,
                maxBytes=settings.max_bytes,
                backupCount=max(1, settings.backups - 1),
                encoding="utf-8",
                errors="backslashreplace",
            )
        except OSError as error:
            raise ConfigError(
                f"the log file {settings.file} cannot be written: {error.strerror or error}",
                hint="set logging.file to a place the service may write to, or leave it out",
            ) from error
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    handler.set_name(_HANDLER_NAME)
    handler.addFilter(RateLimit())
    return handler


def setup_logging(settings: LoggingSettings, stream: TextIO | None = None) -> logging.Handler:
    """Send all logs of this process where the settings say; a second call replaces the first."""
    handler = make_handler(settings, stream)
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == _HANDLER_NAME]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    for name in _UVICORN:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    return handler
