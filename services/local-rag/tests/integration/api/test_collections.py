"""Collections over HTTP: asked apart or together, with watched folders of their own."""

import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from kit.faces import API, BEES, BREAD, LEASE, add, client_for, make_service, wait_for_job

QUESTION = "When does the lease of the garden end?"


def begin(client: TestClient, name: str) -> int:
    answer = client.post(f"{API}/collections", json={"name": name})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def found(client: TestClient, question: str, *collections: int, **more: object) -> list[str]:
    body = {"question": question, "passages_only": True, "collections": collections, **more}
    answer = client.post(f"{API}/query", json=body)
    assert answer.status_code == 200, answer.text
    return [passage["title"] for passage in answer.json()["passages"]]


def titles(client: TestClient, collection: int) -> list[str]:
    page = client.get(f"{API}/documents?collection={collection}").json()
    assert page["total"] == len(page["items"])
    return sorted(item["title"] for item in page["items"])


@pytest.mark.parametrize("mode", ["hybrid", "vector", "keyword"])
def test_a_collection_is_asked_apart_and_two_together(client: TestClient, mode: str) -> None:
    home, club = begin(client, "Home"), begin(client, "Club")
    add(client, "lease.md", LEASE, collection=str(home))
    add(client, "bees.md", BEES, collection=str(club))
    add(client, "bread.md", BREAD)
    assert "lease.md" in found(client, QUESTION, mode=mode)
    assert found(client, QUESTION, home, mode=mode) == ["lease.md"]
    assert "lease.md" not in found(client, QUESTION, club, mode=mode)
    both = found(client, "Which colony or lease of the garden?", home, club, mode=mode)
    assert set(both) <= {"lease.md", "bees.md"}
    assert "lease.md" in both
    assert (titles(client, home), titles(client, club)) == (["lease.md"], ["bees.md"])


def test_a_chat_may_ask_a_collection(client: TestClient) -> None:
    club = begin(client, "Club")
    add(client, "lease.md", LEASE)
    add(client, "bees.md", BEES, collection=str(club))
    chat = client.post(f"{API}/chats", json={}).json()["id"]
    body = {"question": QUESTION, "collections": [club], "passages_only": True}
    answer = client.post(f"{API}/chats/{chat}/query", json=body).json()["answer"]
    assert "lease.md" not in [passage["title"] for passage in answer["passages"]]


def test_a_document_is_moved_and_a_deleted_collection_leaves_its_documents(
    client: TestClient,
) -> None:
    home, club = begin(client, "Home"), begin(client, "Club")
    number = add(client, "lease.md", LEASE, collection=str(home))["id"]
    moved = client.put(f"{API}/documents/{number}/collection", json={"collection": club})
    assert moved.status_code == 200
    assert (titles(client, home), titles(client, club)) == ([], ["lease.md"])
    assert client.delete(f"{API}/collections/{club}").status_code == 204
    assert found(client, QUESTION) == ["lease.md"]
    assert client.get(f"{API}/documents").json()["total"] == 1
    client.put(f"{API}/documents/{number}/collection", json={"collection": home})
    client.put(f"{API}/documents/{number}/collection", json={"collection": None})
    assert titles(client, home) == []


def test_importing_again_into_a_collection_moves_what_has_not_changed(
    client: TestClient, tmp_path: Path
) -> None:
    file = tmp_path / "lease.md"
    file.write_text(LEASE)
    home, club = begin(client, "Home"), begin(client, "Club")
    for collection in (home, club, None):
        body = {"sources": [str(file)], "collection": collection}
        job = wait_for_job(client, client.post(f"{API}/imports", json=body).json()["id"])
        assert job["state"] == "done"
    assert (titles(client, home), titles(client, club)) == ([], ["lease.md"])


def test_the_folder_of_a_collection_is_watched(tmp_path: Path) -> None:
    folder = tmp_path / "club"
    folder.mkdir()
    (folder / "bees.md").write_text(BEES)
    service = make_service(tmp_path / "s", imports={"watch_interval_s": 1})
    with client_for(service) as client:
        club = begin(client, "Club")
        answer = client.post(f"{API}/collections/{club}/folders", json={"path": str(folder)})
        assert answer.json()["folders"] == [str(folder)]
        until(lambda: titles(client, club) == ["bees.md"])
        (folder / "bread.md").write_text(BREAD)
        until(lambda: titles(client, club) == ["bees.md", "bread.md"])
        path = {"path": str(folder)}
        assert client.delete(f"{API}/collections/{club}/folders", params=path).status_code == 200
        assert client.get(f"{API}/collections/{club}").json()["folders"] == []
        assert client.delete(f"{API}/collections/{club}/folders", params=path).status_code == 404
        assert titles(client, club) == ["bees.md", "bread.md"]


def until(condition: Any, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_names_are_taken_once_and_can_be_changed(client: TestClient) -> None:
    home, club = begin(client, "Home"), begin(client, "Club")
    assert client.post(f"{API}/collections", json={"name": "home"}).status_code == 409
    assert client.put(f"{API}/collections/{club}", json={"name": "HOME"}).status_code == 409
    assert client.put(f"{API}/collections/{home}", json={"name": "HOME"}).status_code == 200
    items = client.get(f"{API}/collections").json()["items"]
    assert [item["name"] for item in items] == ["Club", "HOME"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/collections/9", None, 404),
        ("PUT", "/collections/9", {"name": "x"}, 404),
        ("DELETE", "/collections/9", None, 404),
        ("POST", "/collections", {"name": "  "}, 422),
        ("POST", "/collections/9/folders", {"path": "/tmp"}, 404),
        ("POST", "/imports", {"sources": ["/tmp"], "collection": 9}, 404),
        ("POST", "/query", {"question": "Why?", "collections": [9]}, 404),
        ("PUT", "/documents/9/collection", {"collection": None}, 404),
    ],
)
def test_what_is_not_there_is_not_found(
    client: TestClient, method: str, path: str, body: object, status: int
) -> None:
    answer = client.request(method, f"{API}{path}", json=body)
    assert answer.status_code == status, answer.text


def test_only_folders_that_may_be_read_are_watched(client: TestClient, tmp_path: Path) -> None:
    club = begin(client, "Club")
    (tmp_path / "file.txt").write_text("x")
    for path, status in ((tmp_path / "file.txt", 422), ("/etc/local-rag", 403), ("/none", 404)):
        answer = client.post(f"{API}/collections/{club}/folders", json={"path": str(path)})
        assert answer.status_code == status
    assert client.get(f"{API}/collections/{club}").json()["folders"] == []
