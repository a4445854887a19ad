"""How processes are started: by what the author says, else by what serves the application."""

from pathlib import Path

import pytest

from debwright.init.ecosystems.python.modules import read_modules
from debwright.init.ecosystems.python.procfile import read_procfile
from debwright.init.ecosystems.python.start import Start, starts
from debwright.model.errors import UsageError

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
GUARD = 'if __name__ == "__main__":\n    '


def started(directory: Path, files: dict[str, str], *asked: str) -> tuple[Start, ...]:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return starts(directory, read_modules(directory), read_procfile(directory), set(asked))


def command(directory: Path, files: dict[str, str], *asked: str) -> str:
    return " ".join(started(directory, files, *asked)[0].words)


@pytest.mark.parametrize(
    ("files", "asked", "wanted"),
    [
        ({"app.py": FLASK}, ["gunicorn"], "gunicorn --bind 127.0.0.1:8000 app:app"),
        ({"app.py": FLASK}, ["waitress"], "waitress-serve --listen=127.0.0.1:8000 app:app"),
        ({"main.py": FASTAPI}, ["uvicorn"], "uvicorn --host 127.0.0.1 --port 8000 main:app"),
        ({"main.py": FASTAPI}, ["fastapi[standard]"],
         "uvicorn --host 127.0.0.1 --port 8000 main:app"),
        ({"main.py": FASTAPI}, ["hypercorn"], "hypercorn --bind 127.0.0.1:8000 main:app"),
        ({"main.py": FASTAPI}, ["daphne"], "daphne -b 127.0.0.1 -p 8000 main:app"),
        ({"web/__init__.py": "import flask\ndef create_app(test=None):\n"
          "    app = flask.Flask(__name__)\n    return app\n"}, ["gunicorn"],
         "gunicorn --bind 127.0.0.1:8000 web:create_app()"),
        ({"api.py": "import fastapi as f\ndef make():\n    return f.FastAPI()\n"}, ["uvicorn"],
         "uvicorn --host 127.0.0.1 --port 8000 --factory api:make"),
        ({"pkg/__init__.py": "import flask\ndef create_app():\n    return flask.Flask('x')\n",
          "wsgi.py": "from pkg import create_app\napplication = create_app()\n"}, ["gunicorn"],
         "gunicorn --bind 127.0.0.1:8000 wsgi:application"),
        ({"app.py": "import dash\napp = dash.Dash(__name__)\n"}, ["gunicorn"],
         "gunicorn --bind 127.0.0.1:8000 app:app.server"),
        ({"app.py": "from bottle import Bottle\napp = Bottle()\n"}, ["gunicorn"],
         "gunicorn --bind 127.0.0.1:8000 app:app"),
        ({"app.py": "from aiohttp import web\napp = web.Application()\n" + GUARD
          + "web.run_app(app, port=9000)\n"}, [], "python app.py"),
        ({"main.py": "print(1)\n"}, [], "python main.py"),
        ({"bot.py": "x = 1\n", "helpers.py": "y = 1\n"}, [], "python bot.py"),
        ({"poll.py": GUARD + "main()\n"}, [], "python poll.py"),
        ({"web_srv.py": "from aiohttp import web\ndef init():\n    return web.Application()\n"
          "web.run_app(init())\n", "helpers.py": ""}, ["aiohttp"], "python web_srv.py"),
        ({"only.py": "while True: pass\n"}, [], "python only.py"),
        ({"pkg/__init__.py": "", "pkg/__main__.py": "print(1)\n"}, [], "python -m pkg"),
    ],
)  # fmt: skip
def test_what_starts(tmp_path: Path, files: dict[str, str], asked: list[str], wanted: str) -> None:
    assert command(tmp_path, files, *asked) == wanted


@pytest.mark.parametrize(
    ("source", "server"), [(FLASK, "gunicorn"), (FASTAPI, "uvicorn")]
)  # fmt: skip
def test_a_server_is_added_where_none_is_asked_for(
    tmp_path: Path, source: str, server: str
) -> None:
    (start,) = started(tmp_path, {"app.py": source})
    assert (start.words[0], start.added) == (server, (server,))
    assert any(f"{server} was added" in note for note in start.notes)


@pytest.mark.parametrize(
    "web", ["flask run", "python app.py", "python manage.py runserver", "flask --app app run"]
)
def test_a_development_server_is_never_started(tmp_path: Path, web: str) -> None:
    source = FLASK + GUARD + 'app.run(host="0.0.0.0", port=5001, debug=True)\n'
    files = {"app.py": source, "Procfile": f"web: {web}\n"}
    (start,) = started(tmp_path, files, "gunicorn")
    assert start.words == ("gunicorn", "--bind", "127.0.0.1:5001", "app:app")
    assert any("development server" in note for note in start.notes)


def test_the_procfile_is_the_author_s_word(tmp_path: Path) -> None:
    files = {
        "app.py": FLASK,
        "Procfile": "release: flask db upgrade\nweb: gunicorn -b 0.0.0.0:$PORT app:app\n"
        "worker: celery -A app worker\n",
    }
    web, worker = started(tmp_path, files, "gunicorn")
    assert web.words == ("gunicorn", "-b", "0.0.0.0:${PORT}", "app:app")
    assert (web.address, web.port, web.before) == ("0.0.0.0", "8000", (("flask", "db", "upgrade"),))
    assert any("0.0.0.0" in note for note in web.notes)
    assert (worker.name, worker.listens) == ("worker", False)


def test_a_server_without_an_address_stays_on_this_machine(tmp_path: Path) -> None:
    files = {"app.py": FLASK, "Procfile": "web: gunicorn --workers 3 app:app\n"}
    (start,) = started(tmp_path, files, "gunicorn")
    assert " ".join(start.words) == "gunicorn --bind 127.0.0.1:8000 --workers 3 app:app"


def test_the_file_of_gunicorn_names_the_address(tmp_path: Path) -> None:
    files = {"app.py": FLASK, "gunicorn.conf.py": 'bind = "127.0.0.1:9100"\nworkers = 2\n',
             "Procfile": "web: gunicorn app:app\n"}  # fmt: skip
    (start,) = started(tmp_path, files, "gunicorn")
    assert (start.words, start.port) == (("gunicorn", "app:app"), "9100")
    del files["Procfile"]
    (tmp_path / "Procfile").unlink()
    (start,) = started(tmp_path, files, "gunicorn")
    assert (start.words, start.port) == (("gunicorn", "app:app"), "9100")


@pytest.mark.parametrize(
    ("call", "port"),
    [
        ("uvicorn.run('main:app', port=9001)", "9001"),
        ("uvicorn.run(app, port=int(os.environ.get('PORT', 9002)))", "9002"),
        ("uvicorn.run(app, port=int(os.getenv('PORT') or '9003'))", "9003"),
        ("port = 9004; uvicorn.run(app, port=port)", "9004"),
        ("uvicorn.run(app, port=find())", "8000"),
        ("redis.Redis(port=6379)", "8000"),
    ],
)
def test_the_port_that_the_author_chose(tmp_path: Path, call: str, port: str) -> None:
    source = f"import os, uvicorn, redis\n{FASTAPI}{GUARD}{call}\n"
    (start,) = started(tmp_path, {"main.py": source}, "uvicorn")
    assert start.port == port
    assert start.words[4] == port


def test_modules_that_import_each_other_by_bare_names(tmp_path: Path) -> None:
    files = {"backend/main.py": "import db\n" + FASTAPI, "backend/db.py": "", "tool.py": ""}
    (start,) = started(tmp_path, files, "uvicorn")
    assert (start.words[-1], start.directory) == ("main:app", "backend")
    (tmp_path / "backend/main.py").write_text("from backend import db\n" + FASTAPI)
    (start,) = starts(tmp_path, read_modules(tmp_path), (), {"uvicorn"})
    assert (start.words[-1], start.directory) == ("backend.main:app", "")


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ('CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "80", "--no-access-log"]',
         "uvicorn app.main:app --host 127.0.0.1 --port 8000 --no-access-log"),
        ("CMD gunicorn -b 0.0.0.0:5000 -w 3 app.main:app",
         "gunicorn -b 127.0.0.1:5000 -w 3 app.main:app"),
        ('CMD ["sh", "-c", "uvicorn app.main:app --port ${PORT:-8080}"]',
         "uvicorn app.main:app --port ${PORT}"),
        ("CMD python /code/app/main.py", "uvicorn --host 127.0.0.1 --port 8000 app.main:app"),
        ('ENTRYPOINT ["./other.sh"]', "uvicorn --host 127.0.0.1 --port 8000 app.main:app"),
    ],
)  # fmt: skip
def test_an_image_says_what_is_started(tmp_path: Path, image: str, wanted: str) -> None:
    files = {"app/__init__.py": "", "app/main.py": FASTAPI, "Dockerfile": f"FROM python\n{image}\n"}
    (start,) = started(tmp_path, files, "uvicorn", "gunicorn")
    assert " ".join(start.words) == wanted
    assert start.address == "127.0.0.1"


def test_a_worker_does_not_listen(tmp_path: Path) -> None:
    source = "import redis\nr = redis.Redis(port=6379)\nwhile True: r.blpop('x')\n"
    (start,) = started(tmp_path, {"worker.py": source}, "redis")
    assert not start.listens


@pytest.mark.parametrize(
    ("call", "where"),
    [
        ("web.run_app(a)", "*:8080"),
        ("web.run_app(a, port=9000)", "*:9000"),
        ("web.run_app(a, host='127.0.0.1')", "127.0.0.1:8080"),
        ("waitress.serve(a)", "0.0.0.0:8080"),
        ("uvicorn.run(a, host='0.0.0.0')", "0.0.0.0:8000"),
        ("uvicorn.run(a)", "127.0.0.1:8000"),
    ],
)
def test_a_program_listens_where_its_server_does(tmp_path: Path, call: str, where: str) -> None:
    source = f"from aiohttp import web\nimport uvicorn, waitress\na = make()\n{call}\n"
    (start,) = started(tmp_path, {"serve.py": source})
    assert f"{start.address}:{start.port}" == where


def test_nothing_to_start(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing says how"):
        started(tmp_path, {"helpers.py": "x = 1\n"})
