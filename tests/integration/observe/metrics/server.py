"""A GitHub for tests with workflow runs, jobs and issues, as tests/integration/release/server."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openapi_core.testing import MockRequest
from tests.kit.github import FakeGithub, example
from werkzeug import Request, Response
from werkzeug.datastructures import ImmutableMultiDict

REFERENCE = Path(__file__).parents[3] / "reference/github-metrics-openapi.json"


@dataclass
class MetricsGithub(FakeGithub):
    """Runs newest first, as GitHub lists them; issues as they are made."""

    reference: Path = REFERENCE
    runs: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: list[tuple[int, str]] = field(default_factory=list)
    most: int = 1000
    """Results for one question."""

    def add_run(
        self, number: int, at: datetime, jobs: list[dict[str, Any]], **changes: Any
    ) -> None:
        run = example("workflow-run-paginated", self.reference)["workflow_runs"][0]
        time = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        run.update({
            "id": number, "run_attempt": 1, "status": "completed", "conclusion": "success",
            "head_branch": "main", "created_at": time, "run_started_at": time, "updated_at": time,
            "html_url": f"https://github.com/example/greeter/actions/runs/{number}", **changes,
        })  # fmt: skip
        self.runs.insert(0, run)
        self.jobs[number] = jobs

    def job(self, name: str, at: datetime, **changes: Any) -> dict[str, Any]:
        job: dict[str, Any] = example("job-paginated", self.reference)["jobs"][0]
        time = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        job.update({
            "name": name, "status": "completed", "conclusion": "success", "created_at": time,
            "started_at": time, "completed_at": time, "steps": [], "labels": ["ubuntu-24.04"],
            "run_attempt": 1,
            **changes,
        })  # fmt: skip
        return job

    def _do(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        if parts[:3] != ["repos", "example", "greeter"]:
            return self._json(404, {"message": "Not Found"})
        rest = parts[3:]
        if rest[:1] == ["actions"]:
            return self._actions(request, rest[1:])
        if rest[:1] == ["issues"]:
            return self._issues(request, rest[1:])
        return super()._do(request)

    @staticmethod
    def _as_request(request: Request) -> MockRequest:
        made = FakeGithub._as_request(request)
        # The description calls it a date-time; GitHub's page on searching has the ranges.
        if "created" in request.args:
            first = request.args["created"].removeprefix(">=").partition("..")[0]
            query = ImmutableMultiDict({**dict(request.args), "created": first})
            made.parameters = replace(made.parameters, query=query)
        return made

    def _actions(self, request: Request, rest: list[str]) -> Response:
        if rest[-1] == "jobs":
            attempt = int(rest[3])
            jobs = [j for j in self.jobs[int(rest[1])] if j["run_attempt"] <= attempt]
            return self._json(200, {"total_count": len(jobs), "jobs": self._page(request, jobs)})
        found = [r for r in self.runs if _within(r["created_at"], request.args["created"])]
        page = self._page(request, found[: self.most])
        return self._json(200, {"total_count": len(found), "workflow_runs": page})

    def _issues(self, request: Request, rest: list[str]) -> Response:
        if rest[1:] == ["comments"]:
            self.comments.append((int(rest[0]), request.get_json()["body"]))
            return self._json(201, example("issue-comment", self.reference))
        if request.method == "GET":
            wanted = request.args["labels"]
            found = [i for i in list(self.issues.values())[::-1]
                     if wanted in [x["name"] for x in i["labels"]]]  # fmt: skip
            return self._list(request, found)
        wanted = request.get_json()
        if request.method == "PATCH":
            self.issues[int(rest[0])].update(wanted)
            return self._json(200, self.issues[int(rest[0])])
        issue: dict[str, Any] = example("issue", self.reference)
        number = self._number()
        label = {**issue["labels"][0], "name": wanted["labels"][0]}
        issue.pop("pull_request", None)
        issue.update(
            number=number, state="open", title=wanted["title"], body=wanted["body"],
            labels=[label], html_url=f"https://github.com/example/greeter/issues/{number}",
        )  # fmt: skip
        self.issues[number] = issue
        return self._json(201, issue)


def _within(at: str, span: str) -> bool:
    if span.startswith(">="):
        return at >= span[2:]
    first, _, last = span.partition("..")
    return first <= at <= last


def now() -> datetime:
    return datetime.now(UTC)
