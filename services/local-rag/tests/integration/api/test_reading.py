"""Following a citation: where it stands in its document, the text around it, the original file."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from kit.faces import API, LEASE, add, client_for, make_service, wait_for_job
from kit.files import pdf


def book(client: TestClient) -> int:
    pages = [f"Page {n} is about matter number {n}." for n in range(1, 31)]
    return int(add(client, "book.pdf", pdf(pages))["id"])


def test_a_quotation_is_found_with_its_page(client: TestClient) -> None:
    number = book(client)
    text = client.get(f"{API}/documents/{number}/content").json()["text"]
    # As a snippet has it: white space made one, and cut.
    quote = "Page 7 is\n  about matter number 7. …"
    found = client.get(f"{API}/documents/{number}/place", params={"quote": quote}).json()
    assert found["page"] == 7
    assert text[found["start"] : found["end"]] == "Page 7 is about matter number 7."


def test_a_passage_of_an_answer_is_found(client: TestClient) -> None:
    number = int(add(client, "lease.md", f"# Garden lease\n\n{LEASE}")["id"])
    body = {"question": "When does the lease end?", "passages_only": True}
    passage = client.post(f"{API}/query", json=body).json()["passages"][0]
    place = f"{API}/documents/{number}/place"
    found = client.get(place, params={"chunk": passage["chunk_id"]}).json()
    text = client.get(f"{API}/documents/{number}/content").json()["text"]
    assert text[found["start"] : found["end"]] == passage["text"]
    assert found["heading"] == "Garden lease"
    within = {"chunk": passage["chunk_id"], "quote": "31 March 2031"}
    found = client.get(place, params=within).json()
    assert text[found["start"] : found["end"]] == "31 March 2031"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"quote": "words that are nowhere in it"}, 404),
        ({"chunk": 99}, 404),
        ({"page": 31}, 404),
        ({}, 422),
        ({"quote": ""}, 422),
        ({"quote": "… …"}, 404),
        ({"page": 0}, 422),
    ],
)
def test_what_is_not_there_is_not_found(
    client: TestClient, asked: dict[str, object], status: int
) -> None:
    answer = client.get(f"{API}/documents/{book(client)}/place", params=asked)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]


def test_a_long_document_is_read_window_by_window(client: TestClient) -> None:
    number = book(client)
    page = client.get(f"{API}/documents/{number}/place", params={"page": 12}).json()
    content = client.get(
        f"{API}/documents/{number}/content", params={"offset": page["start"], "limit": 50}
    ).json()
    assert content["text"].startswith("Page 12 is")
    assert [part["page"] for part in content["parts"]] == [12, 13]
    (first, _) = content["parts"]
    assert first["start"] == page["start"]


def test_the_original_comes_back_as_a_file_to_be_saved(client: TestClient) -> None:
    page = b"<script>alert(1)</script><p>A page about gravel.</p>"
    number = add(client, "gärten 2.html", page)["id"]
    answer = client.get(f"{API}/documents/{number}/original")
    assert answer.content == page
    assert answer.headers["content-type"] == "application/octet-stream"
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="g_rten 2.html"; filename*=UTF-8')
    assert "g%C3%A4rten" in disposition
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "local-rag-changed" not in answer.headers


def test_a_file_that_changed_says_so_and_one_that_is_gone_is_not_found(
    client: TestClient, tmp_path: Path
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("words about gravel")
    answer = client.post(f"{API}/imports", json={"sources": [str(file)]})
    wait_for_job(client, answer.json()["id"])
    number = client.get(f"{API}/documents").json()["items"][0]["id"]
    file.write_text("words about gravel, and more of them")
    answer = client.get(f"{API}/documents/{number}/original")
    assert answer.headers["local-rag-changed"] == "yes"
    assert answer.text == "words about gravel, and more of them"
    file.unlink()
    answer = client.get(f"{API}/documents/{number}/original")
    assert (answer.status_code, answer.json()["details"]["code"]) == (404, "not-found")


def test_a_path_that_may_not_be_read_any_more_is_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_text("a secret")
    file = inside / "notes.txt"
    file.write_text("words about gravel")
    service = make_service(tmp_path / "s", imports={"allowed_paths": [inside]})
    with client_for(service) as client:
        answer = client.post(f"{API}/imports", json={"sources": [str(file)]})
        wait_for_job(client, answer.json()["id"])
        file.unlink()
        file.symlink_to(outside / "secret.txt")
        answer = client.get(f"{API}/documents/1/original")
    assert answer.status_code == 403
    assert "secret" not in answer.text.replace("secret.txt", "")
