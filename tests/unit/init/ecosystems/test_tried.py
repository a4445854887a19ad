"""Which commands are tried, and with which option."""

from pathlib import Path

import pytest

from debwright.init.ecosystem import recognise
from debwright.init.ecosystems.python.modules import read_modules
from debwright.init.ecosystems.python.tried import commands_to_try

ARGPARSE = "import argparse\ndef main():\n    p = argparse.ArgumentParser()\n"


@pytest.mark.parametrize(
    ("source", "option"),
    [
        (ARGPARSE + "    p.parse_args()\n", " --help"),
        (ARGPARSE + "    p.add_argument('-V', '--version', action='version', version='1')\n",
         " --version"),
        # Without the action, what it requires would be missing.
        (ARGPARSE + "    p.add_argument('--version', action='store_true')\n", " --help"),
        ("from argparse import ArgumentParser as P\ndef main():\n    p = P()\n", " --help"),
        ("import click\n@click.command()\n@click.version_option()\ndef main(): ...\n",
         " --version"),
        ("import click\n@click.group\ndef main(): ...\n", " --help"),
        ("import typer\nmain = typer.Typer()\n", " --help"),
        ("from docopt import docopt\ndef main():\n    docopt('x')\n", " --help"),
        ("import argparse\ndef parser():\n    return argparse.ArgumentParser()\n"
         "def main():\n    parser().parse_args()\n", " --help"),
        ("import argparse\ndef other():\n    argparse.ArgumentParser()\ndef main():\n    work()\n",
         None),
        ("import sys\ndef main():\n    print(sys.argv)\n", None),
        ("def main():\n    main()\n", None),
        ("import flask\n@flask.command\ndef main(): ...\n", None),
    ],
)  # fmt: skip
def test_only_what_is_handled_is_tried(tmp_path: Path, source: str, option: str | None) -> None:
    (tmp_path / "bells.py").write_text(source)
    found = commands_to_try({"ring": "bells:main"}, read_modules(tmp_path))
    assert found == ((f"ring{option}",) if option else ())


def test_calls_and_imports_are_followed(tmp_path: Path) -> None:
    package = tmp_path / "src/bells"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from bells.cli import main\n")
    (package / "cli.py").write_text("from .options import parser\ndef main():\n    parser()\n")
    (package / "options.py").write_text(
        "import argparse\ndef parser():\n    return argparse.ArgumentParser()\n"
    )
    scripts = {"ring": "bells:main", "gone": "nowhere:main", "odd": "", "x": "bells.cli:main [x]"}
    assert commands_to_try(scripts, read_modules(tmp_path)) == ("ring --help", "x --help")


def project(directory: Path, source: str, scripts: str = "") -> Path:
    (directory / "bells.py").write_text(source)
    (directory / "pyproject.toml").write_text(
        f'[project]\nname = "bells"\nversion = "1.0"\n{scripts}'
    )
    return directory


def test_a_tool_has_no_service_and_its_commands_are_tried(tmp_path: Path) -> None:
    made = project(tmp_path, ARGPARSE, '[project.scripts]\nring = "bells:main"\n')
    found = recognise(made).read(made)
    assert found.units == ()
    assert found.programs == ("ring",)
    assert found.smoke == ("python3 -c 'import bells'", "ring --help")


def test_a_library_is_imported(tmp_path: Path) -> None:
    made = project(tmp_path, "def bell(): ...\n")
    found = recognise(made).read(made)
    assert (found.units, found.programs) == ((), ())
    assert found.smoke == ("python3 -c 'import bells'",)


def test_nobody_is_asked_what_the_authors_units_say(tmp_path: Path) -> None:
    made = project(tmp_path, ARGPARSE, '[project.scripts]\nring = "bells:main"\n')
    assert [q.name for q in recognise(made).read(made).questions] == ["service"]
    (made / "ring.service").write_text("[Service]\nType=oneshot\nExecStart=/usr/bin/ring\n")
    (made / "ring.timer").write_text(
        "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"
    )
    assert recognise(made).read(made).questions == ()
