"""The report files of a run."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from debwright.host.files import atomic_write
from debwright.model.errors import DebwrightError, printable
from debwright.model.fix import Command
from debwright.model.results import RunResult
from debwright.observe.report.timeline import Color


def write_reports(result: RunResult, directory: Path, colors: Mapping[str, Color]) -> list[Path]:
    """Write report.json, report.html, report.md, junit.xml and report.sarif into `directory`.

    `colors` are the stages' own, in their order. `directory` is `dist/VERSION`, made if absent.
    Each file is replaced as a whole. Returns their paths.

    Raises DebwrightError when the directory cannot be written.
    """
    # The stages need model_json only; what writes pages takes its time to load.
    from debwright.observe.report import html, junit, markdown, sarif

    contents: dict[str, str | bytes] = {
        "report.json": model_json(result),
        "report.html": html.render(result, directory, colors),
        "report.md": markdown.render(result),
        "junit.xml": junit.render(result),
        "report.sarif": sarif.render(result),
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            atomic_write(directory / name, content)
    except OSError as error:
        raise DebwrightError(
            f"the report cannot be written to {directory}: {error.strerror or error}",
            cause="the disk is full, or the directory belongs to another user",
            fix=Command("df", "-h", directory.parent),
        ) from error
    return [directory / name for name in contents]


def model_json(result: BaseModel) -> str:
    """A model as indented JSON, whatever text it holds."""
    try:
        return result.model_dump_json(indent=2) + "\n"
    except PydanticSerializationError:
        # A file name that is not UTF-8 reaches us as lone surrogates, which JSON cannot hold.
        text = json.dumps(result.model_dump(mode="json"), indent=2, ensure_ascii=False)
        visible = re.sub("[\ud800-\udfff]", lambda m: "\\" + printable(m[0]), text)
        return visible + "\n"
