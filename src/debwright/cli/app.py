"""The command line: arguments in, a command called, an exit code out. Nothing is decided here.

Exit codes: 0 success, 1 general error, 2 bad arguments or configuration, 3 build failed,
4 validation failed, 5 the environment lacks something, 130 interrupted.
"""

import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from debwright import __version__
from debwright.cli.commands import Commands, refusal
from debwright.cli.common import Options
from debwright.host.process import Interrupted
from debwright.model.errors import (
    DebwrightError,
    ExitCode,
    from_os_error,
    internal_error,
)
from debwright.model.standing import Standing

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EPILOG = f"Exit codes: {', '.join(f'{c.value} {c.meaning}' for c in ExitCode)}."


@dataclass
class Started:
    """What the command line was started with, for whoever reports how it ended."""

    given: tuple[str, ...] = ()
    options: Options | None = None

    @property
    def standing(self) -> Standing:
        if self.options is None:
            return Standing(given=self.given)
        return self.options.standing


@click.group(cls=Commands, package="debwright.cli", context_settings=SETTINGS, epilog=EPILOG)
@click.option(
    "-C", "--directory", type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(), help="Work as if started in this directory.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False),
    help="Write there instead of dist/ next to debwright.toml.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Show the tools' output as it comes.")
@click.version_option(__version__, prog_name="debwright")
@click.pass_context
def cli(
    context: click.Context, directory: Path, output: Path | None, *, as_json: bool, verbose: bool
) -> None:
    """Turn a service into Debian packages that are proven to start.

    Start with `debwright doctor` (what is missing on this machine) and `debwright init` (in a
    project's directory); then `debwright run` builds, checks and publishes below dist/.
    """
    started = context.obj if isinstance(context.obj, Started) else Started()
    options = Options(
        directory=directory, output=output, json=as_json, verbose=verbose, given=started.given
    )
    started.options = context.obj = options


def main(arguments: list[str] | None = None) -> None:
    """Entry point: never a traceback for what a user can meet."""
    # Roots, packages and the repository are for others to read, and a build must not give other
    # modes for who started it. What is secret sets its own mode.
    os.umask(0o022)
    # pydantic looks for plugins in the metadata of every installed distribution. There are none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    sys.exit(call(arguments))


def call(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    # What Python warns of once, as an old name of a key, is a note to whoever reads along.
    warnings.showwarning = lambda message, *_, **__: print(f"note: {message}", file=sys.stderr)
    started = Started(tuple(given))
    try:
        code = cli.main(given, prog_name="debwright", standalone_mode=False, obj=started)
        return int(code or 0)
    except click.exceptions.Exit as leaving:
        return int(leaving.exit_code)
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, Interrupted, click.Abort):
        print("debwright: stopped; nothing was left half-done", file=sys.stderr)
        return 130
    except Exception as problem:
        return _failed(problem, started.standing, as_json="--json" in given)


def _failed(problem: Exception, standing: Standing, *, as_json: bool) -> int:
    """Tell what went wrong; the exit code."""
    if isinstance(problem, click.ClickException):
        _tell(refusal(problem, standing.given), standing, as_json=as_json)
        return ExitCode.USAGE
    if isinstance(problem, DebwrightError):
        error = problem
    elif isinstance(problem, OSError):
        error = from_os_error(problem)
    elif os.environ.get("DEBWRIGHT_DEBUG"):
        raise problem
    else:
        error = internal_error(problem)
    _tell(error, standing, as_json=as_json)
    return error.exit_code


def _tell(problem: DebwrightError, standing: Standing, *, as_json: bool) -> None:
    from debwright.observe.console.errors import error_json, print_error

    if as_json:
        print(error_json(problem, standing))
    print_error(problem, standing=standing)
