"""The settings in greeter.toml."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

DEFAULT_PATH = Path("/etc/greeter/greeter.toml")


class ConfigError(Exception):
    """greeter.toml cannot be used; the text says where and why."""


@dataclass(frozen=True)
class Server:
    host: str = "127.0.0.1"
    port: int = 8321


@dataclass(frozen=True)
class Greeting:
    template: str = "Hello, {name}!"
    max_name_length: int = 100


@dataclass(frozen=True)
class State:
    flush_seconds: int = 5


@dataclass(frozen=True)
class Config:
    server: Server = Server()
    greeting: Greeting = Greeting()
    state: State = State()


def load(path: Path) -> Config:
    """Read `path`. Raises ConfigError naming the file and the setting."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    tables = {"server": Server, "greeting": Greeting, "state": State}
    if unknown := sorted(data.keys() - tables.keys()):
        raise ConfigError(f"{path}: unknown table [{unknown[0]}]")
    config = Config(**{name: _table(path, name, kind, data) for name, kind in tables.items()})
    _check(path, config)
    return config


def _table(path: Path, name: str, kind: type[Any], data: dict[str, Any]) -> Any:
    values = data.get(name, {})
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: {name} must be a table")
    known = {field.name: field.type for field in fields(kind)}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"{path}: unknown setting {name}.{key}")
        if type(value) is not known[key]:
            wanted = getattr(known[key], "__name__", known[key])
            raise ConfigError(f"{path}: {name}.{key} must be of type {wanted}")
    return kind(**values)


def _check(path: Path, config: Config) -> None:
    if not 0 <= config.server.port <= 65535:
        raise ConfigError(f"{path}: server.port must be between 0 and 65535")
    if "{name}" not in config.greeting.template:
        raise ConfigError(f"{path}: greeting.template must contain {{name}}")
    if config.greeting.max_name_length < 1:
        raise ConfigError(f"{path}: greeting.max_name_length must be at least 1")
    if config.state.flush_seconds < 1:
        raise ConfigError(f"{path}: state.flush_seconds must be at least 1")
