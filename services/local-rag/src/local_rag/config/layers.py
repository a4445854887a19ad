"""Reading YAML with line numbers, and turning validation errors into sentences."""

import difflib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from local_rag.core.errors import ConfigError

# Its import takes as long as all else that a short command does.
if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

SYSTEM_CONFIG = Path("/etc/local-rag/config.yaml")
ENV_PREFIX = "LOCAL_RAG__"
MAX_CONFIG_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """The values of one source, and where each of its keys stands."""

    values: dict[str, Any]
    origins: dict[str, str] = field(default_factory=dict)


def config_paths(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Return the files that are read, weakest first; all but the last may be missing."""
    env = os.environ if environ is None else environ
    home = env.get("HOME")
    user_base = env.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else None)
    paths = [SYSTEM_CONFIG]
    if user_base:
        paths.append(Path(user_base) / "local-rag" / "config.yaml")
    if env.get("LOCAL_RAG_CONFIG"):
        paths.append(Path(env["LOCAL_RAG_CONFIG"]))
    return tuple(paths)


def read_layers(
    environ: Mapping[str, str] | None = None, paths: Sequence[Path] | None = None
) -> list[Layer]:
    """Return the files' layers, weakest first. Raises ConfigError as `read_file` does."""
    env = os.environ if environ is None else environ
    explicit = env.get("LOCAL_RAG_CONFIG")
    layers = []
    for path in config_paths(env) if paths is None else paths:
        named = explicit is not None and path == Path(explicit)
        # Somebody who names a configuration can do without the system's, which may hold a token.
        closed = explicit is not None and not named
        layer = read_file(path, required=named, may_be_closed=closed)
        if layer is not None:
            layers.append(layer)
    return layers


def merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Put values over those that are there, key by key."""
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def read_file(path: Path, *, required: bool = False, may_be_closed: bool = False) -> Layer | None:
    """Return a file's values, or None when it is not there, or closed, and need not be open.

    Raises ConfigError when it cannot be read or is not a mapping of sections.
    """
    try:
        size = path.stat().st_size
        if size > MAX_CONFIG_BYTES:
            raise ConfigError(f"{path}: {size} bytes are too many for a configuration file")
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise ConfigError(
                f"{path} does not exist, but --config or $LOCAL_RAG_CONFIG names it",
                hint="create the file, or leave out --config and unset LOCAL_RAG_CONFIG",
            ) from None
        return None
    except PermissionError:
        if may_be_closed:
            return None
        # A service must not run on defaults unawares.
        raise ConfigError(
            f"{path} may not be read by this user",
            hint=f"ls -l {path}; or name a configuration of your own: local-rag --config FILE",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> Layer:
    """Return the values of a YAML text; `name` stands for it in messages.

    Raises ConfigError on bad YAML, on a key given twice, and on anything but a mapping.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: not valid YAML: {error}") from None
    if node is None or values is None:
        return Layer(values={})
    if not isinstance(node, yaml.MappingNode) or not isinstance(values, dict):
        raise ConfigError(f"{name}:1: expected sections such as 'server:', found a {node.tag[18:]}")
    origins: dict[str, str] = {}
    for key, line in _keys(node, ""):
        if key in origins:
            raise ConfigError(f"{name}:{line}: {key} is given twice, first at {origins[key]}")
        origins[key] = f"{name}:{line}"
    # An empty section, such as one with all its keys commented out, means its defaults.
    return Layer(
        values={str(key): {} if value is None else value for key, value in values.items()},
        origins=origins,
    )


def _keys(node: yaml.MappingNode, prefix: str) -> Iterator[tuple[str, int]]:
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        yield name, key.start_mark.line + 1
        if isinstance(value, yaml.MappingNode) and not prefix:
            yield from _keys(value, f"{name}.")


def read_environment(
    environ: Mapping[str, str] | None = None, *, texts: Collection[str] = ()
) -> Layer:
    """Return the values of `LOCAL_RAG__SECTION__KEY` variables.

    The keys in `texts` hold text: an address such as `::`, or a token of digits only, is taken as
    it stands where YAML would see something else in it. Raises ConfigError when a name has no
    section and key, or a value is not YAML.
    """
    env = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name in sorted(env):
        if not name.startswith(ENV_PREFIX):
            continue
        section, _, key = name[len(ENV_PREFIX) :].lower().partition("__")
        if not section or not key:
            raise ConfigError(
                f"environment variable {name} must look like {ENV_PREFIX}SECTION__KEY",
                hint=f"for example {ENV_PREFIX}SERVER__PORT=8081",
            )
        is_text = f"{section}.{key}" in texts
        try:
            value = yaml.safe_load(env[name])
        except yaml.YAMLError as error:
            if not is_text:
                raise ConfigError(
                    f"environment variable {name} is not valid YAML: {error}"
                ) from None
            value = env[name]
        if is_text and value is not None and not isinstance(value, str):
            value = env[name]
        values.setdefault(section, {})[key] = value
        origins[f"{section}.{key}"] = f"environment variable {name}"
        origins.setdefault(section, f"environment variable {name}")
    return Layer(values=values, origins=origins)


def explain(
    error: "ValidationError", model: "type[BaseModel]", origins: Mapping[str, str]
) -> ConfigError:
    """Return one ConfigError that says every mistake with its file, line and nearest key."""
    lines = [_sentence(mistake, model, origins) for mistake in error.errors()]
    return ConfigError(
        "\n".join(lines),
        hint="every key is described in the configuration page of the documentation",
        details={"mistakes": lines},
    )


def _sentence(mistake: Any, model: "type[BaseModel]", origins: Mapping[str, str]) -> str:
    parts = [str(part) for part in mistake["loc"]]
    key = ".".join(parts[:2])
    place = origins.get(key) or origins.get(parts[0] if parts else "") or "built-in defaults"
    if mistake["type"] == "extra_forbidden":
        nearest = _nearest(key, model)
        advice = f"; did you mean {nearest}?" if nearest else ""
        return f"{place}: unknown key {key}{advice}"
    message = str(mistake["msg"]).removeprefix("Value error, ")
    return f"{place}: {key}: {message}"


def known_keys(model: "type[BaseModel]") -> tuple[str, ...]:
    """Return every section and every `section.key` of the settings."""
    from pydantic import BaseModel

    keys: list[str] = []
    for section, info in model.model_fields.items():
        keys.append(section)
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            keys += [f"{section}.{name}" for name in info.annotation.model_fields]
    return tuple(keys)


def _nearest(key: str, model: "type[BaseModel]") -> str | None:
    section, dot, name = key.partition(".")
    known = known_keys(model)
    # The key may be right and only stand under another section.
    elsewhere = [k for k in known if k.partition(".")[2] == (name or section)]
    if elsewhere:
        return elsewhere[0]
    pool = [k for k in known if ("." in k) == bool(dot)]
    within = [k for k in pool if k.startswith(f"{section}.")]
    for candidates in (within, pool):
        found = difflib.get_close_matches(key, candidates, n=1, cutoff=0.6)
        if found:
            return found[0]
    return None
