"""The JSON schemas (draft 2020-12) of the files debwright writes, made from their models."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from debwright.model.results import CheckReport, RunResult

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _schema(model: type[BaseModel], file: str, text: str) -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        **model.model_json_schema(mode="serialization"),
        "title": file,
        "description": text,
    }


SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "check": lambda: _schema(
        CheckReport, "check.json", "Every check of one target: dist/VERSION/TARGET/check.json."
    ),
    "report": lambda: _schema(
        RunResult, "report.json", "A whole run: dist/VERSION/report.json."
    ),
}  # fmt: skip
"""Name to the function that makes its schema."""
