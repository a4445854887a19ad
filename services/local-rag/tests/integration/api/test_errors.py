"""Every error has one shape and the right status, whatever caused it."""

from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from kit.faces import API
from local_rag.core.errors import RagError
from local_rag.index.documents_table import Documents


def check(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert set(body) == {"error", "details", "timestamp"}
    assert body["error"]
    assert body["details"]["code"] == code
    assert datetime.fromisoformat(body["timestamp"]).utcoffset() is not None
    return body


@pytest.mark.parametrize(
    "path", ["/nothing", f"{API}/nothing", f"{API}/documents/1/nothing", "/static/nothing.js"]
)
def test_unknown_paths(client: TestClient, path: str) -> None:
    body = check(client.get(path), 404, "not-found")
    assert path in body["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", f"{API}/documents", {"GET", "POST"}),
        ("PATCH", f"{API}/documents/1", {"GET", "DELETE"}),
        ("GET", f"{API}/query", {"POST"}),
        ("GET", f"{API}/system/reset", {"POST"}),
        ("DELETE", f"{API}/health", {"GET"}),
        ("POST", f"{API}/imports/x", {"GET", "DELETE"}),
        ("POST", "/", {"GET", "HEAD"}),
        ("TRACE", f"{API}/documents", {"GET", "POST"}),
        ("BREW", f"{API}/query", {"POST"}),
    ],
)
def test_wrong_methods_name_the_right_ones(
    client: TestClient, method: str, path: str, allowed: set[str]
) -> None:
    body = check(client.request(method, path), 405, "method-not-allowed")
    assert set(body["details"]["allowed"]) == allowed


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/query", {}, "question"),
        ("/query", {"question": ""}, "question"),
        ("/query", {"question": "   "}, "question"),
        ("/query", {"question": "x" * 4001}, "question"),
        ("/query", {"question": "x", "k": 0}, "k"),
        ("/query", {"question": "x", "k": 1e9}, "k"),
        ("/query", {"question": "x", "unknown": 1}, "unknown"),
        ("/query", {"question": ["x"]}, "question"),
        ("/query", {"question": "a\x00b"}, "question"),
        ("/query", [], "body"),
        ("/query", "text", "body"),
        ("/imports", {"sources": []}, "sources"),
        ("/imports", {"sources": "x"}, "sources"),
        ("/imports", {"sources": [""]}, "sources"),
        ("/imports", {"sources": ["x"] * 1001}, "sources"),
        ("/imports", {"sources": ["x" * 5000]}, "sources"),
        ("/system/reset", {}, "confirm"),
        ("/system/reset", {"confirm": "yes"}, "confirm"),
        ("/models/pull", {"url": "http://x/", "sha256": "abc"}, "sha256"),
        ("/models/use", {"kind": "other", "name": "x"}, "kind"),
    ],
)
def test_invalid_bodies_name_the_field(
    client: TestClient, path: str, body: Any, field: str
) -> None:
    found = check(client.post(API + path, json=body), 422, "invalid-input")
    assert any(field in item["field"] for item in found["details"]["fields"])


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/documents?limit=0", "limit"),
        ("/documents?limit=abc", "limit"),
        ("/documents?offset=-1", "offset"),
        ("/documents?limit=99999999999999999999", "limit"),
        ("/documents/0", "document_id"),
        ("/documents/abc", "document_id"),
        ("/documents/1;DROP TABLE documents", "document_id"),
        ("/documents/99999999999999999999", "document_id"),
        ("/imports/x/items?state=nonsense", "state"),
    ],
)
def test_invalid_parameters_name_the_field(client: TestClient, path: str, field: str) -> None:
    found = check(client.get(API + path), 422, "invalid-input")
    assert field in found["details"]["fields"][0]["field"]


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"{'question': 1}", b'{"question": "'])
def test_what_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post(f"{API}/query", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"error", "details", "timestamp"}


def test_half_characters_are_refused(client: TestClient) -> None:
    answer = client.post(
        f"{API}/query",
        content=b'{"question": "\\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    check(answer, 422, "invalid-input")


def test_deep_json_is_refused(client: TestClient) -> None:
    answer = client.post(
        f"{API}/query",
        content=b"[" * 200_000,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"error", "details", "timestamp"}


def test_many_wrong_fields_make_a_short_answer(client: TestClient) -> None:
    body = {f"field{n}": "x" * 100 for n in range(5000)}
    answer = client.post(f"{API}/query", json=body)
    check(answer, 422, "invalid-input")
    assert len(answer.content) < 10_000


def test_a_form_is_no_json(client: TestClient) -> None:
    # A plain form of a foreign page needs no permission of the browser, so it must do nothing.
    answer = client.post(
        f"{API}/system/reset",
        content='{"confirm": "reset"}',
        headers={"Content-Type": "text/plain"},
    )
    check(answer, 422, "invalid-input")


@pytest.mark.parametrize("path", ["/documents/1", "/documents/1/content", "/imports/none",
                                  "/imports/none/items", "/system/backups/none",
                                  "/models/pulls/none"])  # fmt: skip
def test_what_is_not_there(client: TestClient, path: str) -> None:
    check(client.get(API + path), 404, "not-found")


def test_a_crash_shows_a_reference_and_no_traceback(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(Documents, "list", crash)
    body = check(client.get(f"{API}/documents"), 500, "internal")
    assert body["details"]["reference"] in body["details"]["hint"]
    assert "secret" not in str(body)


def test_errors_of_our_own_carry_hint_and_details(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Teapot(RagError):
        status = 418
        code = "teapot"

    def fail(*_: object, **__: object) -> None:
        raise Teapot("short and stout", hint="tip it", details={"path": object})

    monkeypatch.setattr(Documents, "list", fail)
    body = check(client.get(f"{API}/documents"), 418, "teapot")
    assert body["details"]["hint"] == "tip it"
