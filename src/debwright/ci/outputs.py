"""What a step hands to the steps and jobs after it, and what it says in the run's summary.

Source: docs.github.com, "Workflow commands for GitHub Actions": a line `name=value` appended to
the file that the variable names.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from debwright.model.errors import DebwrightError, printable


def write_outputs(values: Mapping[str, str], environ: Mapping[str, str] | None = None) -> bool:
    """Give a later step `steps.ID.outputs.NAME`; whether there is one that could read it.

    A value with a line break would be read as another output, so it is refused. Raises
    DebwrightError, OSError.
    """
    environ = os.environ if environ is None else environ
    for name, value in values.items():
        if any(c in value for c in "\r\n\0"):
            raise DebwrightError(f"the output {name} would have several lines", cause=repr(value))
    path = environ.get("GITHUB_OUTPUT")
    if not path:
        return False
    with Path(path).open("a", encoding="utf-8") as file:
        file.write("".join(f"{name}={value}\n" for name, value in values.items()))
    return True


def append_summary(text: str, environ: Mapping[str, str] | None = None) -> None:
    """Add Markdown to the step's summary, where there is one."""
    environ = os.environ if environ is None else environ
    path = environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(printable(text))
