"""A GitHub for tests with the artifacts of workflow runs, as tests/integration/release/server."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit.github import FakeGithub, example
from werkzeug import Request, Response

REFERENCE = Path(__file__).parents[2] / "reference/github-storage-openapi.json"


@dataclass
class StorageGithub(FakeGithub):
    """Artifacts newest first, as GitHub lists them; and runs, each with its status."""

    reference: Path = REFERENCE
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[int, str] = field(default_factory=dict)
    """Numbers to statuses."""

    def add(self, number: int, name: str, *, run: int = 1, expired: bool = False,
            created: str | None = None) -> None:  # fmt: skip
        made = example("artifact-paginated", self.reference)["artifacts"][0]
        made.update(id=number, name=name, expired=expired)
        made["created_at"] = created or made["created_at"]
        made["workflow_run"]["id"] = run
        self.runs.setdefault(run, "completed")
        self.artifacts.insert(0, made)

    def numbers(self, name: str) -> list[int]:
        return sorted(a["id"] for a in self.artifacts if a["name"] == name)

    def _answer(self, request: Request) -> Response:
        # The description, which is of artifacts, has no releases; there is none.
        if request.path == "/repos/example/greeter/releases":
            return self._json(200, [])
        return super()._answer(request)

    def _do(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        if parts[:4] != ["repos", "example", "greeter", "actions"]:
            return super()._do(request)
        if parts[4:] == ["runs"]:
            wanted = request.args["status"]
            found = [self._run(n) for n, status in self.runs.items() if status == wanted]
            return self._all(request, "workflow_runs", found)
        if parts[4:] == ["artifacts"]:
            return self._all(request, "artifacts", self.artifacts)
        before = len(self.artifacts)
        self.artifacts = [a for a in self.artifacts if a["id"] != int(parts[5])]
        if len(self.artifacts) == before:
            return self._json(404, {"message": "Not Found"})
        return Response(status=204)

    def _run(self, number: int) -> dict[str, Any]:
        run: dict[str, Any] = example("workflow-run-paginated", self.reference)["workflow_runs"][0]
        run.update(id=number, status=self.runs[number], conclusion=None)
        return run

    def _all(self, request: Request, name: str, items: list[dict[str, Any]]) -> Response:
        return self._json(200, {"total_count": len(items), name: self._page(request, items)})
