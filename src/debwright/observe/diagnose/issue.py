"""Problems as GitHub issues: one for each fingerprint, made once and updated after."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from debwright.config import load
from debwright.github.http import Http, Unsure
from debwright.model.diagnosis import Diagnosis, Problem
from debwright.observe.report.markdown import code, escape, fenced

LABEL = "debwright"
MOST_PAGES = 20
BODY_LIMIT = 60_000
"""Characters; GitHub takes 65,536."""

MOST = 5
"""Issues filed of one run: a broken machine must not flood a tracker."""


class Subject(Protocol):
    """What a problem belongs to."""

    @property
    def name(self) -> str: ...
    @property
    def diagnosis(self) -> Diagnosis: ...
    @property
    def package(self) -> str | None: ...
    @property
    def version(self) -> str | None: ...
    @property
    def commit(self) -> str | None: ...


def marker(fingerprint: str) -> str:
    """What finds the issue again; invisible on its page."""
    return f"<!-- debwright-diagnosis: {fingerprint} -->"


def file_issues(options: Any, subjects: Sequence[Subject], repository: str | None) -> list[str]:
    """File or update an issue for each root problem; what was done, a line each.

    Raises UsageError, GithubError and MissingError.
    """
    from debwright.github.place import required_repository

    place = required_repository(
        load(options.directory), repository, what="the issue is for",
        fix="debwright diagnose --issue --repository OWNER/NAME",
    )  # fmt: skip
    wanted: dict[str, tuple[Problem, Subject]] = {}
    for subject in subjects:
        if (root := subject.diagnosis.root) is not None:
            wanted.setdefault(root.fingerprint, (root, subject))
    if not wanted:
        return ["no issue: nothing is known that could be filed"]
    with Http.from_environment(needs="issues: write") as http:
        tracker = Tracker(http, place)
        return [tracker.file(*pair) for pair in list(wanted.values())[:MOST]]


class Tracker:
    """The issues of one repository that debwright has filed."""

    def __init__(self, http: Http, repository: str) -> None:
        self._http, self._base = http, f"/repos/{repository}"

    def file(self, problem: Problem, subject: Subject) -> str:
        """Make the issue, or add what happened to the open one; reopen one that was closed."""
        known = self._find(problem.fingerprint)
        if known is None:
            return self._create(problem, subject)
        number = known["number"]
        if known["state"] == "closed":
            self._send("PATCH", f"/issues/{number}", {"state": "open"})
        text = again(problem, subject)
        try:
            self._send("POST", f"/issues/{number}/comments", {"body": text})
        except Unsure:
            if not self._said(number, text):
                raise
        return f"updated issue {number}: {known['html_url']}"

    def _create(self, problem: Problem, subject: Subject) -> str:
        data = {
            "title": title(problem, subject),
            "body": body(problem, subject),
            "labels": [LABEL, str(problem.category), str(problem.code)],
        }
        try:
            made = self._send("POST", "/issues", data)
        except Unsure:
            # The answer got lost: it may have been made.
            known = self._find(problem.fingerprint)
            if known is None:
                raise
            made = known
        return f"filed issue {made['number']}: {made['html_url']}"

    def _find(self, fingerprint: str) -> dict[str, Any] | None:
        """The issue with that fingerprint, an open one before a closed one."""
        # At the end alone: a log quoted above it may hold what looks like a mark.
        mark = marker(fingerprint)
        found = [i for i in self._all() if (i.get("body") or "").rstrip().endswith(mark)]
        return min(found, key=lambda i: (i["state"] != "open", -i["number"]), default=None)

    def _all(self) -> Iterator[dict[str, Any]]:
        asked = {"labels": LABEL, "state": "all"}
        return self._http.pages(f"{self._base}/issues", most=MOST_PAGES, **asked)

    def _said(self, number: int, text: str) -> bool:
        comments = self._http.pages(f"{self._base}/issues/{number}/comments", most=1)
        return any(c.get("body") == text for c in comments)

    def _send(self, method: str, path: str, data: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._http.request(method, self._base + path, json=data).json()
        return answer


def title(problem: Problem, subject: Subject) -> str:
    where = f"{subject.package}: " if subject.package else ""
    return " ".join(f"{where}{problem.title} [{problem.code}]".split())[:200]


def again(problem: Problem, subject: Subject) -> str:
    """The comment that says it happened once more."""
    return f"Again, in {_where(subject)}.\n\n{_evidence(problem)}"


def body(problem: Problem, subject: Subject) -> str:
    """The issue: evidence, cause, what to do, how to stand where it broke. All of it escaped."""
    parts = [
        f"Seen in {_where(subject)}.",
        _evidence(problem),
        *(
            [f"**Likely cause** ({problem.confidence} %): {escape(problem.cause, 1000)}"]
            if problem.cause
            else []
        ),
        "**What to do**\n\n" + fenced("\n".join(problem.fix), "sh"),
    ]
    if (way := subject.diagnosis.reproduce) is not None:
        lines = [way.command, *([f"# in it: {way.run}"] if way.run else [])]
        parts.append("**To stand where it broke**\n\n" + fenced("\n".join(lines), "sh"))
    parts.append(f"Code {problem.code} ({problem.name}), {code(problem.page)}")
    return "\n\n".join(parts)[:BODY_LIMIT] + f"\n\n{marker(problem.fingerprint)}\n"


def _where(subject: Subject) -> str:
    words = [code(subject.name)]
    words += [f"of {code(f'{subject.package} {subject.version}')}"] if subject.package else []
    words += [f"at {code(subject.commit[:12])}"] if subject.commit else []
    return " ".join(words)


def _evidence(problem: Problem) -> str:
    return fenced("\n".join(f"{e.number}: {e.text}" for e in problem.evidence))
