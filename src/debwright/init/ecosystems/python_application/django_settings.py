"""The settings module of a packaged Django project: the project's own, as a system wants them.

It is a file of the project's debian/, so that whoever packages it can read and change it.
"""

VARIABLES = ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEBUG")
"""What the module reads of the environment, apart from secrets and what the build sets."""
TEXT = '''\
"""Settings of {package} as a package: the project's own, and what a Debian system has elsewhere."""

import os
from pathlib import Path

from {settings} import *  # noqa: F403

_TREE = Path(__file__).resolve().parent
_STATE = Path("/var/lib/{package}")


def _words(name):
    return [word for word in os.environ.get(name, "").replace(",", " ").split() if word]


def _moved(path):
    """A path below the tree, which is read-only, as one of the service's state."""
    path = Path(path)
    inside = path.is_absolute() and _TREE in path.parents
    return _STATE / path.relative_to(_TREE) if inside or not path.is_absolute() else path


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
        _database["NAME"] = str(_moved(_database["NAME"]))
if globals().get("MEDIA_ROOT"):
    MEDIA_ROOT = str(_moved(MEDIA_ROOT))  # noqa: F405
'''


def wrapper(package: str, settings: str) -> str:
    """The text of the module; `settings` is the project's own settings module."""
    return TEXT.format(package=package, settings=settings)
