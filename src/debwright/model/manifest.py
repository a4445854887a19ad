"""The JSON beside every layer: what it was made from, and so whether it may be used again."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

FORMAT = 1


class Manifest(BaseModel):
    """`inputs` are what was asked for, `result` is what came of it; `id` covers both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    name: str
    """What kind of layer: base, build, cross-arm64, boot, builddeps, rundeps."""
    target: str
    parent: str | None
    inputs: dict[str, Any]
    packages: tuple[str, ...]
    """`name:arch=version` of everything installed in the root with this layer on top."""
    mirror: dict[str, str] = {}
    """List file name to SHA-256 of the InRelease it came from."""
    created: datetime
    size: int = 0

    @property
    def inputs_digest(self) -> str:
        return digest({"name": self.name, "parent": self.parent, "inputs": self.inputs})

    @property
    def id(self) -> str:
        """Names the content: the same id means the same packages from the same mirror state."""
        return digest(
            {"in": self.inputs_digest, "packages": list(self.packages), "mirror": self.mirror}
        )

    @property
    def age_days(self) -> float:
        return (datetime.now(UTC) - self.created).total_seconds() / 86400


def digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(path: Path) -> Manifest | None:
    """The manifest, or None where there is none that this version understands."""
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return manifest if manifest.format == FORMAT else None
