"""The artifacts that workflows have left on GitHub (its OpenAPI description: artifact)."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from debwright.github.http import Http

UNFINISHED = ("in_progress", "queued", "requested", "waiting", "pending")
"""What GitHub calls runs that are not over; one that waits for a reviewer is `waiting`."""


class Run(BaseModel):
    """The run that an artifact is of."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int | None = None


class Stored(BaseModel):
    """An artifact."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int
    name: str
    size_in_bytes: int
    expired: bool
    created_at: datetime | None = None
    workflow_run: Run | None = None


class Storage:
    """The artifacts of one repository, `owner/name`. All calls raise GithubError, MissingError."""

    def __init__(self, http: Http, repository: str) -> None:
        self._http = http
        self._base = f"/repos/{repository}/actions"

    def all(self) -> Iterator[Stored]:
        yield from map(
            Stored.model_validate, self._http.pages(f"{self._base}/artifacts", "artifacts")
        )

    def unfinished(self) -> frozenset[int]:
        """The numbers of the runs that are not over, and may need their artifacts yet."""
        return frozenset(
            int(run["id"])
            for status in UNFINISHED
            for run in self._http.pages(f"{self._base}/runs", "workflow_runs", status=status)
        )

    def remove(self, artifact: Stored) -> None:
        """Remove one; that it is gone already is no error."""
        self._http.remove(f"{self._base}/artifacts/{artifact.id}")


def superseded(
    found: Iterable[Stored],
    keep: int,
    unfinished: Collection[int] = (),
    promised: Callable[[Stored], bool] = lambda _: False,
) -> list[Stored]:
    """All but the `keep` newest of each name, those of runs that are `unfinished`, and `promised`.

    What has expired takes no room any more.
    """
    by_name: dict[str, list[Stored]] = defaultdict(list)
    for artifact in found:
        if not artifact.expired:
            by_name[artifact.name].append(artifact)
    old = []
    for artifacts in by_name.values():
        # Numbers grow; the date is there for people.
        artifacts.sort(key=lambda a: a.id, reverse=True)
        old += [a for a in artifacts[keep:] if _run_of(a) not in unfinished and not promised(a)]
    return old


def _run_of(artifact: Stored) -> int | None:
    return artifact.workflow_run.id if artifact.workflow_run else None
