"""The artifacts that workflows have left on GitHub (its OpenAPI description: artifact)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from debwright.github.http import GithubError, Http

PAGE = 100
MOST_PAGES = 100


class Stored(BaseModel):
    """An artifact."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int
    name: str
    size_in_bytes: int
    expired: bool
    created_at: datetime | None = None


class Storage:
    """The artifacts of one repository, `owner/name`. All calls raise GithubError, MissingError."""

    def __init__(self, http: Http, repository: str) -> None:
        self._http = http
        self._base = f"/repos/{repository}/actions/artifacts"

    def all(self) -> Iterator[Stored]:
        for page in range(1, MOST_PAGES + 1):
            parameters: dict[str, str | int] = {"per_page": PAGE, "page": page}
            items = self._http.request("GET", self._base, params=parameters).json()["artifacts"]
            yield from map(Stored.model_validate, items)
            if len(items) < PAGE:
                return

    def remove(self, artifact: Stored) -> None:
        """Remove one; that it is gone already is no error."""
        try:
            self._http.request("DELETE", f"{self._base}/{artifact.id}")
        except GithubError as error:
            if error.status != 404:
                raise


def superseded(found: Iterable[Stored], keep: int) -> list[Stored]:
    """All but the `keep` newest of each name; what has expired takes no room any more."""
    by_name: dict[str, list[Stored]] = defaultdict(list)
    for artifact in found:
        if not artifact.expired:
            by_name[artifact.name].append(artifact)
    old = []
    for artifacts in by_name.values():
        # Numbers grow; the date is there for people.
        artifacts.sort(key=lambda a: a.id, reverse=True)
        old += artifacts[keep:]
    return old
