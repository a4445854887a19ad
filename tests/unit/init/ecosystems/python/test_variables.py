"""Variables that an application reads."""

import subprocess
from pathlib import Path

import pytest

from debwright.init.ecosystems.python.modules import read_modules
from debwright.init.ecosystems.python.variables import (
    Variable,
    default_file,
    examples,
    find_variables,
)


@pytest.mark.parametrize(
    ("source", "required"),
    [
        ("os.environ['X']", True),
        ("environ['X']", True),
        ("os.environ.get('X')", False),
        ("os.getenv('X', 'y')", False),
        ("try:\n    os.environ['X']\nexcept KeyError:\n    pass", False),
        ("if 'X' in os.environ:\n    os.environ['X']", False),
        ("os.environ['X'] = '1'", None),
        ("from decouple import config\nconfig('X')", True),
        ("from decouple import config\nconfig('X', default='')", False),
        ("import environ as e\nenv = e.Env()\nenv('X')", True),
        ("import environ as e\nenv = e.Env()\nenv.bool('X', False)", False),
        ("class S(BaseSettings):\n    x: str", True),
        ("class S(BaseSettings):\n    x: str = 'y'", False),
        ("class S(BaseSettings):\n    x: str = Field(...)", True),
        ("class S(BaseSettings):\n    x: str = Field('y')", False),
        ("os.environ['HOME']", None),
        ("os.environ.get('X').split(' ')", True),
        ("int(os.getenv('X'))", True),
        ("int(os.getenv('X')) if os.getenv('X') else 1", False),
        ("import environ as e\nenv = e.Env(X=(bool, False))\nenv('X')", False),
        ("import environ as e\nenv = e.Env(X=bool)\nenv('X')", True),
        ("import dj_database_url\ndj_database_url.config(env='X')", True),
        ("import dj_database_url\ndj_database_url.config(env='X', default='')", False),
    ],
)
def test_required(tmp_path: Path, source: str, required: bool | None) -> None:
    (tmp_path / "app.py").write_text(f"import os\nfrom os import environ\n{source}\n")
    found = find_variables(read_modules(tmp_path))
    assert [(v.name, v.required) for v in found] == ([] if required is None else [("X", required)])


@pytest.mark.parametrize("imported", ["from .base import env", "from .base import *"])
def test_a_reader_that_another_module_has_made(tmp_path: Path, imported: str) -> None:
    """As settings that are split import `env` from what they share."""
    package = tmp_path / "backend" / "config"
    package.mkdir(parents=True)
    (package / "base.py").write_text("import environ\nenv = environ.Env()\nDB = env.db()\n")
    (package / "prod.py").write_text(f"{imported}\nA = env.int('A')\nB = env('B', default='')\n")
    found = {v.name: (v.required, v.kind) for v in find_variables(read_modules(tmp_path))}
    assert found == {
        "DATABASE_URL": (True, "database"), "A": (True, "int"), "B": (False, ""),
    }  # fmt: skip


def test_a_prefix_of_settings(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='APP_')\n"
        "    db: str\n"
    )
    assert [v.name for v in find_variables(read_modules(tmp_path))] == ["APP_DB"]


@pytest.mark.parametrize(
    ("name", "made_up"),
    [("SECRET_KEY", True), ("DJANGO_SECRET_KEY", True), ("JWT_SECRET", True), ("API_KEY", False),
     ("TELEGRAM_TOKEN", False), ("DB_PASSWORD", False), ("SECRET_SANTA", False)],
)  # fmt: skip
def test_secrets_that_nobody_has_to_know(name: str, made_up: bool) -> None:
    assert Variable(name=name, required=True, seen="a.py:1").made_up is made_up


def test_the_author_s_example(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text(
        "# settings\nexport A=1\nB='two words'\nC = x # why\nnot a setting\nD=\n"
    )
    name, values = examples(tmp_path)
    assert name == ".env.example"
    assert values == {"A": "1", "B": "two words", "C": "x", "D": ""}


def test_settings_are_what_a_shell_reads(tmp_path: Path) -> None:
    """EnvironmentFile= has nearly a shell's syntax (systemd.exec(5))."""
    variables = [Variable(name=n, required=True, seen="a.py:1") for n in ("A", "B", "C")]
    values = {"A": 'say "$x" `y` \\', "B": "http://a/?b=c"}
    text = default_file(variables, values, {"C": "x y"}, "p")
    assert '#C="x y"\n' in text
    (tmp_path / "default").write_text(text)
    done = subprocess.run(
        ["sh", "-c", '. ./default; printf "%s|%s" "$A" "$B"'],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"{values['A']}|{values['B']}"
