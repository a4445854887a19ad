"""A GitHub for tests: it keeps releases and assets, and can have bad days.

Every request it gets and every answer it gives is validated against GitHub's own OpenAPI
description (tests/reference); what does not fit is kept in `wrong`, which no test may leave
filled. Answers are made from the description's own examples.
"""

import copy
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse
from werkzeug import Request, Response
from werkzeug.serving import make_server

REFERENCE = Path(__file__).parents[1] / "reference/github-releases-openapi.json"
SETTINGS = REFERENCE.with_name("github-settings-openapi.json")
API, UPLOADS = "https://api.github.com", "https://uploads.github.com"
TOKEN = "ghs_ThisIsTheTokenOfTheTests"

# What the description, which is of releases, does not have; the tokens of GitHub Actions may not
# read it.
FORBIDDEN = ("/repos/example/greeter/actions/secrets", "/repos/example/greeter/actions/runners")

_SETTING = re.compile(r"^/repos/[^/]+/[^/]+/(actions/permissions|environments/.+|rulesets|pages)$")

Fault = Callable[[Request], Response | None]


@cache
def description(reference: Path = REFERENCE) -> tuple[dict[str, Any], OpenAPI]:
    data = json.loads(reference.read_text())
    return data, OpenAPI.from_dict(data)


def example(name: str, reference: Path = REFERENCE) -> Any:
    return copy.deepcopy(description(reference)[0]["components"]["examples"][name]["value"])


@dataclass
class FakeGithub:
    """The state, and what happened."""

    releases: dict[int, dict[str, Any]] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """Asked in turn before a request is done; the first that answers is used up."""
    after: list[Fault] = field(default_factory=list)
    """The same, when the request has been done: the answer gets lost."""
    permissions: dict[str, bool] | None = None
    reference: Path = REFERENCE
    url: str = ""
    _next: int = 100
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def application(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        with self._lock:
            response = self._answer(request)
        return response(environ, start)

    def _answer(self, request: Request) -> Response:
        self.requests.append(f"{request.method} {request.path}")
        if request.path.startswith("/store/"):
            return self._stored(request)
        if request.path in FORBIDDEN:
            return self._json(403, {"message": "Resource not accessible by integration"})
        if _SETTING.search(request.path):
            return self._setting(request)
        self._validate_request(request)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._json(401, {"message": "Bad credentials"})
        if (spoiled := self._spoiled(self.faults, request)) is not None:
            return spoiled
        response = self._do(request)
        self._validate_response(request, response)
        return self._spoiled(self.after, request) or response

    @staticmethod
    def _spoiled(faults: list[Fault], request: Request) -> Response | None:
        for fault in list(faults):
            if (answer := fault(request)) is not None:
                faults.remove(fault)
                return answer
        return None

    def _setting(self, request: Request) -> Response:
        """What GitHub says of the repository's settings to the token of a workflow.

        "Permissions required for GitHub Apps" of docs.github.com: the settings of Actions, secrets
        and Pages are for rights that such a token has not. The repository has no environments and
        no rules.
        """
        self._validate_request(request, SETTINGS)
        if request.path.endswith(("/actions/permissions", "/pages", "/secrets")):
            return self._json(403, {"message": "Resource not accessible by integration"})
        if "/environments/" in request.path:
            return self._json(404, {"message": "Not Found"})
        return self._list(request, [])

    def _do(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        if parts[:3] != ["repos", "example", "greeter"]:
            return self._json(404, {"message": "Not Found"})
        key, rest = request.method, parts[3:]
        if rest and rest[0] == "git":
            return self._tag("/".join(rest[3:]))
        number = next((r for r in rest if r.isdecimal()), "")
        # The kind of request: its path with the number left out.
        kind = " ".join([key, *(r for r in rest if not r.isdecimal())])
        if kind == "GET releases assets" and rest[-1].isdecimal():
            kind += " "  # of one asset, not of a release's
        answers: dict[str, Callable[[], Response]] = {
            "GET": lambda: self._json(200, self._repository()),
            "GET releases": lambda: self._list(request, list(self.releases.values())[::-1]),
            "POST releases": lambda: self._create(request.get_json()),
            "GET releases assets": lambda: self._list(request, self._release(number)["assets"]),
            "GET releases assets ": lambda: self._place(request, number),
            "POST releases assets": lambda: self._upload(request, number),
            "DELETE releases assets": lambda: self._delete(int(number)),
            "PATCH releases": lambda: self._change(number, request.get_json()),
        }
        return answers[kind]()

    def _list(self, request: Request, items: list[Any]) -> Response:
        return self._json(200, self._page(request, items))

    def _page(self, request: Request, items: list[Any]) -> list[Any]:
        size, page = int(request.args.get("per_page", 30)), int(request.args.get("page", 1))
        return items[(page - 1) * size : page * size]

    def _repository(self) -> dict[str, Any]:
        data: dict[str, Any] = example("full-repository-default-response")
        data["full_name"] = "example/greeter"
        # The schema wants these, and the description's own example lacks them.
        data["language"] = None
        for name in ("parent", "source", "template_repository"):
            data.pop(name, None)
        data.pop("permissions", None)  # as for the tokens of GitHub Actions
        if self.permissions is not None:
            data["permissions"] = {"pull": True, "admin": False, **self.permissions}
        return data

    def _tag(self, name: str) -> Response:
        if name not in self.tags:
            return self._json(404, {"message": "Not Found"})
        data = example("git-ref")
        data["ref"] = f"refs/tags/{name}"
        data["object"]["sha"] = self.tags[name]
        return self._json(200, data)

    def _create(self, wanted: dict[str, Any]) -> Response:
        if not wanted.get("draft") and any(
            r["tag_name"] == wanted["tag_name"] and not r["draft"] for r in self.releases.values()
        ):
            return self._exists("Release", "tag_name")
        data = example("release")
        number = self._number()
        data.update(wanted, id=number, assets=[])
        data["upload_url"] = (
            f"{self.url}/repos/example/greeter/releases/{number}/assets{{?name,label}}"
        )
        data["html_url"] = f"https://github.com/example/greeter/releases/tag/{wanted['tag_name']}"
        self.releases[number] = data
        return self._json(201, data)

    def _release(self, number: str) -> dict[str, Any]:
        return self.releases[int(number)]

    def _change(self, number: str, wanted: dict[str, Any]) -> Response:
        release = self._release(number)
        release.update(wanted)
        return self._json(200, release)

    def _upload(self, request: Request, number: str) -> Response:
        assets = self._release(number)["assets"]
        name = request.args["name"]
        if any(a["name"] == name for a in assets):
            return self._exists("ReleaseAsset", "name")
        data = request.get_data()
        asset = example("release-asset-response-for-successful-upload")
        asset.update(
            id=self._number(), name=name, size=len(data), state="uploaded", label="",
            digest="sha256:" + hashlib.sha256(data).hexdigest(),
        )  # fmt: skip
        assets.append(asset)
        self.contents[asset["id"]] = data
        return self._json(201, asset)

    def _place(self, request: Request, number: str) -> Response:
        """Where the content is: another host's in truth, that must not see the token."""
        if request.headers.get("Accept") != "application/octet-stream":
            self.wrong.append("an asset's description was asked for")
        response = Response(status=302, mimetype="application/json")
        response.headers["Location"] = f"{self.url}/store/{number}?signed=1"
        return response

    def _stored(self, request: Request) -> Response:
        if "Authorization" in request.headers:
            self.wrong.append("the token was sent to the store")
        return Response(
            self.contents[int(request.path.rsplit("/", 1)[1])], mimetype="application/octet-stream"
        )

    def _delete(self, number: int) -> Response:
        for release in self.releases.values():
            release["assets"] = [a for a in release["assets"] if a["id"] != number]
        self.contents.pop(number, None)
        return Response(status=204)

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _exists(self, resource: str, name: str) -> Response:
        error = {"resource": resource, "code": "already_exists", "field": name}
        return self._json(422, {"message": "Validation Failed", "errors": [error]})

    @staticmethod
    def _json(status: int, data: Any) -> Response:
        return Response(json.dumps(data), status=status, mimetype="application/json")

    def _validate_request(self, request: Request, reference: Path | None = None) -> None:
        try:
            description(reference or self.reference)[1].validate_request(self._as_request(request))
        except OpenAPIError as error:
            self.wrong.append(
                f"request {request.method} {request.path}: {error}: {error.__cause__}"
            )

    def _validate_response(self, request: Request, response: Response) -> None:
        mock = MockResponse(
            response.get_data(), status_code=response.status_code,
            content_type=response.mimetype or "application/json",
        )  # fmt: skip
        try:
            description(self.reference)[1].validate_response(self._as_request(request), mock)
        except OpenAPIError as error:
            cause = error.__cause__
            self.wrong.append(
                f"answer {response.status_code} to {request.method} {request.path}: {error}: "
                f"{getattr(cause, 'schema_errors', cause)}"
            )

    @staticmethod
    def _as_request(request: Request) -> MockRequest:
        upload = request.method == "POST" and request.path.endswith("/assets")
        # A ref has slashes in it, which OpenAPI 3.0 cannot say of a parameter in a path.
        start, ref, name = request.path.partition("/git/ref/")
        return MockRequest(
            UPLOADS if upload else API,
            (request.method or "get").lower(),
            start + ref + name.replace("/", "%2F"),
            args=dict(request.args),
            headers=dict(request.headers),
            data=request.get_data(),
            content_type=request.mimetype or "application/json",
        )

    def draft_of(self, tag: str) -> dict[str, Any]:
        (release,) = [r for r in self.releases.values() if r["tag_name"] == tag]
        return release

    def files_of(self, tag: str) -> dict[str, bytes]:
        return {a["name"]: self.contents[a["id"]] for a in self.draft_of(tag)["assets"]}


Hub = TypeVar("Hub", bound=FakeGithub)


@contextmanager
def serving(github: Hub) -> Iterator[Hub]:
    server = make_server("127.0.0.1", 0, github.application, threaded=True)
    github.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def once(method: str, ending: str, response: Response) -> Fault:
    """Answers the next request of that kind with `response`."""

    def fault(request: Request) -> Response | None:
        fits = request.method == method and request.path.endswith(ending)
        return response if fits else None

    return fault
