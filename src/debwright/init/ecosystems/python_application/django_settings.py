"""The settings module of a packaged Django project: the project's own, as a system wants them.

It is a file of the project's debian/, so that whoever packages it can read and change it.
"""

import re
from dataclasses import dataclass

from debwright.init.ecosystems.python.django import Django

VARIABLES = ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEBUG")
"""What the module reads of the environment, apart from secrets and what the build sets."""
TEXT = '''\
"""Settings of {package} as a package: the project's own, and what a Debian system has elsewhere."""

import os
from contextlib import suppress
from pathlib import Path

from {settings} import *  # noqa: F403

_HERE = Path(__file__).resolve()
_TREES = {trees}
_STATE = Path(os.environ.get("STATE_DIRECTORY", "/var/lib/{package}").partition(":")[0])


def _words(name):
    return [word for word in os.environ.get(name, "").replace(",", " ").split() if word]


def _moved(path):
    """A path below the tree, which is read-only, as one of the service's state."""
    path = Path(path)
    tree = next((tree for tree in _TREES if tree in path.parents), None)
    if tree is None and path.is_absolute():
        return str(path)
    moved = _STATE / (path.relative_to(tree) if tree else path)
    with suppress(OSError):
        moved.parent.mkdir(parents=True, exist_ok=True)
    return str(moved)


# /etc/{package}/secrets.env, made when the package was installed.
SECRET_KEY = os.environ.get("SECRET_KEY") or globals().get("SECRET_KEY", "")
# /etc/default/{package}: DEBUG=yes shows everybody what went wrong, with the settings.
DEBUG = os.environ.get("DEBUG", "").lower() in ("1", "true", "yes", "on")
# /etc/default/{package}: ALLOWED_HOSTS=example.org,www.example.org
ALLOWED_HOSTS = [
    *globals().get("ALLOWED_HOSTS", []),
    "localhost",
    "127.0.0.1",
    "[::1]",
    *_words("ALLOWED_HOSTS"),
]
CSRF_TRUSTED_ORIGINS = [
    *globals().get("CSRF_TRUSTED_ORIGINS", []),
    *_words("CSRF_TRUSTED_ORIGINS"),
]
# Collected when the package was built; a web server gives them out.
STATIC_ROOT = os.environ.get("STATIC_ROOT", "/usr/share/{package}/static")

for _database in globals().get("DATABASES", {{}}).values():
    if str(_database.get("ENGINE", "")).endswith("sqlite3") and _database.get("NAME") != ":memory:":
        _database["NAME"] = _moved(_database["NAME"])
if globals().get("MEDIA_ROOT"):
    MEDIA_ROOT = _moved(MEDIA_ROOT)  # noqa: F405
for _handler in (globals().get("LOGGING") or {{}}).get("handlers", {{}}).values():
    if _handler.get("filename"):
        _handler["filename"] = _moved(_handler["filename"])
for _cache in globals().get("CACHES", {{}}).values():
    if str(_cache.get("BACKEND", "")).endswith("FileBasedCache"):
        _cache["LOCATION"] = _moved(_cache["LOCATION"])
'''
SECURE = """
if globals().get("SECURE_SSL_REDIRECT"):
    # Whether the service is well is asked on this machine, without TLS.
    SECURE_REDIRECT_EXEMPT = [*globals().get("SECURE_REDIRECT_EXEMPT", []), {exempt!r}]
"""
GIVEN_OUT = """
# The service gives its static files out itself: nothing else does on a new machine.
MIDDLEWARE = list(globals().get("MIDDLEWARE", []))
if not any(name.startswith("whitenoise.") for name in MIDDLEWARE):
    _first = "django.middleware.security.SecurityMiddleware"
    _place = MIDDLEWARE.index(_first) + 1 if _first in MIDDLEWARE else 0
    MIDDLEWARE.insert(_place, "whitenoise.middleware.WhiteNoiseMiddleware")
"""
ON_FILE = """
# The project's own settings name a database server; `init --answer database=own` keeps them.
DATABASES = {{
    **globals().get("DATABASES", {{}}),
    "default": {{
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(_STATE / "{package}.sqlite3"),
    }},
}}
"""


@dataclass(frozen=True, kw_only=True)
class Wrapped:
    """What the settings have to know of the package."""

    path: str
    """The page that says whether the service is well."""
    on_file: bool
    """Whether SQLite takes the place of a database server."""


def wrapper(package: str, django: Django, wrapped: Wrapped) -> str:
    """The text of the module."""
    up = len([part for part in django.top.split("/") if part])
    trees = ["_HERE.parent", *(f"_HERE.parents[{n}]" for n in range(1, up + 1))]
    text = TEXT.format(
        package=package, settings=django.settings, trees=f"[{', '.join(trees)}]"
    ) + SECURE.format(exempt=f"^{re.escape(wrapped.path.lstrip('/'))}$")  # fmt: skip
    text += GIVEN_OUT if django.static and not django.gives_out else ""
    return text + (ON_FILE.format(package=package) if wrapped.on_file else "")
