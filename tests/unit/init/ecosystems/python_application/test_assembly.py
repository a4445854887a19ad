"""An application as a whole: what its package has."""

import re
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.kit.wheels import Index

from debwright.init.ecosystem import recognise
from debwright.init.model import Project
from debwright.init.render import render
from debwright.model.errors import UsageError

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
STANDARD = "import http.server\nif __name__ == '__main__':\n    http.server.test(port=8070)\n"
DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 's.settings')\n",
    "s/wsgi.py": "import django.core.wsgi as w\napplication = w.get_wsgi_application()\n",
    "s/settings.py": "INSTALLED_APPS = ['django.contrib.staticfiles']\n",
    "requirements.txt": "Django==5.2\ngunicorn==23.0\n",
}


def read(directory: Path, files: dict[str, str], **answers: str) -> Project:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return recognise(directory).read(directory, answers)


def files(project: Project) -> dict[str, str]:
    return {file.path: file.text for file in render(project)[0]}


@pytest.fixture
def project_dir(tmp_path: Path) -> Path:
    made = tmp_path / "guest-book"
    made.mkdir()
    return made


def test_the_standard_library_is_all_it_needs(project_dir: Path) -> None:
    project = read(project_dir, {"main.py": STANDARD, "README.md": "# Guests\n\nKeeps a list.\n"})
    assert (project.package, project.version, project.architecture) == (
        "guest-book",
        "0.1.0",
        "all",
    )
    assert project.description == "Keeps a list."
    made = files(project)
    unit = made["debian/guest-book.service"]
    assert "ExecStart=/usr/lib/guest-book/bin/python3 /usr/lib/guest-book/app/main.py\n" in unit
    assert "WorkingDirectory=/usr/lib/guest-book/app\n" in unit
    assert "usr/bin/python3 usr/lib/guest-book/bin/python3\n" in made["debian/guest-book.links"]
    assert "debian/pyvenv.cfg usr/lib/guest-book\n" in made["debian/guest-book.install"]


def test_packages_of_the_suite_where_they_satisfy_every_limit(project_dir: Path) -> None:
    project = read(project_dir, {"app.py": FLASK, "requirements.txt": "flask\ngunicorn>=20\n"})
    assert {"python3-flask", "python3-gunicorn"} <= set(project.depends)
    assert "wheelhouse" not in project.settings
    assert "include-system-site-packages = true\n" in files(project)["debian/pyvenv.cfg"]


def test_what_the_suite_does_not_have_is_carried(project_dir: Path, index: Index) -> None:
    index.add_wheel("flask", "3.0.3")
    index.add_wheel("gunicorn", "22.0")
    project = read(
        project_dir,
        {"app.py": FLASK, "requirements.txt": "Flask==3.0.3\n",
         "Procfile": "web: gunicorn -b 0.0.0.0:$PORT app:app\nclock: python clock.py\n"},
    )  # fmt: skip
    made = files(project)
    assert "flask==3.0.3" in made["debian/requirements.lock"]
    assert "gunicorn==22" in made["debian/requirements.lock"], "the Procfile starts it"
    assert "-b 0.0.0.0:${PORT} app:app\n" in made["debian/guest-book.service"]
    assert "Environment=PORT=8000\n" in made["debian/guest-book.service"]
    assert 'ports = ["0.0.0.0:8000/tcp"]' in made["debwright.toml"]
    assert "app/clock.py\n" in made["debian/guest-book.guest-book-clock.service"]
    assert any("Flask==3.0.3: bookworm has 2.2.2" in note for note in project.notes)


def test_django(project_dir: Path, index: Index) -> None:
    index.add_wheel("django", "5.2")
    index.add_wheel("gunicorn", "23.0")
    index.add_wheel("whitenoise", "6.9")
    project = read(project_dir, DJANGO)
    made = files(project)
    unit = made["debian/guest-book.service"]
    assert "ExecStartPre=/usr/lib/guest-book/bin/python3 /usr/lib/guest-book/app/manage.py " in unit
    assert "EnvironmentFile=/etc/guest-book/secrets.env\n" in unit
    assert "Environment=DJANGO_SETTINGS_MODULE=packaged_settings\n" in unit
    assert "from s.settings import *" in made["debian/packaged_settings.py"]
    assert "django collectstatic" in made["debian/rules"]
    assert "\n#ALLOWED_HOSTS=\n" in made["debian/guest-book.default"]
    assert "for name in SECRET_KEY; do" in made["debian/guest-book.postinst"]
    assert "rm -f /etc/guest-book/secrets.env" in made["debian/guest-book.postrm"]


SPLIT = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'c.s.local')\n",
    "c/wsgi.py": "import os\nfrom django.core.wsgi import get_wsgi_application\n"
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'c.s.prod')\n"
    "application = get_wsgi_application()\n",
    "c/s/__init__.py": "",
    "c/s/base.py": "import environ\nenv = environ.Env()\nDEBUG = env.bool('DEBUG', True)\n"
    "DATABASES = {'default': env.db('DATABASE_URL', default='postgres:///shelf')}\n"
    "INSTALLED_APPS = ['django.contrib.staticfiles']\n",
    "c/s/local.py": "from .base import *\nA = env('ONLY_AT_A_DESK')\n",
    "c/s/prod.py": "from .base import *\nfrom .base import env\n"
    "SECRET_KEY = env('DJANGO_SECRET_KEY')\n"
    "ALLOWED_HOSTS = env.list('DJANGO_ALLOWED_HOSTS')\nMAIL_PORT = env.int('MAIL_PORT')\n",
    "requirements/base.txt": "django>=3\n",
    "requirements/production.txt": "-r base.txt\ngunicorn\n",
    ".env.example": "DATABASE_URL=postgres://shelf:shelf@localhost/shelf\n",
}  # fmt: skip


def test_django_with_settings_that_are_split(project_dir: Path) -> None:
    project = read(project_dir, SPLIT)
    made = files(project)
    assert project.secrets == ("DJANGO_SECRET_KEY",)
    assert "from c.s.prod import *" in made["debian/packaged_settings.py"]
    default = made["debian/guest-book.default"]
    assert "ONLY_AT_A_DESK" not in default
    assert "\nDJANGO_ALLOWED_HOSTS=localhost\n" in default, "each machine has its own names"
    assert "\nDEBUG=0\n" in default
    assert "\nDATABASE_URL=sqlite:////var/lib/guest-book/guest-book.sqlite3\n" in default
    assert {q.name for q in project.questions} == {"set-mail-port", "set-database-url"} | {
        q.name for q in project.questions if q.name == "health-path"
    }
    assert "\nMAIL_PORT=1\n" in default, "a word would not be read as a number"
    assert "libjs-jquery" in project.build_depends, "Debian's Django has links to it"
    assert {"python3-gunicorn", "python3-whitenoise"} <= set(project.depends)
    rules = made["debian/rules"]
    assert "MAIL_PORT=1" in rules
    assert "rm -rf debian/build-tree debian/build-state" in rules


@pytest.mark.parametrize("place", ["src", "backend"])
def test_django_below_the_top(project_dir: Path, place: str) -> None:
    tree = {f"{place}/{name}": text for name, text in DJANGO.items() if name != "requirements.txt"}
    about = "[project]\nname='guest-book'\nversion='1.2'\ndependencies=['django>=3', 'gunicorn']\n"
    project = read(project_dir, {**tree, "pyproject.toml": about})
    made = files(project)
    assert (
        f"WorkingDirectory=/usr/lib/guest-book/app/{place}\n" in made["debian/guest-book.service"]
    )
    assert f"app/{place}/manage.py migrate" in made["debian/guest-book.service"]
    assert f"cd debian/build-tree/{place} &&" in made["debian/rules"]


def test_a_framework_that_wants_a_newer_python(project_dir: Path, index: Index) -> None:
    """As Django 6: the project itself says nothing of Python."""
    index.add_wheel("django", "6.0")
    page = index.directory / "django/index.html"
    page.write_text(page.read_text().replace("<a ", '<a data-requires-python="&gt;=3.12" '))
    index.add_wheel("gunicorn", "23.0")
    index.add_wheel("whitenoise", "6.9")
    project = read(project_dir, {**DJANGO, "requirements.txt": "Django==6.0\ngunicorn==23.0\n"})
    assert project.targets == ("trixie-amd64", "trixie-arm64")
    assert any("with the Python of bookworm" in note for note in project.notes)


def test_requirements_next_to_manage_py(project_dir: Path) -> None:
    tree = {f"app/{name}": text for name, text in DJANGO.items()}
    project = read(project_dir, {**tree, "app/requirements.txt": "django>=3\ngunicorn\n"})
    assert {"python3-django", "python3-gunicorn"} <= set(project.depends)


def test_a_database_server_of_the_settings_is_a_question(project_dir: Path) -> None:
    server = "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql'}}\n"
    tree = {**DJANGO, "requirements.txt": "django>=3\ngunicorn\n"}
    tree["s/settings.py"] = DJANGO["s/settings.py"] + server
    project = read(project_dir, tree)
    assert "database" in {q.name for q in project.questions}
    assert '"ENGINE": "django.db.backends.sqlite3"' in files(project)["debian/packaged_settings.py"]
    own = read(project_dir, {}, database="own")
    assert 'ENGINE": "django' not in files(own)["debian/packaged_settings.py"]


def test_a_variable_that_only_a_person_knows_is_a_question(project_dir: Path) -> None:
    bot = "import os\nTOKEN = os.environ['BOT_TOKEN']\nKEY = os.environ['SECRET_KEY']\n"
    project = read(project_dir, {"bot.py": bot})
    (question,) = project.questions
    assert question.name == "set-bot-token"
    assert "bot.py:2" in question.text
    assert project.secrets == ("SECRET_KEY",), "nobody has to know it"
    assert "\nBOT_TOKEN=change-me\n" in files(project)["debian/guest-book.default"]
    project = read(project_dir, {}, **{"set-bot-token": "abc"})
    assert "\nBOT_TOKEN=abc\n" in files(project)["debian/guest-book.default"]


def test_units_of_the_author_have_the_package_s_paths(project_dir: Path) -> None:
    unit = (
        "[Service]\nUser=www-data\nWorkingDirectory=/srv/guest\n"
        "ExecStart=/srv/guest/venv/bin/gunicorn -b 127.0.0.1:8200 app:app\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    project = read(
        project_dir,
        {"app.py": FLASK, "requirements.txt": "flask\ngunicorn\n", "deploy/guest.service": unit},
    )
    (made,) = project.units
    assert made.health is not None
    assert made.health.port.value == "8200"
    text = files(project)["debian/guest-book.guest.service"]
    assert "ExecStart=/usr/lib/guest-book/bin/python3 -m gunicorn -b 127.0.0.1:8200 app:app" in text
    assert "WorkingDirectory=/usr/lib/guest-book/app\n" in text


def test_the_rules_copy_what_the_application_needs(project_dir: Path) -> None:
    """The very commands of debian/rules, on a tree with what must not be shipped."""
    source = STANDARD + "open('docs/help.txt')\n"
    extra = {
        ".env": "PASSWORD=x", ".git/config": "", "tests/test_a.py": "", "docs/help.txt": "help",
        "requirements.txt": "", "templates/a b.html": "<p>", "tool.py": "#!/usr/bin/python\n1\n",
        "local.sqlite3": "", "pkg/__pycache__/x.pyc": "", "pkg/__init__.py": "", "LICENSE": "MIT",
    }  # fmt: skip
    for path, text in files(read(project_dir, {"main.py": source, **extra})).items():
        (project_dir / path).parent.mkdir(parents=True, exist_ok=True)
        (project_dir / path).write_text(text)
    (project_dir / "tool.py").chmod(0o700)
    subprocess.run(
        ["make", "-s", "-f", "debian/rules", "execute_after_dh_auto_install"],
        cwd=project_dir, check=True,
    )  # fmt: skip
    app = project_dir / "debian/guest-book/usr/lib/guest-book/app"
    there = sorted(str(p.relative_to(app)) for p in app.rglob("*") if p.is_file())
    assert there == ["docs/help.txt", "main.py", "pkg/__init__.py", "templates/a b.html", "tool.py"]
    assert (app / "tool.py").read_text() == "#\n1\n"
    assert not (app / "tool.py").stat().st_mode & 0o111


def test_constraints_and_hashes_hold(project_dir: Path, index: Index) -> None:
    for version in ("1.0", "2.0"):
        index.add_wheel("deep", version)
    index.add_wheel("nodebian", "1.0", "deep")
    asked = {"main.py": STANDARD, "requirements.txt": "nodebian\n-c limits.txt\n",
             "limits.txt": "deep<2\n"}  # fmt: skip
    made = files(read(project_dir, asked))["debian/requirements.lock"]
    assert "deep==1.0" in made, "nobody asks for it, and it is limited all the same"
    known = re.search(r"nodebian==1.0 \\\n\s+--hash=sha256:(\w{64})", made)
    assert known is not None
    for digest, right in ((known[1], True), ("0" * 64, False)):
        text = f"nodebian==1.0 --hash=sha256:{digest}\n"
        with nullcontext() if right else pytest.raises(UsageError, match="other files"):
            read(project_dir, {"requirements.txt": text})


def test_a_celery_application_of_a_factory(project_dir: Path) -> None:
    """As Flask's own example has it: the packages are in src/, the worker's entry next to it."""
    project = read(project_dir, {
        "src/task_app/__init__.py": "from celery import Celery\nimport flask\n"
        "def create_app():\n    return flask.Flask('x')\n",
        "make_celery.py": "from task_app import create_app\nflask_app = create_app()\n"
        "celery_app = flask_app.extensions['celery']\n",
        "requirements.txt": "flask\ncelery\ngunicorn\n",
    })  # fmt: skip
    web, worker = project.units
    assert web.command.endswith("make_celery:flask_app")
    assert "celery --app make_celery:celery_app worker" in worker.command
    assert web.environment["PYTHONPATH"] == "/usr/lib/guest-book/app:/usr/lib/guest-book/app/src"


def test_the_queues_of_rq_have_a_worker(project_dir: Path) -> None:
    source = FLASK + "import redis, rq\nr = redis.from_url('redis://127.0.0.1:6379/2')\n"
    source += "mail, rest = rq.Queue('mail', connection=r), rq.Queue(connection=r)\n"
    project = read(project_dir, {"app.py": source, "requirements.txt": "flask\nrq\ngunicorn\n"})
    worker = project.units[1]
    assert worker.name == "guest-book-worker.service"
    assert worker.command == "/usr/lib/guest-book/bin/python3 -m rq.cli worker mail default"
    assert worker.environment["RQ_REDIS_URL"] == "redis://127.0.0.1:6379/2"


def test_lintian_is_told_of_what_the_tree_has_alone(project_dir: Path) -> None:
    assert read(project_dir, {"main.py": STANDARD}).lintian_overrides == ()
    project = read(project_dir, {"static/a.min.js": "", "templates/a.html": ""})
    tags = {line.split()[0] for line in project.lintian_overrides}
    assert {"embedded-javascript-library", "privacy-breach-generic"} < tags
    assert "font-in-non-font-package" not in tags


def test_hostile_names_stay_where_they_are(project_dir: Path, tmp_path: Path) -> None:
    """Names of files and directories, lines of a Procfile, values of an example."""
    place = "x %h; touch pwned #$(touch pwned)"
    tree = {f"{place}/{name}": text for name, text in DJANGO.items() if name != "requirements.txt"}
    project = read(project_dir, {
        **tree, "requirements.txt": "django>=3\ngunicorn\n",
        "Procfile": "web: gunicorn 'a\x0bExecStartPre=/bin/evil' $(touch pwned)\n",
        ".env.example": "A='$(touch pwned)'\nB=`touch pwned`\n",
        "b\nEVIL=1.py": "import os\nos.environ['C']\n",
    })  # fmt: skip
    made = files(project)
    keys = {line.partition("=")[0] for line in made["debian/guest-book.service"].splitlines()}
    assert "WorkingDirectory=/usr/lib/guest-book/app/x %%h;" in made["debian/guest-book.service"]
    assert made["debian/guest-book.service"].count("\nExecStart=") == 1
    assert "ExecStartPre=/bin/evil" not in keys
    assert "\nEVIL=1" not in made["debian/guest-book.default"]
    (tmp_path / "rules").write_text(made["debian/rules"])
    done = subprocess.run(
        ["make", "-n", "-f", "rules", "execute_after_dh_auto_install"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if "pwned" in line]
    assert lines
    for line in lines:
        subprocess.run(["sh", "-c", f"echo {line}"], cwd=tmp_path, check=False)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("pyproject", "extra", "kind"),
    [
        ("[project]\nname='a1'\nversion='1'\n", {"main.py": STANDARD}, "python-application"),
        ("[project]\nname='a1'\nversion='1'\n[project.scripts]\na1='m:f'\n", {"main.py": STANDARD},
         "python"),
        ("[project]\nname='a1'\n[build-system]\nrequires=['x']\n", {"main.py": ""}, "python"),
        ("[tool.poetry]\nname='a1'\npackage-mode=false\n[build-system]\nrequires=[]\n", {},
         "python-application"),
        ("[tool.uv]\npackage=true\n", {"main.py": ""}, "python"),
        ("[tool.ruff]\n", DJANGO, "python-application"),
        ("", {}, "python"),
    ],
)  # fmt: skip
def test_what_is_an_application(
    tmp_path: Path, pyproject: str, extra: dict[str, str], kind: str
) -> None:
    for name, text in {**extra, "pyproject.toml": pyproject}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert recognise(tmp_path).name == kind


def test_requirements_of_another_language_are_no_application(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("mkdocs\n")
    (tmp_path / "main.go").write_text("package main\n")
    from debwright.init.ecosystems.python_application import ECOSYSTEM

    assert ECOSYSTEM.confidence(tmp_path) == 0


def test_a_server_of_another_protocol_is_asked_for_a_connection(project_dir: Path) -> None:
    source = (
        "import socketserver\nif __name__ == '__main__':\n"
        "    socketserver.TCPServer(('127.0.0.1', 7007), object).serve_forever()\n"
    )
    project = read(project_dir, {"main.py": source})
    assert 'health_url = "tcp://127.0.0.1:7007"' in files(project)["debwright.toml"]
    assert "debian/tests/control" not in files(project)
