"""What of a project is its service, and how it is started and asked."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from debwright.init.ecosystems.python.pyproject import read_pyproject
from debwright.init.ecosystems.python.service import Service, find_service
from debwright.init.model import Answers

SERVER = (
    "from http.server import HTTPServer\ndef main():\n"
    '    HTTPServer(("127.0.0.1", 9001), None).serve_forever()\n'
)
APP = (
    "from fastapi import FastAPI\napp = FastAPI()\n"
    '@app.get("/up/healthz")\ndef h():\n    return {}\n'
)
LOOP = "import time\ndef main():\n    while True:\n        work()\n        time.sleep(1)\n"
TOOL = "import argparse\ndef main():\n    argparse.ArgumentParser().parse_args()\n"
CLICK = (
    "import click, uvicorn\n@click.group()\ndef main(): ...\n@main.command()\n"
    "@click.option('--port', default=9005)\n@click.option('--host', default='0.0.0.0')\n"
    "def serve(port, host):\n    uvicorn.run('x:y', port=port, host=host)\n"
)
ONE = '[project.scripts]\nacme = "acme.cli:main"\n'


def service(
    directory: Path, files: Mapping[str, str], more: str = ONE, answers: Answers | None = None
) -> Service:
    for name, text in {"acme/__init__.py": "", **files}.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    (directory / "pyproject.toml").write_text(
        f'[project]\nname = "acme"\nversion = "1.0"\ndependencies = ["fastapi", "uvicorn"]\n{more}'
    )
    return find_service(directory, "acme", read_pyproject(directory), answers or {})


def words(found: Service) -> str:
    return " ".join(found.start.words) if found.start else ""


def url(found: Service) -> str:
    return found.health.url if found.health else ""


@pytest.mark.parametrize(
    ("cli", "command", "health"),
    [
        (SERVER, "acme", "http://127.0.0.1:9001/"),
        (LOOP, "acme", ""),
        (CLICK, "acme serve --host 127.0.0.1", "http://127.0.0.1:9005/"),
        (TOOL, "", ""),
    ],
)
def test_commands(tmp_path: Path, cli: str, command: str, health: str) -> None:
    found = service(tmp_path, {"acme/cli.py": cli})
    assert (words(found), url(found)) == (command, health)


def test_a_server_that_a_command_only_imports_is_the_services_own(tmp_path: Path) -> None:
    """An administrator's command loads the application, too; it does not serve it."""
    cli = "from acme.web import app\ndef main():\n    print(app.routes)\n"
    found = service(tmp_path, {"acme/cli.py": cli, "acme/web.py": APP})
    assert words(found) == "uvicorn --host 127.0.0.1 --port 8000 acme.web:app"
    assert url(found) == "http://127.0.0.1:8000/up/healthz"


def test_what_listens_may_be_imported_from_afar(tmp_path: Path) -> None:
    files = {
        "acme/cli.py": "from . import deep\ndef main():\n    deep.go()\n",
        "acme/deep.py": "from acme.deeper import serve as go\n",
        "acme/deeper.py": SERVER.replace("main", "serve"),
    }
    assert words(service(tmp_path, files)) == "acme"


def test_of_several_commands_the_one_that_serves(tmp_path: Path) -> None:
    """As black and blackd: only one of them listens."""
    more = '[project.scripts]\nacme = "acme.cli:main"\nacmed = "acme.daemon:main"\n'
    files = {"acme/cli.py": TOOL, "acme/daemon.py": SERVER}
    assert words(service(tmp_path, files, more)) == "acmed"


def test_of_several_that_serve_the_one_of_the_projects_name(tmp_path: Path) -> None:
    """As devpi-server and devpi-passwd, which all load the server."""
    more = '[project.scripts]\nacme-passwd = "acme.cli:main"\nacme = "acme.cli:main"\n'
    assert words(service(tmp_path, {"acme/cli.py": SERVER}, more)) == "acme"


@pytest.mark.parametrize(
    ("source", "port"),
    [
        ("p.add_argument(\n    '-p', '--port',\n    type=int,\n    default=3141)", "3141"),
        ("import os\nos.environ.get('ACME_PORT', '9004')", "9004"),
        ("HOSTS = {'value': '0.0.0.0:5232, [::]:5232'}", "5232"),
        ("import click\nclick.option('--http-port', default=9007)", "9007"),
        ("URL = 'https://example.org:9443/'\nport = 443", "8080"),
    ],
)
def test_ports(tmp_path: Path, source: str, port: str) -> None:
    cli = f"import asyncio\nasyncio.start_server(None, *where())\n{source}\n"
    found = service(tmp_path, {"acme/cli.py": cli})
    assert found.health is not None
    assert found.health.port.value == port
    assert (found.health.port.seen is None) == (port == "8080")


def test_a_library_has_no_service(tmp_path: Path) -> None:
    found = service(tmp_path, {"acme/flask_support.py": "import flask\n"}, "")
    assert found.start is None
    assert not found.questions
    assert found.units(list) == ()


def test_a_person_may_know_better(tmp_path: Path) -> None:
    found = service(tmp_path, {"acme/cli.py": TOOL})
    (question,) = found.questions
    assert (question.name, question.default, question.choices) == (
        "service", "none", ("none", "acme"),
    )  # fmt: skip
    told = service(tmp_path, {"acme/cli.py": TOOL}, answers={"service": "acme"})
    assert words(told) == "acme"
    assert told.units(list)[0].name == "acme.service"


def test_the_port_of_the_readme(tmp_path: Path) -> None:
    readme = "# acme\n\nRun with `uvicorn acme.web:app --port 8123`.\n"
    found = service(tmp_path, {"acme/web.py": APP, "README.md": readme}, "")
    assert words(found) == "uvicorn --host 127.0.0.1 --port 8123 acme.web:app"
    assert found.health is not None
    assert found.health.port.seen == "README.md:3"


@pytest.mark.parametrize(
    "readme",
    ["```sh\n$ uv run acme start --port 9009\n```\n", "    acme start --port=9009 ~/my files\n"],
)
def test_the_subcommand_of_the_readme(tmp_path: Path, readme: str) -> None:
    found = service(tmp_path, {"acme/cli.py": SERVER, "README.md": f"x\n\n{readme}"})
    assert words(found) == "acme start --port 9009"
    assert url(found) == "http://127.0.0.1:9009/"


def test_fastapi_answers_without_a_route(tmp_path: Path) -> None:
    app = "from fastapi import FastAPI\napp = FastAPI()\n"
    assert url(service(tmp_path, {"acme/web.py": app}, "")).endswith("/openapi.json")


def test_what_is_not_seen_is_asked(tmp_path: Path) -> None:
    source = "import asyncio, aiohttp.web\ndef main():\n    asyncio.start_server(None, *where())\n"
    found = service(tmp_path, {"acme/cli.py": source})
    assert [q.name for q in found.questions] == ["port", "health-path"]
    told = service(tmp_path, {"acme/cli.py": source}, answers={"port": "99", "health-path": "/a"})
    assert url(told) == "http://127.0.0.1:99/a"


@pytest.mark.parametrize(
    ("source", "environment", "before", "command"),
    [
        ('import os\nx = os.environ.get("ACME_CONFIG", "config.toml")\n',
         {"ACME_CONFIG": "/etc/acme/config.toml"}, (), "acme"),
        ('x = open("config.toml")\n', {},
         ("/usr/bin/ln -sfn /etc/acme/config.toml /var/lib/acme/config.toml",), "acme"),
        ('x = open("/etc/acme/config.toml")\n', {}, (), "acme"),
        ('p.add_argument("--config")\n', {}, (), "acme --config /etc/acme/config.toml"),
        ("", {}, (), "acme"),
    ],
)  # fmt: skip
def test_settings(
    tmp_path: Path, source: str, environment: dict[str, str], before: tuple[str, ...], command: str
) -> None:
    found = service(tmp_path, {"acme/cli.py": SERVER + source, "config.toml": ""})
    assert (found.environment, found.before, words(found)) == (environment, before, command)
    assert service(tmp_path, {"acme/cli.py": SERVER + source}).start is not None


def test_variables_that_it_cannot_start_without(tmp_path: Path) -> None:
    source = "import os\nKEY = os.environ['SECRET_KEY']\nURL = os.environ['SHOP_URL']\n"
    found = service(tmp_path, {"acme/cli.py": SERVER, "acme/conf.py": source})
    assert found.secrets == ("SECRET_KEY",)
    assert [q.name for q in found.questions] == ["set-shop-url", "health-path"]
    (file,) = found.files
    assert file.path == "debian/acme.default"
    assert "\nSHOP_URL=" in f"\n{file.text}"
    told = service(tmp_path, {}, answers={"set-shop-url": "https://shop.example"})
    assert "SHOP_URL=https://shop.example" in told.files[0].text.replace('"', "")


def test_a_tool_has_no_variables_in_etc(tmp_path: Path) -> None:
    assert service(tmp_path, {"acme/cli.py": f"import os\nos.environ['X_Y']\n{TOOL}"}).files == ()


MODULE = (
    "import argparse\nfrom http.server import HTTPServer\ndef main():\n"
    "    p = argparse.ArgumentParser()\n    p.add_argument('--port', default=9011)\n"
    "    HTTPServer(('127.0.0.1', 9011), None).serve_forever()\nmain()\n"
)


@pytest.mark.parametrize(
    ("files", "command", "port"),
    [
        ({"acme/__main__.py": MODULE}, "python -m acme", "9011"),
        ({"src/acme/__main__.py": "from acme.web import go\ngo()\n",
          "src/acme/web.py": SERVER.replace("main", "go")}, "python -m acme", "9001"),
        ({"acme/__main__.py": MODULE, "README.md": "    $ python3 -m acme serve --port 9012\n"},
         "python -m acme serve --port 9012", "9012"),
        ({"acme/__main__.py": LOOP}, "python -m acme", ""),
        ({"acme/__main__.py": TOOL}, "", ""),
        ({"tests/__main__.py": MODULE}, "", ""),
    ],
)  # fmt: skip
def test_a_package_that_is_a_program(
    tmp_path: Path, files: Mapping[str, str], command: str, port: str
) -> None:
    found = service(tmp_path, files, more="")
    assert words(found) == command
    assert (found.start.port if found.start and found.start.listens else "") == port


SMTP = (
    "import asyncio\nDEFAULT_PORT = 8025\ndef main():\n    loop = asyncio.new_event_loop()\n"
    "    loop.create_server(object, 'localhost', DEFAULT_PORT)\n    loop.run_forever()\n"
)


def test_a_server_of_another_protocol_is_asked_for_a_connection(tmp_path: Path) -> None:
    found = service(tmp_path, {"acme/cli.py": SMTP})
    assert url(found) == "tcp://127.0.0.1:8025"
    assert [q.name for q in found.questions] == []
