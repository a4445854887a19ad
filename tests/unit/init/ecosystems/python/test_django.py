"""What a Django project says, and the settings it gets."""

import subprocess
import sys
from pathlib import Path

from debwright.init.ecosystems.python.django import Django, read_django
from debwright.init.ecosystems.python.modules import read_modules
from debwright.init.ecosystems.python.start import django_start
from debwright.init.ecosystems.python_application.django_settings import wrapper

SET = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{}')\n"
WSGI = (
    SET
    + "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
)
SETTINGS = "ROOT_URLCONF = 'site1.urls'\nINSTALLED_APPS = ['django.contrib.staticfiles']\n"
ADMIN = "from django.contrib import admin\nfrom django.urls import include, path\n"


def made(directory: Path, files: dict[str, str], *asked: str) -> Django | None:
    base = {
        "manage.py": SET.format("site1.settings"), "site1/wsgi.py": WSGI.format("site1.settings"),
        "site1/settings.py": SETTINGS,
        "site1/urls.py": ADMIN + "urlpatterns = [path('admin/', admin.site.urls)]\n",
    }  # fmt: skip
    for name, text in {**base, **files}.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return read_django(read_modules(directory), frozenset(asked))


def test_what_startproject_makes(tmp_path: Path) -> None:
    django = made(tmp_path, {})
    assert django is not None
    assert (django.settings, django.top, django.static) == ("site1.settings", "", True)
    assert django.health.value == "/admin/login/"
    (start,) = django_start(django, tmp_path, read_modules(tmp_path), (), {"gunicorn"})
    assert " ".join(start.words) == "gunicorn --bind 127.0.0.1:8000 site1.wsgi:application"
    assert start.before == (("python", "manage.py", "migrate", "--noinput"),)


def test_settings_of_production_are_those_a_server_loads(tmp_path: Path) -> None:
    django = made(tmp_path, {
        "manage.py": SET.format("site1.settings.local"),
        "site1/wsgi.py": WSGI.format("site1.settings.production"),
        "site1/settings/__init__.py": "", "site1/settings/base.py": SETTINGS,
        "site1/settings/production.py": "from .base import *\n",
    })  # fmt: skip
    assert django is not None
    assert django.settings == "site1.settings.production"
    assert django.health.value == "/admin/login/", "ROOT_URLCONF is in what it imports"


def test_paths_through_included_urls(tmp_path: Path) -> None:
    django = made(tmp_path, {
        "site1/urls.py": ADMIN + "urlpatterns = [path('admin/', admin.site.urls), "
        "path('polls/', include('polls.urls')), path('<int:x>/', a)]\n",
        "polls/urls.py": "from django.urls import path\nurlpatterns = [path('health/', a)]\n",
    })  # fmt: skip
    assert django is not None
    assert django.health.value == "/polls/health/"
    assert django.health.seen == "polls/urls.py:2"


def test_a_project_below_the_top_and_asgi(tmp_path: Path) -> None:
    asgi = WSGI.replace("wsgi", "asgi").format("site1.settings")
    project = tmp_path / "backend"
    made(project, {"site1/asgi.py": asgi})
    modules = read_modules(tmp_path)
    django = read_django(modules, frozenset({"daphne"}))
    assert django is not None
    assert (django.top, django.asynchronous) == ("backend", True)
    (start,) = django_start(django, tmp_path, modules, (), {"daphne"})
    assert " ".join(start.words) == "daphne -b 127.0.0.1 -p 8000 site1.asgi:application"
    assert start.directory == "backend"


def test_no_django(tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text("print('other')\n")
    assert read_django(read_modules(tmp_path), frozenset()) is None


def test_the_package_s_settings(tmp_path: Path) -> None:
    """Imported as Django does: the project's own, without what must not leave the author's desk."""
    (tmp_path / "own.py").write_text(
        "from pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent\n"
        "SECRET_KEY = 'django-insecure-x'\nDEBUG = True\nALLOWED_HOSTS = ['example.org']\n"
        "MEDIA_ROOT = BASE_DIR / 'media'\nTIME_ZONE = 'UTC'\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', "
        "'NAME': BASE_DIR / 'db.sqlite3'}, 'other': {'ENGINE': 'postgresql', 'NAME': 'x'}}\n"
    )
    (tmp_path / "packaged_settings.py").write_text(wrapper("notes", "own"))
    asked = (
        "import packaged_settings as s; print(s.SECRET_KEY, s.DEBUG, s.ALLOWED_HOSTS, "
        "s.DATABASES['default']['NAME'], s.DATABASES['other']['NAME'], s.MEDIA_ROOT, s.TIME_ZONE, "
        "s.STATIC_ROOT, sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"SECRET_KEY": "made-up", "ALLOWED_HOSTS": "a.example,b.example"},
    )  # fmt: skip
    hosts = ["example.org", "localhost", "127.0.0.1", "[::1]", "a.example", "b.example"]
    assert done.stdout.strip().split("|") == [
        "made-up", "False", str(hosts), "/var/lib/notes/db.sqlite3", "x", "/var/lib/notes/media",
        "UTC", "/usr/share/notes/static",
    ]  # fmt: skip
