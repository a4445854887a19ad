"""Whether a program takes connections."""

from pathlib import Path

import pytest

from debwright.init.ecosystems.python.listening import listens
from debwright.init.ecosystems.python.modules import read_modules


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("from flask import Flask", True),
        ("import http.server", True),
        ("from http import server", True),
        ("from aiohttp import web", True),
        ("from aiohttp import ClientSession", False),
        ("import asyncio\nasyncio.start_server(f, '127.0.0.1', 1)", True),
        ("import socket\ns = socket.socket()\ns.listen()", True),
        ("import socket\ns = socket.create_connection(('h', 25))", False),
        ("import redis\nredis.Redis(port=6379).blpop('mail')", False),
        ("import smtplib\nsmtplib.SMTP('mail.example.org', port=587)", False),
        ("print('job')", False),
        ("import flask, (", False),
    ],
)
def test_listens(tmp_path: Path, source: str, answer: bool) -> None:
    (tmp_path / "main.py").write_text(source + "\n")
    assert listens(read_modules(tmp_path)) is answer


def test_names_are_those_that_imports_bind(tmp_path: Path) -> None:
    package = tmp_path / "src" / "pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .web import create_app as make\n")
    (package / "web.py").write_text("import flask as f\napp = f.Flask(__name__)\n")
    modules = {m.name: m for m in read_modules(tmp_path)}
    assert modules["pkg"].names["make"] == "pkg.web.create_app"
    assert [name for name, _ in modules["pkg.web"].calls()] == ["flask.Flask"]
