"""Showing a run to whoever watches: a live table, plain lines, or GitHub's log commands."""

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from debwright.model.events import Reporter, Silent
from debwright.model.standing import HERE, Standing


def on_github(environ: Mapping[str, str]) -> bool:
    """Whether this is a job of GitHub Actions, which sets the variable in every step."""
    return environ.get("GITHUB_ACTIONS") == "true"


def make_reporter(
    *,
    json_mode: bool = False,
    verbose: bool = False,
    stream: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
    standing: Standing = HERE,
) -> Reporter:
    """The reporter that fits where the output goes.

    GitHub's on its runners, the live table on a terminal, plain lines elsewhere. In JSON mode
    standard output belongs to the JSON: progress goes to standard error, and is shown only to
    a person (a terminal, `verbose`) or to GitHub. `stream` replaces the one chosen so. Commands
    are shown as they are typed where the person is `standing`.
    """
    environ = os.environ if environ is None else environ
    stream = stream or (sys.stderr if json_mode else sys.stdout)
    if on_github(environ):
        from debwright.observe.console.github import GitHubReporter

        return GitHubReporter(stream, environ=environ, verbose=verbose, standing=standing)
    if is_live(stream, environ):
        from debwright.observe.console.live import LiveReporter

        return LiveReporter(stream, environ=environ, verbose=verbose, standing=standing)
    if json_mode and not verbose:
        return Silent()
    from debwright.observe.console.plain import PlainReporter

    return PlainReporter(stream, environ=environ, verbose=verbose, standing=standing)


def is_live(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a table that redraws itself makes sense: a terminal that can move its cursor."""
    if environ.get("CI", "").lower() in ("true", "1"):
        return False
    if environ.get("TERM", "").lower() in ("dumb", "unknown", ""):
        return False
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False
