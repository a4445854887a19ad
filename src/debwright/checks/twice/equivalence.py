"""The table of what two architectures' packages must have in common."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Problem, Raw, Section

_STEP = re.compile(r"(?:^|\.)(?P<key>[^.\[\]]+)|\[(?P<index>\d{1,9}|\*)\]")


def steps(path: str) -> list[str]:
    """`results[*].text` as `results`, `[*]` and `text`; ValueError for what is no such path."""
    found, position = [], 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(path)
        found.append(match["key"] or f"[{match['index']}]")
        position = match.end()
    return found


def _json_path(value: str) -> str:
    try:
        steps(value)
    except ValueError as problem:
        raise v.refused(
            f"{v.quoted(value)} is not a path into an answer",
            expected="keys with dots between them, [0] or [*], as results[*].text",
        ) from problem
    return value


JsonPath = Annotated[v.Line, AfterValidator(_json_path)]


class Question(Section):
    """Something both packages are asked on a booted system; a `command` or a `url`."""

    name: v.Line = Field(description="What it is called in reports.")
    command: v.Script | None = Field(
        None, description="Run with `sh -c`; what it prints must be JSON."
    )
    url: v.HttpUrl | None = Field(None, description="Asked from inside; its answer must be JSON.")
    method: Literal["GET", "POST", "PUT"] = Field("GET", description="How the URL is asked.")
    body: str | None = Field(None, description="JSON sent to the URL.")
    compare: list[JsonPath] = Field(
        [],
        description="What of the answers is compared, as `results[*].text`; all when empty.",
    )
    timeout_seconds: v.Seconds = Field(
        60, description="Seconds an answer may take; six times as many under an emulator."
    )

    @classmethod
    def contradictions(cls, raw: Raw) -> Iterator[Problem]:
        if ("command" in raw) == ("url" in raw):
            yield Problem(
                path=(),
                what="a question is asked by `command` or by `url`",
                expected="one of the two",
                fix="add one of them" if "command" not in raw else "remove one of them",
            )
        elif "body" in raw and raw.get("method", "GET") == "GET":
            yield Problem(
                path=("body",),
                what="a question with a body is not asked with GET",
                expected='method = "POST" or "PUT" with a url',
                fix='add `method = "POST"`',
            )


class Equivalence(Section, table="equivalence"):
    """What `debwright check --equivalence` lets pass and asks."""

    ignore: list[v.Line] = Field(
        [],
        description="fnmatch patterns of paths that only one architecture's package may have.",
    )
    python_paths: list[v.Line] = Field(
        [],
        description="Further directories whose Python modules are imported.",
    )
    prepare: list[v.Script] = Field(
        [], description="Commands run with `sh -c` on both systems before they are asked."
    )
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        0.01, description="How far two numbers of the answers may lie apart."
    )
    questions: list[Question] = Field(
        [], description="What both packages are asked, and must answer alike."
    )
