"""Issues that debwright keeps: one for each thing it has to say, found again by a mark in its text.

The mark is an HTML comment, which GitHub does not show; the label only makes the list short.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from debwright.github.http import Http

MOST_PAGES = 20
BODY_LIMIT = 60_000
"""GitHub takes 65,536 characters."""
_MARK = re.compile(r"<!-- debwright: ([^\n]*?) -->")


class Issue(BaseModel):
    """What is read of GitHub's answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: int
    state: str
    title: str
    body: str | None = None
    html_url: str
    pull_request: dict[str, Any] | None = None

    @property
    def mark(self) -> str | None:
        """What it is about; the first mark, since text from logs may hold others."""
        found = _MARK.match(self.body or "")
        return found[1] if found else None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What was done to an issue."""

    issue: Issue
    what: str
    """`opened`, `reopened`, `updated`, `closed` or `unchanged`."""


class Issues:
    """The issues of one repository with one label. All raise GithubError or MissingError."""

    def __init__(self, http: Http, repository: str, label: str) -> None:
        self._http, self._base, self._label = http, f"/repos/{repository}/issues", label

    def find(self, mark: str) -> Issue | None:
        """The issue about `mark`: an open one before a closed one, the newest of several."""
        found = [i for i in self._all() if i.mark == mark]
        return next((i for i in found if i.state == "open"), found[0] if found else None)

    def tell(self, mark: str, title: str, body: str) -> Change:
        """Have one open issue say this: opened, reopened or brought up to date, or as it is."""
        text = body_of(mark, body)
        issue = self.find(mark)
        if issue is None:
            data = {"title": title, "body": text, "labels": [self._label]}
            return Change(issue=self._send("POST", self._base, data), what="opened")
        if issue.state == "open" and (issue.title, issue.body) == (title, text):
            return Change(issue=issue, what="unchanged")
        data = {"title": title, "body": text, "state": "open"}
        what = "updated" if issue.state == "open" else "reopened"
        return Change(issue=self._send("PATCH", f"{self._base}/{issue.number}", data), what=what)

    def resolve(self, mark: str, comment: str) -> Change | None:
        """Close the issue about `mark` with a comment; None where none is open."""
        issue = self.find(mark)
        if issue is None or issue.state != "open":
            return None
        path = f"{self._base}/{issue.number}"
        self._http.request("POST", f"{path}/comments", json={"body": comment[:BODY_LIMIT]})
        data = {"state": "closed", "state_reason": "completed"}
        return Change(issue=self._send("PATCH", path, data), what="closed")

    def _send(self, method: str, path: str, data: dict[str, Any]) -> Issue:
        return Issue.model_validate(self._http.request(method, path, json=data).json())

    def _all(self) -> Iterator[Issue]:
        asked = {"labels": self._label, "state": "all"}
        found = self._http.pages(self._base, most=MOST_PAGES, **asked)
        return (i for i in map(Issue.model_validate, found) if i.pull_request is None)


def body_of(mark: str, text: str) -> str:
    """The text with its mark before it. A mark is one line without the end of a comment."""
    safe = re.sub(r"\s+", " ", mark).replace("--", "- -")
    return f"<!-- debwright: {safe} -->\n{text[:BODY_LIMIT]}"
