"""The version of the Debian package, as Python's tools write versions."""

from __future__ import annotations

import re

VARIABLES = (
    "SETUPTOOLS_SCM_PRETEND_VERSION",
    "PDM_BUILD_SCM_VERSION",
    "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "UV_DYNAMIC_VERSIONING_BYPASS",
    "PBR_VERSION",
)
"""What backends that ask git for a version take instead: setuptools-scm and hatch-vcs, pdm-backend,
poetry-dynamic-versioning, uv-dynamic-versioning, pbr (their own documentation)."""


def pep440(debian: str) -> str:
    """`1:1.0~rc1-1` as `1.0rc1`: without epoch and revision, with PEP 440's early and late marks.

    The reverse of what `debwright init` makes of a project's version. What git counts (`+git5...`)
    is a local version there.
    """
    text = re.sub(r"^\d+:", "", debian)
    text = re.sub(r"-[^-]*$", "", text) if "-" in text else text
    text = re.sub(r"~+dev(\d)", r".dev\1", text)
    text = re.sub(r"\+post(\d)", r".post\1", text)
    text = text.replace("~git", "+git").replace("~", "")
    public, plus, local = text.partition("+")
    return public + plus + local.replace("+", ".")


def versions(debian: str) -> dict[str, str]:
    """The variables for backends that take the version from tags."""
    return dict.fromkeys(VARIABLES, pep440(debian))
