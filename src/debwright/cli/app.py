"""The command line: arguments in, a command called, an exit code out. Nothing is decided here.

Exit codes: 0 success, 1 general error, 2 bad arguments or configuration, 3 build failed,
4 validation failed, 5 the environment lacks something, 130 interrupted.
"""

import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from debwright import __version__
from debwright.cli import (
    cache_options,
    diagnose_options,
    documents_options,
    keys_options,
    metrics_options,
    release_options,
    repo_options,
    workflows_options,
)
from debwright.cli.system_option import SystemOption
from debwright.host.process import Interrupted
from debwright.model.errors import DebwrightError, UsageError, from_os_error, internal_error

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
EPILOG = (
    "Exit codes: 0 success, 1 general error, 2 bad arguments or configuration, 3 build failed, "
    "4 validation failed, 5 the environment lacks something."
)

targets_option = click.option(
    "-t", "--target", "patterns", multiple=True, metavar="PATTERN",
    help="Only targets that match, as 'bookworm-arm64' or '*-arm64'. May be given several times.",
)  # fmt: skip
strategy_option = click.option(
    "--strategy", type=click.Choice(["auto", "native", "cross", "emulated"]),
    help="How to build, instead of what debwright.toml says.",
)  # fmt: skip
force_option = click.option("--force", is_flag=True, help="Do it again even if nothing changed.")


@click.group(context_settings=SETTINGS, epilog=EPILOG)
@click.option(
    "-C", "--directory", type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(), help="Work as if started in this directory.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False),
    help="Write there instead of dist/ beside debwright.toml.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Show the tools' output as it comes.")
@click.version_option(__version__, prog_name="debwright")
@click.pass_context
def cli(
    context: click.Context, directory: Path, output: Path | None, *, as_json: bool, verbose: bool
) -> None:
    """Turn a service into Debian packages that are proven to start.

    Start with `debwright doctor` (what this machine lacks) and `debwright init` (in a Python
    service); then `debwright run` builds, checks and publishes below dist/.
    """
    from debwright.cli.common import Options

    context.obj = Options(directory=directory, output=output, json=as_json, verbose=verbose)


@cli.command()
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.pass_obj
def init(options: Any, directory: Path | None, *, force: bool) -> int:
    """Scaffold debwright.toml and debian/ for the Python service in DIRECTORY."""
    from debwright.cli.init import init_project

    return init_project(options, directory, force=force)


@cli.command()
@targets_option
@strategy_option
@click.pass_obj
def plan(options: Any, patterns: tuple[str, ...], strategy: str | None) -> int:
    """Show version, targets, strategies and why, and what is cached."""
    from debwright.cli.plan import show_plan
    from debwright.pipeline.plan import make_plan

    return show_plan(options, make_plan(options.directory, patterns=patterns, strategy=strategy))


@cli.command()
@targets_option
@strategy_option
@force_option
@click.argument("source", type=click.Path(path_type=Path), required=False)
@click.pass_obj
def build(
    options: Any,
    source: Path | None,
    patterns: tuple[str, ...],
    strategy: str | None,
    *,
    force: bool,
) -> int:
    """Build the packages of SOURCE: a directory with debian/, or a .dsc file.

    Without SOURCE, the project of this directory.
    """
    from debwright.pipeline.run import Wanted

    return _run(
        options, Wanted(check=False, publish=False), source, patterns, strategy, force=force
    )


@cli.command()
@targets_option
@strategy_option
@force_option
@click.option(
    "--reproducible", is_flag=True,
    help="Build every target once more, under other conditions, and compare bit for bit.",
)  # fmt: skip
@click.option(
    "--equivalence", is_flag=True,
    help="Compare the architectures of a suite, and cross-built packages with emulated builds.",
)  # fmt: skip
@click.option(
    "--previous",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A .deb of the release before FILES, to upgrade from; may be repeated.",
)
@click.option(
    "--sandbox", metavar="KIND", cls=SystemOption,
)  # fmt: skip
@click.option(
    "--replace-installed", is_flag=True,
    help="With ssh: replace the packages when the machine has them, and purge them at the end.",
)  # fmt: skip
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.pass_obj
def check(
    options: Any,
    /,
    files: tuple[Path, ...],
    patterns: tuple[str, ...],
    previous: tuple[Path, ...],
    *,
    sandbox: str | None,
    strategy: str | None,
    force: bool,
    replace_installed: bool,
    **more: bool,
) -> int:
    """Check FILES (.deb or .changes) in clean roots; without FILES, this project's packages."""
    from debwright.cli.check import check_files, check_project

    if files and (asked := [name for name, wanted in more.items() if wanted]):
        raise UsageError(
            f"--{asked[0]} builds from the source, which packages alone do not give",
            fix=f"debwright check --{asked[0]}, in the project's directory",
        )

    if files:
        return check_files(
            options, files, patterns, previous, sandbox=sandbox, replace=replace_installed
        )
    if previous:
        raise UsageError(
            "--previous goes with the packages to check",
            fix="debwright check --previous OLD.deb NEW.deb, or [upgrade] previous in "
            "debwright.toml",
        )
    return check_project(
        options, patterns, strategy, force=force, sandbox=sandbox, replace=replace_installed, **more
    )


@cli.command()
@targets_option
@click.pass_obj
def publish(options: Any, patterns: tuple[str, ...]) -> int:
    """Add what has passed its checks to the signed APT repository.

    What is not built or not checked yet is built and checked first.
    """
    from debwright.pipeline.run import Wanted

    return _run(options, Wanted(), None, patterns, None, force=False)


@cli.command()
@targets_option
@strategy_option
@force_option
@click.argument("source", type=click.Path(path_type=Path), required=False)
@click.pass_obj
def run(
    options: Any,
    source: Path | None,
    patterns: tuple[str, ...],
    strategy: str | None,
    *,
    force: bool,
) -> int:
    """Build, check and publish, and write the report: the main job."""
    from debwright.pipeline.run import Wanted

    return _run(options, Wanted(), source, patterns, strategy, force=force)


@cli.command()
@click.argument("target")
@click.option(
    "--booted", is_flag=True, help="The booted system a check uses, not the build's root."
)
@click.option("-c", "--command", help="Run this command instead of an interactive shell.")
@click.option(
    "--failed", is_flag=True,
    help="Where the last build failed: the same root, layer and environment, the sources "
    "unpacked, and the command that failed at the prompt.",
)  # fmt: skip
@click.option(
    "--from", "artifact", type=click.Path(path_type=Path, exists=True), metavar="ARTIFACT",
    help="With --failed: the results of a run elsewhere, as a directory or a .zip from CI.",
)  # fmt: skip
@click.pass_obj
def shell(
    options: Any, /, target: str, command: str | None, artifact: Path | None, **kind: bool
) -> int:
    """A shell in exactly the environment in which TARGET is built or checked."""
    from debwright.cli.shell import open_target

    return open_target(options, target, command=command, artifact=artifact, **kind)


@cli.command()
@click.option("--install", is_flag=True, help="Install and set up what lacks, by apt.")
@click.pass_obj
def doctor(options: Any, *, install: bool) -> int:
    """What this machine has, what it lacks, and the command that installs it."""
    from debwright.cli.doctor import show_doctor

    return show_doctor(options, install=install)


for command in (
    cache_options.cache, keys_options.keys, release_options.verify, release_options.changelog,
    release_options.release, documents_options.schema, documents_options.sbom,
    metrics_options.metrics, metrics_options.dashboard, repo_options.repo,
    documents_options.documents, diagnose_options.diagnose, workflows_options.workflows,
    workflows_options.collect, workflows_options.validate, workflows_options.ci,
):  # fmt: skip
    cli.add_command(command)


def _also_behind(group: click.Group) -> None:
    """Let the options that are everybody's stand behind a command, too: `debwright plan --json`."""
    for command in group.commands.values():
        taken = {text for parameter in command.params for text in parameter.opts}
        for name, texts in (("json", ["--json"]), ("verbose", ["-v", "--verbose"])):
            if not taken & set(texts):
                command.params.append(
                    click.Option(
                        texts, is_flag=True, hidden=True, expose_value=False, callback=_given(name)
                    )
                )
        if isinstance(command, click.Group):
            _also_behind(command)


def _given(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def callback(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            context.obj = replace(context.obj, **{name: True})

    return callback


_also_behind(cli)


def _run(
    options: Any, wanted: Any, source: Path | None, patterns: tuple[str, ...],
    strategy: str | None, *, force: bool,
) -> int:  # fmt: skip
    from debwright.cli.common import run_plan
    from debwright.pipeline.plan import make_plan

    chosen = make_plan(options.directory, source=source, patterns=patterns, strategy=strategy)
    return run_plan(options, chosen, wanted, force=force)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: never a traceback for what a user can meet."""
    # Roots, packages and the repository are for others to read, and a build must not give other
    # modes for who started it. What is secret sets its own mode.
    os.umask(0o022)
    sys.exit(call(arguments))


def call(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    # What Python warns of once, as an old name of a key, is a note to whoever reads along.
    warnings.showwarning = lambda message, *_, **__: print(f"note: {message}", file=sys.stderr)
    try:
        code = cli.main(given, prog_name="debwright", standalone_mode=False)
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
        return _failed(problem, as_json="--json" in given)


def _failed(problem: Exception, *, as_json: bool) -> int:
    """Tell what went wrong; the exit code."""
    if isinstance(problem, click.ClickException):
        if as_json:
            _tell(_refused(problem), as_json=True)
        else:
            problem.show()
        return 2
    if isinstance(problem, DebwrightError):
        error = problem
    elif isinstance(problem, OSError):
        error = from_os_error(problem)
    elif os.environ.get("DEBWRIGHT_DEBUG"):
        raise problem
    else:
        error = internal_error(problem)
    _tell(error, as_json=as_json)
    return error.exit_code


def _refused(problem: click.ClickException) -> UsageError:
    """click's complaint of the arguments as one of ours."""
    context = getattr(problem, "ctx", None)
    command = context.command_path if context is not None else "debwright"
    return UsageError(problem.format_message(), fix=f"{command} --help")


def _tell(problem: DebwrightError, *, as_json: bool) -> None:
    from debwright.observe.console.errors import error_json, print_error

    if as_json:
        print(error_json(problem))
    print_error(problem)
