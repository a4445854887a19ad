"""The ssh configuration that debwright.toml names: what a project's may say, and whose others are.

ssh_config(5) has a dozen keywords that name programs or libraries to be loaded. A file that comes
with a project is data: it may say where a machine is and how it is known, and nothing that runs.
The user's own file may say all.
"""

import os
import re
import stat
from pathlib import Path

from debwright.model.errors import ConfigError, Evidence, printable

ALLOWED = frozenset(
    """
    addressfamily bindaddress casignaturealgorithms certificatefile checkhostip ciphers compression
    connectionattempts connecttimeout globalknownhostsfile host hostkeyalgorithms hostkeyalias
    hostname identitiesonly identityfile ipqos kbdinteractiveauthentication kexalgorithms loglevel
    macs passwordauthentication port preferredauthentications proxyjump
    pubkeyacceptedalgorithms pubkeyauthentication rekeylimit requiredrsasize serveralivecountmax
    serveraliveinterval stricthostkeychecking tcpkeepalive user userknownhostsfile
    """.split()  # noqa: SIM905 - a list of this length is read as text
)
"""Keywords that run nothing, load nothing, and read no further configuration."""
LIMIT = 1024 * 1024
_WORD = re.compile(r"\s*([A-Za-z0-9]+)(?:\s|=|$)")


def require_harmless(path: Path, named: str, project: Path) -> None:
    """Raise ConfigError for a configuration that has more in it than whose file it is allows.

    `named` is how debwright.toml names the file at `path`; `project` is the directory of that.
    """
    try:
        info = path.stat()
        text = path.read_bytes()[:LIMIT].decode("utf-8", "replace")
    except FileNotFoundError:
        return  # ssh says so
    except OSError as error:
        raise ConfigError(
            f"environments.ssh_config {printable(named)} cannot be read: {error.strerror}"
        ) from error
    if _is_the_users(path, named, project):
        if info.st_uid in (0, os.geteuid()) and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return
        raise ConfigError(
            f"environments.ssh_config {printable(named)} can be written by others than you",
            cause="an ssh configuration can name programs, which would run as you",
            fix=f"chmod go-w {path}",
        )
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        word = _WORD.match(line)
        if word is None or word[1].lower() not in ALLOWED:
            raise ConfigError(
                f"the project's ssh configuration says {printable(line.strip())[:80]!r}",
                evidence=[Evidence(text=printable(line)[:200], file=str(path), line=number)],
                cause="what comes with a project is data: it may not name programs or libraries, "
                "nor further files of configuration, that ssh would use as you",
                fix="move that line to ~/.ssh/config, or name a file of your own, outside of the "
                'project: ssh_config = "~/.ssh/board"',
            )


def _is_the_users(path: Path, named: str, project: Path) -> bool:
    """Whether the file is named as one of this machine's, and is none of the project's."""
    if not named.startswith(("/", "~")):
        return False
    return not path.resolve().is_relative_to(project.resolve())
