"""Errors that are shown to people.

Every error carries what happened, a hint with the next thing to do, and a stable code; the API
turns `status` into the HTTP status and the CLI turns `exit_code` into its own.
"""

from typing import Any


class RagError(Exception):
    """Base of everything this service raises on purpose."""

    status = 500
    code = "internal"
    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return self.message


class NotFound(RagError):
    """The document, job or file that was asked for is not there."""

    status = 404
    code = "not-found"


class Conflict(RagError):
    """The request cannot be met in the present state of things."""

    status = 409
    code = "conflict"


class InvalidInput(RagError):
    """The request or the document is not something that can be worked with."""

    status = 422
    code = "invalid-input"


class LeftOut(InvalidInput):
    """A file that is whole but has nothing to index, or nothing here that could read it."""

    code = "left-out"


class TooLarge(RagError):
    """A document, or what it unpacks to, is over a limit."""

    status = 413
    code = "too-large"


class Forbidden(RagError):
    """The path or the address is not one this service may read."""

    status = 403
    code = "forbidden"


class Unauthorized(RagError):
    """A token is missing or wrong."""

    status = 401
    code = "unauthorized"


class Unavailable(RagError):
    """A component, such as the language model, cannot work now."""

    status = 503
    code = "unavailable"


class ConfigError(RagError):
    """The configuration cannot be used; the message names file, line and key."""

    code = "config"
    exit_code = 2


class ModelError(RagError):
    """A model file is missing, broken or too large for this machine."""

    status = 503
    code = "model"


class ModelMissing(ModelError):
    """No model of the kind that is needed is installed; this ends as soon as one is."""


class CpuUnsupported(ModelError):
    """The processor does not have instructions that the compiled model code needs."""

    code = "cpu-unsupported"


class ModelMismatch(RagError):
    """The index was made with another embedding model; `local-rag reindex` helps."""

    status = 409
    code = "model-mismatch"


class StoreCorrupt(RagError):
    """The index file is damaged or is not one of ours."""

    code = "store-corrupt"


class BadBackup(StoreCorrupt):
    """The file that was to replace the index is no whole backup; the index is as it was."""

    status = 422
    code = "bad-backup"
