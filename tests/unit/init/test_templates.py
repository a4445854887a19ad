"""The templates as files of debwright's own package."""

from pathlib import Path

import pytest

from debwright import init

TEMPLATES = sorted((Path(init.__file__).parent / "templates").glob("*.j2"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_is_no_shell_script(path: Path) -> None:
    """lintian reads a file's first line, and asks `sh -n` of what it takes for a script."""
    assert not path.read_bytes().startswith((b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env"))
