"""Calling a command of the command line as debwright itself does, with options of a test's own."""

from typing import Any

import click

from debwright.cli.app import SETTINGS
from debwright.cli.common import Options


def invoke(command: click.Command, options: Options, *arguments: str) -> Any:
    """What `command` returns. Its own errors are raised, and not printed."""
    # click keeps the names of the help option that it meets first: they must be debwright's.
    return command.main(list(arguments), obj=options, standalone_mode=False, **SETTINGS)
