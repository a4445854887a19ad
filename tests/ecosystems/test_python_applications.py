"""Python applications that nothing builds: docs/ecosystems/python-application.md."""

import pytest

from tests.ecosystems.conftest import Packaged, passed
from tests.kit.pages import TOP, blocks

pytestmark = [pytest.mark.apart, pytest.mark.minutes(3)]
PAGE = TOP / "docs/ecosystems/python-application.md"
SERVES = ("service", "steady", "restart", "reboot", "purge", "lintian")

TODO = {
    "main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
    '@app.get("/health")\ndef health():\n    return {"status": "ok"}\n',
    "pyproject.toml": '[project]\nname = "todo-api"\nversion = "0.1.0"\n'
    'description = "Add your description here"\nreadme = "README.md"\n'
    'requires-python = ">=3.11"\ndependencies = ["fastapi>=0.90", "uvicorn>=0.17"]\n',
    "README.md": "# todo-api\n",
}

# What `django-admin startproject` and `startapp` write, in Django 5.2, without comments.
SET = 'import os\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "board.settings")\n'
DJANGO = {
    "requirements.txt": "Django>=5.2,<5.3\n",
    "manage.py": "#!/usr/bin/env python\n" + SET + "import sys\n\n"
    'if __name__ == "__main__":\n    from django.core import management\n\n'
    "    management.execute_from_command_line(sys.argv)\n",
    "board/__init__.py": "",
    "board/wsgi.py": SET + "\nfrom django.core.wsgi import get_wsgi_application\n\n"
    "application = get_wsgi_application()\n",
    "board/urls.py": "from django.contrib import admin\nfrom django.urls import path\n\n"
    "from notices import views\n\n"
    'urlpatterns = [path("", views.index), path("admin/", admin.site.urls)]\n',
    "board/settings.py": """\
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "django-insecure-5x"
DEBUG = True
ALLOWED_HOSTS = []
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles", "notices",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "board.urls"
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [], "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
WSGI_APPLICATION = "board.wsgi.application"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}
}
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
""",
    "notices/__init__.py": "",
    "notices/migrations/__init__.py": "",
    "notices/migrations/0001_initial.py": """\
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[("id", models.BigAutoField(primary_key=True)),
                    ("text", models.CharField(max_length=200))],
        )
    ]
""",
    "notices/models.py": "from django.db import models\n\n\nclass Notice(models.Model):\n"
    "    id = models.BigAutoField(primary_key=True)\n"
    "    text = models.CharField(max_length=200)\n",
    "notices/views.py": "from django.http import HttpResponse\n\n"
    "from notices.models import Notice\n\n\n"
    "def index(request):\n    Notice.objects.create(text='seen')\n"
    "    return HttpResponse(f'{Notice.objects.count()} notices')\n",
}

# Settings in parts, below src/, with django-environ and behind TLS.
SPLIT = {
    "pyproject.toml": '[project]\nname = "rota"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
    'dependencies = ["django>=5.2,<5.3", "django-environ", "gunicorn", "whitenoise"]\n',
    "src/manage.py": DJANGO["manage.py"].replace("board.settings", "board.settings.local"),
    "src/board/__init__.py": "",
    "src/board/settings/__init__.py": "",
    "src/board/wsgi.py": DJANGO["board/wsgi.py"].replace("board.settings", "board.settings.prod"),
    "src/board/urls.py": DJANGO["board/urls.py"],
    "src/board/settings/base.py": "import environ\n\nenv = environ.Env()\n"
    + DJANGO["board/settings.py"]
    .replace(".parent.parent", ".parent.parent.parent")
    .replace('SECRET_KEY = "django-insecure-5x"\n', "")
    + 'LOGGING = {"version": 1, "handlers": {"file": {"class": "logging.FileHandler", '
    '"filename": BASE_DIR / "logs" / "board.log"}}, "root": {"handlers": ["file"]}}\n',
    "src/board/settings/local.py": "from .base import *\n\nSECRET_KEY = 'x'\n",
    "src/board/settings/prod.py": "from .base import *\nfrom .base import env\n\n"
    'SECRET_KEY = env("DJANGO_SECRET_KEY")\nALLOWED_HOSTS = env.list("HOSTS_ALLOWED_HOSTS")\n'
    "SECURE_SSL_REDIRECT = True\n",
    **{f"src/{name}": text for name, text in DJANGO.items() if name.startswith("notices/")},
}

WORKER = {
    "worker.py": "import signal, sys, time\n\nimport structlog\n\nlog = structlog.get_logger()\n\n"
    'signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\nlog.info("waiting for work")\n'
    "while True:\n    time.sleep(1)\n",
    "requirements.txt": "structlog\n",
}

# Two processes, a factory, a database below the tree, and an example of settings.
SHOP = {
    "requirements.txt": "flask\n",
    "Procfile": "web: gunicorn -b 127.0.0.1:$PORT 'shop:create_app()'\nclock: python clock.py\n",
    "shop/__init__.py": """\
import os
import sqlite3

from flask import Flask

HERE = os.path.dirname(os.path.abspath(__file__))


def create_app():
    app = Flask(__name__)
    os.makedirs(app.instance_path, exist_ok=True)
    app.config["GREETING"] = os.environ["GREETING"]

    @app.route("/ping")
    def ping():
        connection = sqlite3.connect("data/shop.db")
        connection.execute("create table if not exists seen (at text)")
        connection.execute("insert into seen values (datetime())")
        connection.commit()
        with open(os.path.join(app.instance_path, "seen"), "a") as file:
            file.write("x")
        return app.config["GREETING"]

    return app
""",
    "clock.py": "import time\n\nwhile True:\n    time.sleep(1)\n",
    ".env.example": "GREETING='good morning'\n",
}


def test_the_example_of_the_page(packaged: Packaged) -> None:
    """Flask and a database, with what Debian does not have in these versions."""
    files = {b.value: b.text for b in blocks(PAGE) if b.mark == "example"}
    passed(packaged("guests", files), *SERVES)


def test_what_uv_init_makes(packaged: Packaged) -> None:
    """Debian's packages meet its limits."""
    passed(packaged("todo-api", TODO), *SERVES)


def test_django(packaged: Packaged) -> None:
    run = packaged("board", DJANGO)
    passed(run, *SERVES)


def test_django_with_settings_in_parts(packaged: Packaged) -> None:
    passed(packaged("rota", SPLIT), *SERVES)


def test_a_worker_without_a_port(packaged: Packaged) -> None:
    passed(packaged("mailer", WORKER), *SERVES)


def test_processes_of_a_procfile(packaged: Packaged) -> None:
    passed(packaged("shop", SHOP), *SERVES)
