"""The actions that workflows use, each pinned to the commit of a released version.

A tag can be moved to another commit, a commit cannot be changed. `debwright workflows sync` writes
the version beside it as a comment, as update bots expect it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """An action in a repository of its own, at a commit."""

    repository: str
    commit: str
    version: str
    path: str = ""
    """The action's directory in the repository, for those with several."""

    @property
    def reference(self) -> str:
        place = f"{self.repository}/{self.path}" if self.path else self.repository
        return f"{place}@{self.commit}"


CHECKOUT = Action("actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1")
UPLOAD = Action("actions/upload-artifact", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0")
DOWNLOAD = Action("actions/download-artifact", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1")
RESTORE = Action(
    "actions/cache", "27d5ce7f107fe9357f9df03efb73ab90386fccae", "v5.0.5", path="restore"
)
SAVE = Action("actions/cache", "27d5ce7f107fe9357f9df03efb73ab90386fccae", "v5.0.5", path="save")
ATTEST = Action("actions/attest", "1e69f48acb82d1966a394da916b4c1698aa569d6", "v4.2.2")
UPLOAD_SARIF = Action(
    "github/codeql-action",
    "8aad20d150bbac5944a9f9d289da16a4b0d87c1e",
    "v4.36.2",
    path="upload-sarif",
)

ALL = (CHECKOUT, UPLOAD, DOWNLOAD, RESTORE, SAVE, ATTEST, UPLOAD_SARIF)
