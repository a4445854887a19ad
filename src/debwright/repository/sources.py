"""The `.sources` text a user installs from: deb822 style, sources.list(5)."""

from pathlib import Path
from urllib.parse import quote

from debwright.repository.model import RepositorySettings


def sources_text(
    settings: RepositorySettings,
    repo: Path,
    suite: str,
    *,
    key: Path | str,
    components: tuple[str, ...] | None = None,
    with_source: bool = False,
) -> str:
    """One entry for `suite`.

    `key` is the path of a key file on the user's machine, or the armoured key itself, which is
    then written into the entry. apt reads keys in entries since 2.3.10: Debian 12 and Ubuntu
    22.04 do, Debian 11 needs a path. Without a configured url the directory itself is named.
    """
    lines = [
        f"Types: {'deb deb-src' if with_source else 'deb'}",
        f"URIs: {base_url(settings, repo)}",
        f"Suites: {suite}",
        f"Components: {' '.join(components or (settings.component,))}",
        f"Signed-By: {key}" if isinstance(key, Path) else inline_key(key),
    ]
    return "\n".join(lines) + "\n"


def base_url(settings: RepositorySettings, repo: Path) -> str:
    """The repository's address, with a slash at its end."""
    where = settings.url or "file:" + quote(str(repo.resolve()))
    return where.rstrip("/") + "/"


def inline_key(armored: str) -> str:
    """A key as the field Signed-By: each line indented, empty ones as a dot."""
    lines = armored.strip().splitlines()
    return "\n".join(["Signed-By:", *(f" {line.strip() or '.'}" for line in lines)])
