"""Documents: added, listed, shown, hidden, purged; with limits and hostile names."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from kit.faces import (
    API,
    BEES,
    BREAD,
    LEASE,
    LiveServer,
    add,
    client_for,
    make_service,
    wait_for_job,
)
from local_rag.run.service import Service


def search(client: TestClient, question: str) -> list[str]:
    answer = client.post(f"{API}/query", json={"question": question})
    assert answer.status_code == 200, answer.text
    return [passage["title"] for passage in answer.json()["passages"]]


def test_an_upload_becomes_a_document(client: TestClient) -> None:
    answer = client.post(f"{API}/documents", files={"file": ("lease.md", LEASE.encode())})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"{API}/imports/{job['id']}"
    assert job["items_url"] == f"{API}/imports/{job['id']}/items"
    assert wait_for_job(client, job["id"])["done"] == 1
    page = client.get(f"{API}/documents").json()
    assert page["total"] == 1
    item = page["items"][0]
    assert item["media_type"] == "text/markdown"
    assert item["chunk_count"] == 1
    assert item["deleted"] is None
    assert len(item["content_hash"]) == 64


def test_several_files_in_one_form(client: TestClient) -> None:
    files = [("file", ("a.txt", LEASE)), ("file", ("b.txt", BREAD)), ("file", ("c.txt", BEES))]
    job = client.post(f"{API}/documents", files=files).json()
    assert wait_for_job(client, job["id"])["done"] == 3
    assert client.get(f"{API}/documents").json()["total"] == 3


def test_metadata_is_kept(client: TestClient) -> None:
    item = add(client, "a.txt", LEASE, **{"meta.project": "garden", "meta.": "nothing"})
    assert item["metadata"]["project"] == "garden"
    assert "" not in item["metadata"]


def test_the_text_can_be_read_in_parts(client: TestClient) -> None:
    item = add(client, "a.txt", LEASE)
    whole = client.get(f"{API}/documents/{item['id']}/content").json()
    assert whole["text"].strip() == LEASE
    assert whole["total_chars"] == len(whole["text"])
    part = client.get(f"{API}/documents/{item['id']}/content?offset=4&limit=5").json()
    assert part["text"] == LEASE[4:9]
    beyond = client.get(f"{API}/documents/{item['id']}/content?offset=999999").json()
    assert beyond["text"] == ""


def test_a_deleted_document_is_in_no_answer_and_can_come_back(client: TestClient) -> None:
    item = add(client, "lease.txt", LEASE)
    assert search(client, "When does the lease of the garden end?")
    assert client.delete(f"{API}/documents/{item['id']}").status_code == 204
    assert search(client, "When does the lease of the garden end?") == []
    assert client.get(f"{API}/documents").json()["total"] == 0
    shown = client.get(f"{API}/documents?deleted=true").json()
    assert shown["items"][0]["deleted"] is not None
    assert client.get(f"{API}/documents/{item['id']}").status_code == 200
    back = client.post(f"{API}/documents/{item['id']}/restore")
    assert back.json()["deleted"] is None
    assert search(client, "When does the lease of the garden end?")


def test_purge_leaves_nothing(client: TestClient, service: Service) -> None:
    item = add(client, "lease.txt", LEASE)
    assert client.delete(f"{API}/documents/{item['id']}?purge=true").status_code == 204
    assert client.get(f"{API}/documents/{item['id']}").status_code == 404
    assert client.get(f"{API}/documents/{item['id']}/content").status_code == 404
    assert client.get(f"{API}/documents?deleted=true").json()["total"] == 0
    data = service.settings.storage.data_dir
    assert [path for path in (data / "uploads").rglob("*") if path.is_file()] == []


def test_a_purged_upload_leaves_not_even_its_name(client: TestClient, service: Service) -> None:
    item = add(client, "secret-name.txt", LEASE)
    client.delete(f"{API}/documents/{item['id']}?purge=true")
    assert service.engine.store().jobs.rejects() == {}


def test_delete_twice_is_once_and_purge_needs_a_document(client: TestClient) -> None:
    item = add(client, "a.txt", LEASE)
    assert client.delete(f"{API}/documents/{item['id']}").status_code == 204
    assert client.delete(f"{API}/documents/{item['id']}").status_code == 204
    assert client.delete(f"{API}/documents/{item['id']}?purge=true").status_code == 204
    assert client.delete(f"{API}/documents/{item['id']}?purge=true").status_code == 404


def test_pages_of_the_list_do_not_overlap(client: TestClient) -> None:
    for number in range(5):
        add(client, f"note{number}.txt", f"Note number {number} about subject {number}.")
    seen: list[int] = []
    for offset in (0, 2, 4):
        page = client.get(f"{API}/documents?limit=2&offset={offset}").json()
        assert page["total"] == 5
        seen += [item["id"] for item in page["items"]]
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("needle", ["100%", "a_b", "back\\slash", "'; DROP TABLE documents; --"])
def test_the_filter_takes_every_character_as_itself(client: TestClient, needle: str) -> None:
    add(client, "plain.txt", LEASE)
    assert client.get(f"{API}/documents", params={"q": needle}).json()["total"] == 0
    assert client.get(f"{API}/documents", params={"q": "plain"}).json()["total"] == 1


def test_the_same_content_from_two_names_is_one_document_with_two_sources(
    client: TestClient,
) -> None:
    first = add(client, "one.txt", LEASE)
    second = add(client, "two.txt", LEASE + "\n\n")
    assert first["id"] == second["id"]
    assert len(second["sources"]) == 2


def test_another_file_of_the_same_name_does_not_push_the_first_out(client: TestClient) -> None:
    add(client, "readme.txt", LEASE)
    add(client, "readme.txt", BREAD)
    assert client.get(f"{API}/documents").json()["total"] == 2


def test_replace_replaces(client: TestClient) -> None:
    first = add(client, "readme.txt", LEASE)
    second = add(client, "readme.txt", BREAD, replace="true")
    assert client.get(f"{API}/documents").json()["total"] == 1
    assert first["content_hash"] != second["content_hash"]


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/cron.d/evil.txt",
        "/etc/passwd.txt",
        "..\\..\\evil.txt",
        "a\x1b[31m.txt",
        "x" * 1000 + ".txt",
        "<img src=x onerror=alert(1)>.txt",
        "'; DROP TABLE documents; --.txt",
        "日本語.txt",
        ".hidden.txt",
        "con.txt",
        "a/b/c/d.txt",
        "line\nbreak.txt",
        "%2e%2e%2fescape.txt",
        '"quoted".txt',
    ],
)
def test_hostile_names_stay_in_their_directory(
    client: TestClient, service: Service, tmp_path: Path, name: str
) -> None:
    before = {path for path in tmp_path.rglob("*") if "data" not in path.parts}
    item = add(client, name, LEASE)
    assert {path for path in tmp_path.rglob("*") if "data" not in path.parts} == before
    assert item["title"].isprintable()
    uploads = service.settings.storage.uploads.resolve()
    for path in service.settings.storage.data_dir.rglob("*.txt"):
        assert path.resolve().is_relative_to(uploads)


@pytest.mark.parametrize("name", ["..", "/", "...", " "])
def test_unusable_names_are_refused(client: TestClient, name: str) -> None:
    answer = client.post(f"{API}/documents", files={"file": (name, b"text")})
    assert answer.status_code == 422


def test_a_form_without_a_file_is_refused(client: TestClient) -> None:
    answer = client.post(f"{API}/documents", data={"file": "text"}, files={"x": ("", b"")})
    assert answer.status_code == 422
    assert "no file" in answer.json()["error"]


def test_no_form_at_all_is_refused(client: TestClient) -> None:
    answer = client.post(f"{API}/documents", json={"file": "x"})
    assert answer.status_code == 422
    assert "curl" in answer.json()["details"]["hint"]


def small(tmp_path: Path) -> Service:
    return make_service(tmp_path, server={"max_upload_mb": 1})


def left_in(service: Service) -> list[Path]:
    return [path for path in service.settings.storage.uploads.rglob("*") if path.is_file()]


def test_an_announced_size_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    service = small(tmp_path)
    with client_for(service) as client:
        answer = client.post(f"{API}/documents", files={"file": ("big.txt", b"x" * 2_000_000)})
        assert answer.status_code == 413
        assert answer.json()["details"]["code"] == "too-large"
        assert left_in(service) == []


def test_a_body_that_grows_over_the_limit_is_cut_off(tmp_path: Path) -> None:
    service = small(tmp_path)
    sent = 0

    def body() -> Any:
        nonlocal sent
        yield b'--B\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\n\r\n'
        for _ in range(100):
            sent += 100_000
            yield b"x" * 100_000

    with client_for(service) as client:
        answer = client.post(
            f"{API}/documents",
            content=body(),
            headers={"Content-Type": "multipart/form-data; boundary=B"},
        )
        assert answer.status_code == 413
        assert left_in(service) == []


def test_the_limit_of_100_mb_holds_against_a_body_of_unknown_length(tmp_path: Path) -> None:
    """Over a real socket: nothing is kept, and the service goes on."""
    block = b"x" * 1_000_000

    def body() -> Any:
        yield b'--B\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\n\r\n'
        for _ in range(110):
            yield block

    with LiveServer(make_service(tmp_path)) as server:
        with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
            try:
                answer = client.post(
                    f"{API}/documents",
                    content=body(),
                    headers={"Content-Type": "multipart/form-data; boundary=B"},
                )
            except httpx.TransportError:
                pass  # the service hung up on us, which is as good
            else:
                assert answer.status_code == 413
        assert left_in(server.service) == []
        answer = httpx.get(f"{server.url}/health", trust_env=False, timeout=60)
        assert answer.status_code == 200


def test_a_file_just_under_the_limit_is_taken(tmp_path: Path) -> None:
    line = b"The quick brown fox jumps over the lazy dog.\n"
    content = line * (999_000 // len(line))
    with client_for(small(tmp_path)) as client:
        answer = client.post(f"{API}/documents", files={"file": ("big.txt", content)})
        assert answer.status_code == 202


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999999", "abc"])
def test_a_forged_length_is_refused(client: TestClient, length: str) -> None:
    answer = client.post(
        f"{API}/documents",
        content=b"",
        headers={"Content-Type": "multipart/form-data; boundary=B", "Content-Length": length},
    )
    assert answer.status_code == 413


def test_huge_json_is_refused(client: TestClient) -> None:
    answer = client.post(f"{API}/query", json={"question": "x" * 2_000_000})
    assert answer.status_code == 413
    assert set(answer.json()) == {"error", "details", "timestamp"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.pdf", b"%PDF-1.7 this is none"),
        ("broken.docx", b"PK\x03\x04 this is none"),
        ("empty.txt", b""),
        ("program.exe", b"MZ\x90\x00" + bytes(range(256))),
        ("noise.txt", bytes(range(256)) * 50),
    ],
)
def test_what_is_no_document_fails_with_a_reason_and_leaves_nothing(
    client: TestClient, name: str, content: bytes
) -> None:
    answer = client.post(f"{API}/documents", files={"file": (name, content)})
    if answer.status_code == 202:
        job = wait_for_job(client, answer.json()["id"])
        # An empty file is nothing wrong.
        state = "skipped" if name == "empty.txt" else "failed"
        items = client.get(f"{API}/imports/{job['id']}/items?state={state}").json()["items"]
        assert len(items) == 1
        assert len(items[0]["error"]) > 10
        assert "Traceback" not in items[0]["error"]
    else:
        assert answer.status_code == 422
    assert client.get(f"{API}/documents").json()["total"] == 0
