"""A small service in three versions: a good one, one that changes its data, and a broken one."""

from pathlib import Path

PYPROJECT = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"
[project]
name = "notebook"
version = "{version}"
description = "A service that keeps notes"
readme = "README.md"
requires-python = ">=3.11"
license = {{ text = "MIT" }}
authors = [{{ name = "Ada Example", email = "ada@example.org" }}]
urls = {{ Homepage = "https://example.org/notebook" }}
[project.scripts]
notebook = "notebook.main:main"
"""
MAIN = '''\
"""Keeps notes: GET and POST /notes, GET /health."""

import json
import os
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = Path("/etc/notebook.toml")
STATE = Path(os.environ.get("STATE_DIRECTORY", "."))
{store}

class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer({health}, {{"status": "ok", "title": title()}})
        elif self.path == "/notes":
            self.answer(200, load())
        else:
            self.answer(404, "not found")

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        add(text)
        self.answer(200, load())

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def title() -> str:
    settings = tomllib.loads(CONFIG.read_text()) if CONFIG.exists() else {{}}
    return settings.get("page", {{}}).get("title", "Notes")


def main() -> None:
    ThreadingHTTPServer(("127.0.0.1", 8391), Handler).serve_forever()
'''
# A list of texts.
FIRST = """
NOTES = STATE / "notes.json"


def load() -> list[str]:
    return json.loads(NOTES.read_text()) if NOTES.exists() else []


def write(path: Path, data: object) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(data))
    beside.rename(path)


def add(text: str) -> None:
    write(NOTES, [*load(), text])

"""
# A table, in a file of its own: the old one stays for who goes back.
SECOND = FIRST.replace(
    """def load() -> list[str]:
    return json.loads(NOTES.read_text()) if NOTES.exists() else []
""",
    """OLD = STATE / "notes.json"
NOTES = STATE / "notes-2.json"


def load() -> list[str]:
    if not NOTES.exists():
        old = json.loads(OLD.read_text()) if OLD.exists() else []
        write(NOTES, {"version": 2, "notes": [{"text": text} for text in old]})
    return [note["text"] for note in json.loads(NOTES.read_text())["notes"]]
""",
).replace(
    "    write(NOTES, [*load(), text])",
    '    notes = [{"text": t} for t in (*load(), text)]\n'
    '    write(NOTES, {"version": 2, "notes": notes})',
)
CONFIG_FIRST = '# Settings of notebook.\n[page]\ntitle = "Notes"\n'
CONFIG_SECOND = CONFIG_FIRST + "# Kept for later.\nmost = 1000\n"


def write_version(tree: Path, version: str) -> None:
    """Change the service's files to those of `version`."""
    first, broken = version == "1.0.0", version == "1.2.0"
    files = {
        "pyproject.toml": PYPROJECT.format(version=version),
        "README.md": "# notebook\n\nA service that keeps notes.\n",
        "notebook.toml": CONFIG_FIRST if first else CONFIG_SECOND,
        "src/notebook/__init__.py": f'__version__ = "{version}"\n',
        "src/notebook/main.py": MAIN.format(
            store=FIRST if first else SECOND, health="503" if broken else "200"
        ),
        ".gitignore": "dist/\nbuild/\n*.egg-info/\n",
    }
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
