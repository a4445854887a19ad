"""What a Django project says, and the settings it gets."""

import subprocess
import sys
from pathlib import Path

import pytest

from debwright.init.ecosystems.python.django import Django, read_django
from debwright.init.ecosystems.python.modules import read_modules
from debwright.init.ecosystems.python.procfile import read_procfile
from debwright.init.ecosystems.python.start import django_start
from debwright.init.ecosystems.python_application.django_settings import Wrapped, wrapper
from debwright.init.model import Guess

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


SHOWN = "from django.contrib.auth.decorators import login_required\n"


@pytest.mark.parametrize(
    ("urls", "views", "page"),
    [
        ("path('', views.a), path('b/', views.b)", "def a(r): return redirect('b')\n"
         "def b(r): return render(r, 'b')\n", "/b/"),
        ("path('', views.a), path('b/', views.b)", SHOWN + "@login_required\ndef a(r): return 1\n"
         "def b(r): return render(r, 'b')\n", "/b/"),
        ("path('', views.A.as_view()), path('b/', views.b)",
         "class A(LoginRequiredMixin, V): pass\ndef b(r): return 1\n", "/b/"),
        ("path('', RedirectView.as_view(url='/b/')), path('b/', views.b)", "def b(r): return 1\n",
         "/b/"),
        ("path('', login_required(views.b)), path('admin/', admin.site.urls)",
         "def b(r): return 1\n", "/admin/login/"),
        ("*i18n_patterns(path('', views.b))", "def b(r): return 1\n", "/en/"),
        ("*i18n_patterns(path('', views.b), prefix_default_language=False)",
         "def b(r): return 1\n", "/"),
    ],
)  # fmt: skip
def test_a_page_that_sends_people_elsewhere_is_not_asked(
    tmp_path: Path, urls: str, views: str, page: str
) -> None:
    django = made(tmp_path, {
        "site1/urls.py": ADMIN + "from . import views\n" f"urlpatterns = [{urls}]\n",
        "site1/views.py": views,
    })  # fmt: skip
    assert django is not None
    assert django.health.value == page


def test_settings_of_a_desk_have_a_sibling_for_production(tmp_path: Path) -> None:
    """As `wagtail start` leaves it: every file names the settings of development."""
    django = made(tmp_path, {
        "manage.py": SET.format("site1.settings.dev"),
        "site1/wsgi.py": WSGI.format("site1.settings.dev"),
        "site1/settings/__init__.py": "", "site1/settings/base.py": SETTINGS,
        "site1/settings/dev.py": "from .base import *\n",
        "site1/settings/production.py": "from .base import *\nMIDDLEWARE.insert(1, "
        "'whitenoise.middleware.WhiteNoiseMiddleware')\n",
    })  # fmt: skip
    assert django is not None
    assert django.settings == "site1.settings.production"
    assert django.unused == {"site1.settings.dev"}
    assert django.gives_out
    assert any("site1.settings.dev" in note for note in django.notes)


def test_a_secret_that_another_variable_has(tmp_path: Path) -> None:
    own = made(tmp_path, {"site1/settings.py": SETTINGS + "SECRET_KEY = env('DJANGO_SECRET_KEY')"})
    assert own is not None
    assert own.secret
    insecure = made(tmp_path, {"site1/settings.py": SETTINGS + "SECRET_KEY = 'django-insecure-1'"})
    assert insecure is not None
    assert not insecure.secret


def test_settings_that_no_environment_changes(tmp_path: Path) -> None:
    """Django makes the application itself, with the settings of the package."""
    forced = WSGI.format("site1.settings").replace(
        "environ.setdefault('DJANGO_SETTINGS_MODULE', ", "environ['DJANGO_SETTINGS_MODULE'] = ("
    )
    django = made(tmp_path, {"site1/wsgi.py": forced})
    assert django is not None
    assert django.forced
    (start,) = django_start(django, tmp_path, read_modules(tmp_path), (), {"gunicorn"})
    assert start.words[-1] == "django.core.wsgi:get_wsgi_application()"
    assert start.before == (("django-admin", "migrate", "--noinput"),)


def test_static_files_are_collected_by_the_build_only(tmp_path: Path) -> None:
    django = made(tmp_path, {})
    assert django is not None
    (tmp_path / "Procfile").write_text(
        "web: python manage.py collectstatic --noinput && gunicorn site1.wsgi\n"
        "release: python manage.py migrate\n"
    )
    processes = read_procfile(tmp_path)
    (start,) = django_start(django, tmp_path, read_modules(tmp_path), processes, {"gunicorn"})
    assert start.before == (("python", "manage.py", "migrate"),)


@pytest.mark.parametrize(
    ("engine", "server"),
    [("'django.db.backends.postgresql'", "django.db.backends.postgresql"),
     ("'django.db.backends.sqlite3'", ""), ("os.environ['ENGINE']", "")],
)  # fmt: skip
def test_a_database_server_that_the_settings_name(tmp_path: Path, engine: str, server: str) -> None:
    text = f"DATABASES = {{'default': {{'ENGINE': {engine}, 'NAME': 'x'}}}}\n"
    django = made(tmp_path, {"site1/settings.py": SETTINGS + text})
    assert django is not None
    assert django.server == server


OWN = """\
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent
SECRET_KEY = 'django-insecure-x'
DEBUG = True
SECURE_SSL_REDIRECT = True
ALLOWED_HOSTS = ['example.org']
MEDIA_ROOT = BASE_DIR / 'media'
TIME_ZONE = 'UTC'
MIDDLEWARE = ['a', 'django.middleware.security.SecurityMiddleware', 'b']
LOGGING = {'handlers': {'file': {'filename': BASE_DIR / 'logs' / 'a.log'}, 'console': {}}}
CACHES = {'default': {'BACKEND': 'x.FileBasedCache', 'LOCATION': BASE_DIR / 'cache'}}
DATABASES = {
    'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'db.sqlite3'},
    'other': {'ENGINE': 'postgresql', 'NAME': 'x'},
}
"""


@pytest.mark.parametrize("top", ["", "src"])
def test_the_package_s_settings(tmp_path: Path, top: str) -> None:
    """Imported as Django does: the project's own, without what must not leave the author's desk."""
    place, state = tmp_path / top, tmp_path / "state"
    place.mkdir(exist_ok=True)
    (place / "own.py").write_text(OWN)
    text = wrapper("notes", project(top), Wrapped(path="/a.b/", on_file=False))
    (place / "packaged_settings.py").write_text(text)
    asked = (
        "import packaged_settings as s; print(s.SECRET_KEY, s.DEBUG, s.ALLOWED_HOSTS, "
        "s.DATABASES['default']['NAME'], s.DATABASES['other']['NAME'], s.MEDIA_ROOT, s.TIME_ZONE, "
        "s.STATIC_ROOT, s.LOGGING['handlers']['file']['filename'], s.CACHES['default']['LOCATION'],"
        "s.SECURE_REDIRECT_EXEMPT[0], s.MIDDLEWARE[2], sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=place, capture_output=True, text=True, check=True,
        env={"SECRET_KEY": "made-up", "ALLOWED_HOSTS": "a.example,b.example",
             "STATE_DIRECTORY": f"{state}:{state}/other"},
    )  # fmt: skip
    hosts = ["example.org", "localhost", "127.0.0.1", "[::1]", "a.example", "b.example"]
    assert done.stdout.strip().split("|") == [
        "made-up", "False", str(hosts), f"{state}/db.sqlite3", "x", f"{state}/media", "UTC",
        "/usr/share/notes/static", f"{state}/logs/a.log", f"{state}/cache", r"^a\.b/$",
        "whitenoise.middleware.WhiteNoiseMiddleware",
    ]  # fmt: skip
    assert (state / "logs").is_dir(), "logging does not make it"


def test_a_file_in_the_place_of_a_server() -> None:
    scope: dict[str, object] = {"__file__": "/x/packaged_settings.py"}
    text = wrapper("notes", project(""), Wrapped(path="/", on_file=True))
    exec(text.replace("from own import *", "DATABASES = {'default': {}, 'b': {}}"), scope)  # noqa: S102
    assert scope["DATABASES"] == {
        "default": {
            "ENGINE": "django.db.backends.sqlite3", "NAME": "/var/lib/notes/notes.sqlite3",
        },
        "b": {},
    }  # fmt: skip


def project(top: str) -> Django:
    return Django(
        settings="own", top=top, static=True, gives_out=False, secret=False, server="",
        forced=False, unused=frozenset(), asynchronous=False,
        health=Guess(value="/", seen=None), notes=(),
    )  # fmt: skip
