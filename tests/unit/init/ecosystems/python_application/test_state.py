"""What an application writes."""

from pathlib import Path

import pytest

from debwright.init.ecosystems.python.modules import read_modules
from debwright.init.ecosystems.python_application.state import (
    Written,
    links,
    state_directories,
    written,
)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("URL = 'sqlite:///./todo.db'", [("todo.db", False)]),
        ("URL = 'sqlite+aiosqlite:///data/todo.db'", [("data/todo.db", False)]),
        ("URL = 'sqlite:////var/lib/x/todo.db'", []),
        ("URL = 'sqlite:///:memory:'", []),
        ("import flask_sqlalchemy\nURL = 'sqlite:///todo.db'", []),
        ("HERE = Path(__file__).resolve().parent\nURL = f'sqlite:///{HERE / \"a.db\"}'",
         [("a.db", False)]),
        ("B = os.path.abspath(os.path.dirname(__file__))\n"
         "U = os.getenv('U') or 'sqlite:///' + os.path.join(B, 'app.db')", [("app.db", False)]),
        ("sqlite3.connect('x.sqlite')", [("x.sqlite", False)]),
        ("open('log.txt', 'a')", [("log.txt", False)]),
        ("open('data.json')", []),
        ("os.makedirs('uploads', exist_ok=True)", [("uploads", True)]),
        ("Path('cache').mkdir()", [("cache", True)]),
        ("open('/tmp/x', 'w')", []),
        ("open('../x', 'w')", []),
        ("open(name, 'w')", []),
    ],
)  # fmt: skip
def test_written(tmp_path: Path, source: str, found: list[tuple[str, bool]]) -> None:
    head = "import os, sqlite3\nfrom pathlib import Path\n"
    (tmp_path / "app.py").write_text(head + source + "\n")
    assert [(w.path, w.directory) for w in written(read_modules(tmp_path))] == found


def test_links_to_the_state(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "uploads").mkdir()
    items = [
        Written(path=path, directory=directory, seen="a.py:1")
        for path, directory in (
            ("a.db", False), ("data/b.db", False), ("data/c.db", False), ("uploads", True),
            ("static/cache.json", False),
        )
    ]  # fmt: skip
    pairs, states, replaced = links(items, tmp_path, "p", "/usr/lib/p/app")
    assert pairs == (
        ("var/lib/p/a.db", "usr/lib/p/app/a.db"),
        ("var/lib/p/data", "usr/lib/p/app/data"),
        ("var/lib/p/uploads", "usr/lib/p/app/uploads"),
        ("var/lib/p/static/cache.json", "usr/lib/p/app/static/cache.json"),
    )
    assert states == ("p/data", "p/uploads", "p/static")
    assert replaced == ("uploads",)


def test_directories_of_the_system_that_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("A = 'sqlite:////var/lib/guest/g.db'\nB = '/var/lib/guest/x'\n")
    assert state_directories(read_modules(tmp_path)) == ("guest",)
