"""The actions that workflows use, each pinned to the commit of a released version.

A tag can be moved to another commit, a commit cannot be changed. `debwright workflows sync` writes
the version behind it as a comment, as update bots expect it.
"""

from dataclasses import dataclass

from debwright.ci.templates import Written


@dataclass(frozen=True)
class Action:
    """The commit at which the actions of a repository are used."""

    repository: str
    commit: str
    version: str


ALL = (
    Action("actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    Action("actions/upload-artifact", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    Action("actions/download-artifact", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    Action("actions/cache", "27d5ce7f107fe9357f9df03efb73ab90386fccae", "v5.0.5"),
    Action("actions/attest", "1e69f48acb82d1966a394da916b4c1698aa569d6", "v4.2.2"),
    Action("github/codeql-action", "8aad20d150bbac5944a9f9d289da16a4b0d87c1e", "v4.36.2"),
)


def use(action: str) -> Written:
    """`action` (OWNER/NAME, or OWNER/NAME/DIRECTORY) at its commit. Raises ValueError."""
    for known in ALL:
        if f"{action}/".startswith(f"{known.repository}/"):
            return Written(f"{action}@{known.commit} # {known.version}")
    raise ValueError(f"{action} is not pinned")
