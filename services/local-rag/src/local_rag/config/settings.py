"""The settings, their defaults, and where they come from.

Later sources win, key by key: `/etc/local-rag/config.yaml`, `~/.config/local-rag/config.yaml`
(below `$XDG_CONFIG_HOME` if set), the file named by `$LOCAL_RAG_CONFIG`, then environment
variables `LOCAL_RAG__SECTION__KEY`. Values of environment variables are read as YAML,
those of keys that hold text as they stand.
"""

import ipaddress
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from local_rag.config.layers import Layer, explain, merge, read_environment, read_layers
from local_rag.core.errors import ConfigError

PACKAGED_MODELS = Path("/usr/share/local-rag/models")


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f"{path}: {error}") from None


# A "~" that reached us unexpanded would become a directory of that name.
HomePath = Annotated[Path, AfterValidator(_expanded)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class ServerSettings(_Section):
    """Where the service listens and who may use it."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    token: SecretStr | None = None
    token_file: HomePath | None = None
    max_upload_mb: int = Field(100, ge=1, le=4096)
    allowed_origins: tuple[str, ...] = ()

    @property
    def loopback(self) -> bool:
        """True when only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @field_validator("token")
    @classmethod
    def _token_is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("a token needs at least 16 characters")
        return value

    @model_validator(mode="after")
    def _open_address_needs_token(self) -> "ServerSettings":
        if not self.loopback and self.token is None and self.token_file is None:
            raise ValueError(
                f"host {self.host} can be reached from other machines, so server.token or "
                "server.token_file is needed"
            )
        return self

    def read_token(self) -> str | None:
        """Return the token that clients must send, or None when none is asked for.

        Raises ConfigError when `token_file` cannot be read or holds less than 16 characters.
        """
        if self.token is not None:
            return self.token.get_secret_value()
        if self.token_file is None:
            return None
        try:
            token = self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"server.token_file {self.token_file} cannot be read: {error}",
                hint=f"create it: head -c 24 /dev/urandom | base64 > {self.token_file}",
            ) from error
        if len(token) < 16:
            raise ConfigError(
                f"server.token_file {self.token_file} holds fewer than 16 characters",
                hint=f"make a new one: head -c 24 /dev/urandom | base64 > {self.token_file}",
            )
        return token


class StorageSettings(_Section):
    """Where the index and the models are kept."""

    data_dir: HomePath = Path("/var/lib/local-rag")
    model_dirs: tuple[HomePath, ...] = ()

    @property
    def database(self) -> Path:
        """The index file."""
        return self.data_dir / "index.sqlite3"

    @property
    def uploads(self) -> Path:
        """Where uploaded files wait for their import, and stay as sources for a reindex."""
        return self.data_dir / "uploads"

    @property
    def all_model_dirs(self) -> tuple[Path, ...]:
        """Directories searched for models: configured ones, our own, then packaged ones."""
        return (*self.model_dirs, self.data_dir / "models", PACKAGED_MODELS)


class EmbeddingSettings(_Section):
    """The embedding model; without a name the one that is installed is taken."""

    model: str | None = None
    threads: int | None = Field(None, ge=1, le=256)
    batch_size: int = Field(32, ge=1, le=1024)


class LlmSettings(_Section):
    """The language model; without a name the one that is installed is taken."""

    model: str | None = None
    threads: int | None = Field(None, ge=1, le=256)
    context_tokens: int = Field(2048, ge=256, le=1_048_576)
    max_tokens: int = Field(512, ge=1, le=65536)
    temperature: float = Field(0.1, ge=0, le=2)
    idle_unload_s: float | None = Field(600, ge=1)

    @model_validator(mode="after")
    def _answer_fits_context(self) -> "LlmSettings":
        if self.max_tokens >= self.context_tokens:
            raise ValueError(
                f"max_tokens {self.max_tokens} leaves no room for the question in "
                f"context_tokens {self.context_tokens}"
            )
        return self


class RetrievalSettings(_Section):
    """How passages are found.

    Below `threshold` (a cosine) nothing counts as found by its meaning; without one the embedding
    model is measured, and what is near is told on its own scale.
    `rrf_k` is of earlier versions: it is read, and means nothing any more.
    """

    k: int = Field(6, ge=1, le=100)
    candidates: int = Field(50, ge=1, le=1000)
    threshold: float | None = Field(None, ge=-1, le=1)
    rrf_k: int = Field(60, ge=1, le=10_000)


class ChunkingSettings(_Section):
    """Size of a chunk and what neighbours share, in tokens of the embedding model."""

    max_tokens: int = Field(256, ge=16, le=8192)
    overlap_tokens: int = Field(32, ge=0)

    @model_validator(mode="after")
    def _overlap_is_small(self) -> "ChunkingSettings":
        if self.overlap_tokens * 2 > self.max_tokens:
            raise ValueError("overlap_tokens must be at most half of max_tokens")
        return self


class ImportSettings(_Section):
    """What may be imported, and which folders are watched.

    An empty `allowed_paths` means every path the service's user can read, apart from kernel
    file systems and the service's own configuration and data. `ocr_languages` are those of text in
    pictures, as tesseract names them (`deu`); without any, the first few that are installed.
    """

    watch: tuple[HomePath, ...] = ()
    watch_interval_s: float = Field(300, ge=1)
    allowed_paths: tuple[HomePath, ...] = ()
    follow_symlinks: bool = False
    max_file_mb: int = Field(100, ge=1, le=4096)
    ocr_languages: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_]{3,40}$")], ...] = ()
    allow_private_urls: bool = False
    url_timeout_s: float = Field(20, gt=0, le=3600)

    @field_validator("watch", "allowed_paths")
    @classmethod
    def _absolute(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        for path in value:
            if not path.is_absolute():
                raise ValueError(f"{path} is not an absolute path")
        return value


class LimitSettings(_Section):
    """When the machine is too hot or too full; degrees Celsius and percent free."""

    temperature_throttle_c: float = 75
    temperature_stop_c: float = 85
    temperature_resume_c: float = 70
    disk_stop_percent: float = Field(5, ge=0, lt=100)
    disk_resume_percent: float = Field(10, gt=0, le=100)

    @model_validator(mode="after")
    def _ordered(self) -> "LimitSettings":
        if not (self.temperature_resume_c < self.temperature_throttle_c < self.temperature_stop_c):
            raise ValueError(
                "temperatures must rise from temperature_resume_c over temperature_throttle_c "
                "to temperature_stop_c"
            )
        if self.disk_stop_percent >= self.disk_resume_percent:
            raise ValueError("disk_resume_percent must be above disk_stop_percent")
        return self


class LoggingSettings(_Section):
    """What is logged and where; without a file, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"
    file: HomePath | None = None
    max_bytes: int = Field(10_485_760, ge=1024)
    backups: int = Field(5, ge=0, le=100)


class Settings(_Section):
    """All settings. `origins` tells which file and line a key came from."""

    server: ServerSettings = ServerSettings()
    storage: StorageSettings = StorageSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    llm: LlmSettings = LlmSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    imports: ImportSettings = ImportSettings()
    limits: LimitSettings = LimitSettings()
    logging: LoggingSettings = LoggingSettings()

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each key that is not a default was set: `server.port` -> `FILE:LINE`."""
        return dict(self._origins)


def text_keys() -> frozenset[str]:
    """Return the keys whose values are text: names, addresses, paths."""
    found = set()
    for section, info in Settings.model_fields.items():
        model: type[BaseModel] = info.annotation  # type: ignore[assignment]
        for key, field in model.model_fields.items():
            if get_origin(field.annotation) is tuple:
                continue  # of such values: no text itself
            kinds = {field.annotation, *get_args(field.annotation)}
            if kinds & {str, SecretStr, Path, HomePath}:
                found.add(f"{section}.{key}")
    return frozenset(found)


def load_settings(
    environ: Mapping[str, str] | None = None,
    *,
    paths: Sequence[Path] | None = None,
    given: Layer | None = None,
) -> Settings:
    """Read all sources and return the settings; `given` is what has the last word.

    Raises ConfigError naming file, line, key and the nearest known key.
    """
    env = os.environ if environ is None else environ
    layers = read_layers(env, paths)
    layers.append(read_environment(env, texts=text_keys()))
    if given is not None:
        layers.append(given)
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        merge(merged, layer.values)
        origins.update(layer.origins)
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        raise explain(error, Settings, origins) from None
    settings._origins.update(origins)
    return settings
