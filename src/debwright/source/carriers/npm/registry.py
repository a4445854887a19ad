"""The registry that npm is configured to use, where a tarball is in it, and who may have it.

What is read here stays on this machine: no address and no password goes into what is shipped.
"""

import base64
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from debwright.model.errors import ConfigError
from debwright.source.carriers.npm.model import Locked

DEFAULT = "https://registry.npmjs.org/"
PUBLIC = ("registry.npmjs.org", "registry.yarnpkg.com")
"""Hosts whose addresses in a lock mean "the registry that is configured" (npm's
`replace-registry-host`, which is `npmjs` by default; yarn's is the same archive)."""
MACHINE = (Path("/etc/npmrc"), Path("/usr/etc/npmrc"), Path("/usr/local/etc/npmrc"))
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Where packages are fetched."""

    default: str
    scopes: Mapping[str, str]
    """`@scope` to its registry."""
    logins: Mapping[str, str]
    """`//host/path/` to what the Authorization header says. From files of this user only."""

    def of(self, name: str) -> str:
        scope = name.partition("/")[0] if name.startswith("@") else ""
        return self.scopes.get(scope, self.default).rstrip("/") + "/"

    def tarball(self, package: Locked) -> str:
        """The address of a package's tarball."""
        base = self.of(package.name)
        if package.url is None:
            last = package.name.rpartition("/")[2]
            return f"{base}{package.name}/-/{last}-{package.version}.tgz"
        parts = urlsplit(package.url)
        if parts.hostname in PUBLIC:
            return base + parts.path.lstrip("/")
        return package.url

    def description(self, package: Locked) -> str:
        """The address of what the registry says of one version."""
        return f"{self.of(package.name)}{quote(package.name, safe='@')}/{package.version}"

    def login(self, url: str) -> str | None:
        """The Authorization header for an address: that of the longest matching entry."""
        parts = urlsplit(url)
        if parts.scheme != "https":
            return None
        address = f"//{parts.netloc}{parts.path}"
        fitting = [key for key in self.logins if address.startswith(key)]
        return self.logins[max(fitting, key=len)] if fitting else None


def configured(project: Path, override: str | None = None) -> Registry:
    """The registry for the project in `project`, as npm would choose it (npmrc(5))."""
    mine, theirs = _users(), _read(project / ".npmrc")
    said = {**mine, **{k: v for k, v in theirs.items() if "${" not in v}}
    named = override or _environment("registry") or said.get("registry") or DEFAULT
    return Registry(
        default=_address(named),
        scopes={
            key.partition(":")[0]: _address(value)
            for key, value in said.items()
            if key.startswith("@") and key.endswith(":registry")
        },
        # A project must not say to whom this user's passwords go.
        logins=dict(_logins(mine)),
    )


def _environment(name: str) -> str | None:
    return os.environ.get(f"npm_config_{name}") or os.environ.get(f"NPM_CONFIG_{name.upper()}")


def _users() -> dict[str, str]:
    own = _environment("userconfig")
    files = [*MACHINE, Path(own) if own else Path.home() / ".npmrc"]
    found: dict[str, str] = {}
    for file in files:
        for key, value in _read(file).items():
            found[key] = _VARIABLE.sub(lambda m: os.environ.get(m[1], m[0]), value)
    return found


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[:1000]
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith(("#", ";")))
    return {key.strip(): value.strip().strip("\"'") for key, sep, value in pairs if sep}


def _logins(said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in said.items():
        if not key.startswith("//"):
            continue
        where, _, what = key.rpartition(":")
        if what == "_authToken":
            yield where, f"Bearer {value}"
        elif what == "_auth":
            yield where, f"Basic {value}"
        elif what == "username" and (secret := said.get(f"{where}:_password")):
            password = base64.b64decode(secret).decode("utf-8", "replace")
            yield where, "Basic " + base64.b64encode(f"{value}:{password}".encode()).decode()


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            "npm's registry is no address of a server",
            cause="`registry` of an .npmrc file, of NPM_CONFIG_REGISTRY or of [npm] is not http(s)",
            fix="npm config get registry",
        )
    return url
