"""go.mod: the module, the Go that it needs, and the modules that it requires.

The grammar is that of the Go modules reference, "go.mod files": directives of one line, or blocks
in parentheses.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from debwright.model.errors import Evidence, UsageError

FILE = "go.mod"
MAX_BYTES = 1 << 20
MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~/-]*", re.ASCII)
_VERSION = re.compile(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?", re.ASCII)
_MAJOR = re.compile(r"/v\d+\Z")

Go = tuple[int, int]
"""A version of the Go language, as (1, 22)."""


@dataclass(frozen=True, kw_only=True)
class Required:
    """A module that another one requires."""

    path: str
    version: str


@dataclass(frozen=True, kw_only=True)
class GoMod:
    """What go.mod says."""

    module: str
    needs: Go
    """The language version of the `go` directive; (1, 16), what go(1) assumes, without one."""
    line: int
    """Of the directive that says so; 0 without one."""
    requires: tuple[str, ...]
    """Paths of the required modules."""
    direct: tuple[Required, ...]
    """Those that the module imports itself: the others are what these need."""
    replaced: tuple[str, ...]
    """Directories in the place of modules (`replace X => ../y`)."""

    @property
    def base(self) -> str:
        """The last part of the module's path, as go(1) names a program: without a major version."""
        return _MAJOR.sub("", self.module).rpartition("/")[2]

    @property
    def homepage(self) -> str | None:
        """The address of the module, where its path is that of a repository."""
        host, _, rest = self.module.partition("/")
        known = host in ("github.com", "gitlab.com", "codeberg.org", "salsa.debian.org")
        return f"https://{host}/{'/'.join(rest.split('/')[:2])}" if known and rest else None


def read_gomod(directory: Path) -> GoMod:
    """Read go.mod of `directory`. Raises UsageError when it has no module."""
    with (directory / FILE).open("rb") as stream:
        text = stream.read(MAX_BYTES).decode("utf-8", "replace")
    module, needs, line, requires, replaced = "", (1, 16), 0, [], []
    direct: list[Required] = []
    for number, words, comment in _directives(text):
        match words:
            case ["module", path, *_]:
                module = path.strip('"`')
            # What `toolchain` names is what its author builds with; `go` is what is needed.
            case ["go", version, *_] if found := _VERSION.match(version):
                needs, line = (int(found[1]), int(found[2])), number
            case ["require", path, version, *_]:
                requires.append(path.strip('"`'))
                if comment != "indirect":
                    direct.append(Required(path=requires[-1], version=version))
            case ["replace", *rest] if "=>" in rest:
                target = rest[rest.index("=>") + 1 :]
                replaced += [t for t in target[:1] if t.startswith(("./", "../", "/"))]
    if not MODULE.fullmatch(module):
        raise UsageError(
            "go.mod does not say how the module is called",
            evidence=[Evidence(text=f"module {module}"[:200], file=FILE)],
            fix="go mod init example.org/NAME",
        )
    return GoMod(
        module=module, needs=needs, line=line,
        requires=tuple(requires), direct=tuple(direct), replaced=tuple(replaced),
    )  # fmt: skip


def _directives(text: str) -> Iterator[tuple[int, list[str], str]]:
    """Line, words and comment of each directive; those of blocks have their keyword before them."""
    block = ""
    for number, line in enumerate(text.splitlines(), 1):
        code, _, comment = line.partition("//")
        words, comment = code.split(), comment.strip()
        if not words:
            continue
        if block:
            if words == [")"]:
                block = ""
            else:
                yield number, [block, *words], comment
        elif words[-1] == "(" and len(words) == 2:
            block = words[0]
        else:
            yield number, words, comment
