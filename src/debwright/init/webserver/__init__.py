"""The author's own configuration of a web server, as a package of the site can have it.

What belongs to a machine (names, certificates, ports below 1024, log files) is left out and named;
the pages are where the package installs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from debwright.init.model import Guess

MAX_BYTES = 64 * 1024
SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A configuration that was taken over."""

    seen: str
    """The author's file."""
    port: Guess | None
    """The port it names, where anybody may listen on it."""
    text: str
    """With the pages below `root`."""
    left_out: tuple[str, ...]
    """Directives that are not in it, each once."""

    @property
    def note(self) -> str:
        """What a person should know of it, in one sentence."""
        if not self.left_out:
            return ""
        more = f" and {len(self.left_out) - SHOWN} more" if len(self.left_out) > SHOWN else ""
        shown = ", ".join(self.left_out[:SHOWN])
        return f"{self.seen} is taken over without {shown}{more}: they depend on the machine"


def take_over(
    directory: Path, server: str, root: str, port: Guess, package: str
) -> tuple[Taken | None, str]:
    """The author's configuration of `server` for pages in `root`, and a note.

    `port` is listened on where it names none above 1023. None where there is none, or, with a note,
    where it has no site of files that could be taken.
    """
    from debwright.init.webserver import caddy, nginx

    module = caddy if server == "caddy" else nginx
    for place in module.places(directory):
        path = directory / place
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
            continue
        text = path.read_text("utf-8", "replace")
        taken = module.taken(text, place, root, port)
        if taken is not None:
            return taken, taken.note
        return None, (
            f"{place} has no site of files that init understands: the package has its own, "
            f"debian/site/{package if server == 'nginx' else 'Caddyfile'}"
        )
    return None, ""


def moved(path: str, was: str, root: str) -> str | None:
    """A path below the directory `was` as one below `root`; None for another path."""
    plain = was.rstrip("/")
    if path.rstrip("/") == plain:
        return root + ("/" if path.endswith("/") else "")
    return root + path[len(plain) :] if path.startswith(f"{plain}/") else None


def ports(found: Mapping[str, int], place: str) -> Guess | None:
    """The first port above 1023, with the line of the file that names it."""
    for text, line in found.items():
        if 1024 <= int(text) <= 65535:
            return Guess(value=str(int(text)), seen=f"{place}:{line}")
    return None
