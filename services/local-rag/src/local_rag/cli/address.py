"""Where the configured service is, and what it wants of its clients.

Whole settings are checked with pydantic, whose import takes a third of a short command's time. The
plain case, a service for this machine alone, is found without.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_rag.config.layers import ENV_PREFIX, config_paths, merge, read_layers

if TYPE_CHECKING:
    from local_rag.config.settings import Settings

_DEFAULTS = {"host": "127.0.0.1", "port": 8080}
_OF_THIS_MACHINE = ("127.0.0.1", "localhost", "::1", "[::1]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """The service of a configuration."""

    url: str
    token: str | None = None
    checked: bool = True
    """Whether the whole configuration has been checked."""


def configured(config: Path | None, *, with_token: bool) -> Address:
    """Return the service's address; `config` is read after the other files.

    Raises ConfigError when the configuration is wrong as far as it was looked at, or, with
    `with_token`, the token cannot be read.
    """
    environ = _environment(config)
    if (url := _plain(environ)) is not None:
        return Address(url=url, checked=False)
    settings = readable_settings(config)
    token = settings.server.read_token() if with_token else None
    return Address(url=service_url(settings.server.host, settings.server.port), token=token)


def readable_settings(config: Path | None) -> "Settings":
    """Load the settings as far as this user may read them.

    A system configuration that holds a token is closed to ordinary users, who can still use the
    command with the defaults, --url and --token-file.
    """
    from local_rag.config.settings import load_settings

    environ = _environment(config)
    return load_settings(environ, paths=_readable(environ))


def service_url(host: str, port: int) -> str:
    """Return the address under which this machine reaches a service that listens on `host`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}.get(host, host)  # noqa: S104
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{host}:{port}"


def _environment(config: Path | None) -> dict[str, str]:
    environ = dict(os.environ)
    if config is not None:
        environ["LOCAL_RAG_CONFIG"] = str(config)
    return environ


def _readable(environ: Mapping[str, str]) -> list[Path]:
    return [
        path
        for path in config_paths(environ)
        if str(path) == environ.get("LOCAL_RAG_CONFIG")
        or not path.exists()
        or os.access(path, os.R_OK)
    ]


def _plain(environ: Mapping[str, str]) -> str | None:
    """Return the address where it is set, if at all, by files alone, and no token can be."""
    if any(name.startswith(ENV_PREFIX) for name in environ):
        return None
    values: dict[str, Any] = {}
    for layer in read_layers(environ, _readable(environ)):
        merge(values, layer.values)
    server = values.get("server", {})
    if not isinstance(server, dict) or not server.keys() <= _DEFAULTS.keys():
        return None
    host, port = (server.get(key, default) for key, default in _DEFAULTS.items())
    if host not in _OF_THIS_MACHINE or type(port) is not int or not 0 < port < 65536:
        return None
    return service_url(host, port)
