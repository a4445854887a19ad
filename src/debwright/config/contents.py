"""Files that a package has as they are, without a build: `[package] files`, as nFPM's contents."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Problem, Raw, Section

_PLAIN = re.compile(r"[A-Za-z0-9._+@%,=~/*?\[\]-]+", re.ASCII)
"""What make and a shell leave as it is; patterns of the shell are meant."""
_OWNER = r"[a-z_][a-z0-9_-]{0,30}"


def _inside(value: str) -> str:
    if not _PLAIN.fullmatch(value) or value.startswith(("/", "-")) or ".." in value.split("/"):
        raise v.refused(
            f"{v.quoted(value)} is not a path of the project",
            expected="a path relative to package.source, of letters, digits and ._+@%,=~-, with "
            "the shell's patterns if wanted",
        )
    return value


def _absolute(value: str) -> str:
    if not _PLAIN.fullmatch(value) or not value.startswith("/") or ".." in value.split("/"):
        raise v.refused(
            f"{v.quoted(value)} is not a path in a package",
            expected="an absolute path, as /usr/bin/tool; with a slash at the end a directory",
        )
    return value


Inside = Annotated[str, AfterValidator(_inside)]
Absolute = Annotated[str, AfterValidator(_absolute)]
Owner = Annotated[str, v.matching(_OWNER, "the name of an account")]


class PackageFile(Section):
    """A file, a directory or a link that the package has as it is."""

    src: Inside | dict[str, Inside] | None = Field(
        None,
        description="Path in the project, or one for each architecture, as "
        '{ amd64 = "bin/amd64/tool", arm64 = "bin/arm64/tool" }. Of a symlink: what it leads to.',
    )
    dst: Absolute = Field(description="Path in the package; a directory when it ends with a slash.")
    type: Literal["file", "config", "tree", "dir", "symlink"] = Field(
        "file",
        description="file; config: a file that its administrator may change (conffile); tree: a "
        "directory with all that is in it; dir: an empty directory; symlink.",
    )
    mode: Annotated[str, v.matching(r"0?[0-7]{3}|[0-7]{4}", 'as "0755"')] | None = Field(
        None, description="Its mode; default: 0755 for what can be run and directories, else 0644."
    )
    owner: Owner = Field("root", description="Its owner; given to it when it is installed.")
    group: Owner = Field("root", description="Its group.")

    @classmethod
    def contradictions(cls, raw: Raw) -> Iterator[Problem]:
        kind, source = raw.get("type", "file"), raw.get("src")
        if kind == "dir" and source is not None:
            yield Problem(
                path=("src",), what="an empty directory comes from nowhere",
                expected='no src together with type = "dir"', fix='type = "tree", or no src',
            )  # fmt: skip
        if kind != "dir" and source is None:
            yield Problem(
                path=("dst",), what=f"nothing says which {kind} it is",
                expected="src", fix="add src, a path in the project",
            )  # fmt: skip
