"""Chats over HTTP: kept, named, exported, deleted; follow-up questions; what a reload finds."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from kit.faces import API, LEASE, QuotingGenerator, add, client_for, events, make_service

FIRST = "When does the lease of the garden end?"


def begin(client: TestClient, name: str = "") -> int:
    answer = client.post(f"{API}/chats", json={"name": name})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{API}/chats/{answer.json()['id']}"
    return int(answer.json()["id"])


def ask(client: TestClient, chat: int, question: str, **more: object) -> dict[str, object]:
    answer = client.post(f"{API}/chats/{chat}/query", json={"question": question, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_a_follow_up_is_asked_with_what_was_asked_before(client: TestClient) -> None:
    add(client, "lease.md", LEASE)
    chat = begin(client)
    assert ask(client, chat, FIRST)["asked"] == FIRST
    second = ask(client, chat, "And how much notice?")
    assert second["question"] == "And how much notice?"
    assert second["asked"] == "And how much notice? (lease garden end)"
    typed = ask(client, chat, "And how much notice?", rewrite=False)
    assert typed["asked"] == typed["question"]


def test_a_chat_is_kept_with_its_answers_also_after_a_restart(tmp_path: Path) -> None:
    with client_for(make_service(tmp_path)) as client:
        add(client, "lease.md", LEASE)
        chat = begin(client)
        given = ask(client, chat, FIRST)["answer"]
    with client_for(make_service(tmp_path)) as client:
        kept = client.get(f"{API}/chats/{chat}").json()
        assert kept["chat"]["name"] == FIRST
        (turn,) = kept["turns"]
        assert turn["answer"] == given
        listed = client.get(f"{API}/chats").json()
    assert (listed["total"], listed["items"][0]["turns"]) == (1, 1)


def test_a_streamed_answer_begins_with_the_question_and_is_kept(client: TestClient) -> None:
    add(client, "lease.md", LEASE)
    chat = begin(client)
    ask(client, chat, FIRST)
    body = {"question": "Who signed it?", "stream": True}
    told = events(client.post(f"{API}/chats/{chat}/query", json=body).text)
    assert told[0][0] == "question"
    assert told[0][1]["asked"] == "Who signed it? (lease garden end)"
    assert told[-1][0] == "done"
    turns = client.get(f"{API}/chats/{chat}").json()["turns"]
    assert turns[-1]["answer"] == told[-1][1]


def test_an_answer_that_breaks_off_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    class Breaking(QuotingGenerator):
        def stream(self, *arguments: object, **more: object):  # type: ignore[no-untyped-def,override]
            yield "The lease "
            yield "ends "
            raise ZeroDivisionError("oops")

    with client_for(make_service(tmp_path, generator=Breaking())) as client:
        add(client, "lease.md", LEASE)
        chat = begin(client)
        body = {"question": FIRST, "stream": True}
        told = events(client.post(f"{API}/chats/{chat}/query", json=body).text)
        assert told[-1][0] == "error"
        (turn,) = client.get(f"{API}/chats/{chat}").json()["turns"]
    if any(name == "token" for name, _ in told):
        assert turn["answer"]["mode"] == "stopped"
        assert turn["answer"]["text"].startswith("The lease")
    else:
        assert turn["answer"] is None


def test_a_question_that_fails_stays_unanswered(client: TestClient) -> None:
    chat = begin(client)
    answer = client.post(f"{API}/chats/{chat}/query", json={"question": "   "})
    assert answer.status_code == 422
    assert client.get(f"{API}/chats/{chat}").json()["turns"] == []


def test_chats_are_renamed_and_deleted(client: TestClient) -> None:
    chat = begin(client, "Garden")
    renamed = client.put(f"{API}/chats/{chat}", json={"name": " The garden "})
    assert renamed.json()["name"] == "The garden"
    ask(client, chat, FIRST)
    assert client.get(f"{API}/chats/{chat}").json()["chat"]["name"] == "The garden"
    assert client.delete(f"{API}/chats/{chat}").status_code == 204
    assert client.get(f"{API}/chats").json() == {"items": [], "total": 0}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/chats/7", None),
        ("PUT", "/chats/7", {"name": "x"}),
        ("DELETE", "/chats/7", None),
        ("GET", "/chats/7/export", None),
        ("POST", "/chats/7/query", {"question": "Why?"}),
    ],
)
def test_a_chat_that_is_not_there_is_not_found(
    client: TestClient, method: str, path: str, body: object
) -> None:
    answer = client.request(method, f"{API}{path}", json=body)
    assert (answer.status_code, answer.json()["details"]["code"]) == (404, "not-found")


def test_questions_beyond_the_queue_are_refused_and_places_are_given_back(
    client: TestClient,
) -> None:
    for _ in range(100):
        client.post(f"{API}/chats/7/query", json={"question": "Why?"})
    assert ask(client, begin(client), FIRST)


def test_a_chat_is_exported_as_text_and_as_data(client: TestClient) -> None:
    add(client, "lease.md", LEASE)
    chat = begin(client, "../Garten & <b>Haus</b>")
    ask(client, chat, FIRST)
    ask(client, chat, "And how much notice?")
    text = client.get(f"{API}/chats/{chat}/export")
    assert text.headers["content-type"] == "text/markdown; charset=utf-8"
    assert text.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''Garten-b-Haus-b.md"
    )
    assert f"## {FIRST}" in text.text
    assert "*Asked as: And how much notice? (lease garden end)*" in text.text
    data = json.loads(client.get(f"{API}/chats/{chat}/export?form=json").text)
    assert [turn["question"] for turn in data["turns"]] == [FIRST, "And how much notice?"]


def test_a_reset_removes_the_chats_too(client: TestClient) -> None:
    ask(client, begin(client), FIRST)
    assert client.post(f"{API}/system/reset", json={"confirm": "reset"}).status_code == 200
    assert client.get(f"{API}/chats").json()["total"] == 0
