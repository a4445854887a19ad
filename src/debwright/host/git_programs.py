"""Programs that a repository's own configuration would have git run, and how they are kept from it.

A checked-out project is data. Its `.git/config`, with all that it includes, came with an archive, a
copy or a shared directory as easily as from its owner, and dozens of its keys name programs. What
the user's own configuration (system, global, the environment) names is the user's, and runs.

Keys: git-config(1), gitattributes(5), git-lfs-config(5).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

OWN_SCOPES = frozenset({"system", "global", "command"})
"""Of `git config --show-scope`: all others (local, worktree) are the repository's."""

ALWAYS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "diff.external=",
    "log.showSignature=false",
    "push.gpgSign=false",
    # A directory that looks like a bare repository is a part of the source, and none of ours.
    "safe.bareRepository=explicit",
)
"""Settings of every git that debwright runs."""

_PLAIN = {
    "core.sshcommand": "ssh", "core.gitproxy": "none", "gpg.program": "gpg",
    "required": "false",
}  # fmt: skip
"""What a key, or the last part of one, is without anybody's setting; of others, empty."""
_NAMES_A_PROGRAM = re.compile(
    r"core\.(sshcommand|gitproxy|askpass|editor|alternaterefscommand)"
    r"|filter\..*\.(clean|smudge|process|required)"
    r"|diff\..*\.(textconv|command)|merge\..*\.driver"
    r"|credential\.(.*\.)?helper|gpg\.(.*\.)?program"
    r"|remote\..*\.vcs"
    r"|lfs\.(customtransfer|extension)\..*|lfs\.(.*\.)?standalonetransferagent",
    re.DOTALL,
)
_LFS = re.compile(r"git-lfs (clean|smudge)( --skip)? -- %f|git-lfs filter-process( --skip)?|true")
"""What `git lfs install --local` writes (config/filter.go of git-lfs): the machine's git-lfs."""


@dataclass(frozen=True, kw_only=True)
class Programs:
    """What a repository's configuration names, and the settings that take its place."""

    named: tuple[str, ...] = ()
    """`key = value` of each."""
    filters: tuple[str, ...] = ()
    """Names of filters that are switched off: files that have one look changed to git."""
    settings: tuple[str, ...] = ()
    """For `git -c`."""


@dataclass(frozen=True)
class _Entry:
    scope: str
    key: str
    value: str

    @property
    def own(self) -> bool:
        return self.scope in OWN_SCOPES


def programs_in(listed: str) -> Programs:
    """From what `git config --list --show-scope -z` prints."""
    found = [e for e in _entries(listed) if _NAMES_A_PROGRAM.fullmatch(e.key)]
    foreign = [e for e in found if not e.own]
    if _is_plain_lfs(foreign):
        foreign = [e for e in foreign if not e.key.startswith("filter.lfs.")]
    settings: list[str] = []
    for key in dict.fromkeys(e.key for e in foreign):
        settings.append(f"{key}={_PLAIN.get(key, _PLAIN.get(key.rpartition('.')[2], ''))}")
        settings += [f"{e.key}={e.value}" for e in found if e.own and e.key == key]
    if any(e.key.startswith("credential.") for e in foreign):
        # An empty one ends the list of all before it, whatever addresses they are for.
        own = [e for e in found if e.own and e.key.startswith("credential.")]
        settings += ["credential.helper=", *(f"{e.key}={e.value}" for e in own)]
    mine = {e.key.split(".", 1)[1].rpartition(".")[0] for e in found if e.own and _is_filter(e)}
    filters = {e.key.split(".", 1)[1].rpartition(".")[0] for e in foreign if _is_filter(e)}
    for name in sorted(filters):
        # A filter has four keys: the user's own is used as a whole, another one not at all.
        if name not in mine:
            settings += [f"filter.{name}.{part}=" for part in ("clean", "smudge", "process")]
            settings.append(f"filter.{name}.required=false")
    return Programs(
        named=tuple(f"{e.key} = {e.value}" for e in foreign),
        filters=tuple(sorted(filters - mine)),
        settings=tuple(settings),
    )


def _is_filter(entry: _Entry) -> bool:
    return entry.key.startswith("filter.")


def _is_plain_lfs(foreign: Iterable[_Entry]) -> bool:
    """Whether all that they say of Git LFS is what its installation says."""
    about = [e for e in foreign if e.key.startswith(("filter.lfs.", "lfs."))]
    return all(e.key.startswith("filter.lfs.") and _LFS.fullmatch(e.value) for e in about)


def _entries(listed: str) -> Iterator[_Entry]:
    fields = listed.split("\0")
    for scope, said in zip(fields[::2], fields[1::2], strict=False):
        key, _, value = said.partition("\n")
        yield _Entry(scope, key, value)
