"""Interfaces that programs of others speak: MCP and OpenAI's."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from kit.faces import API, BEES, LEASE, LiveServer, add, client_for, make_service
from local_rag.api.routes.mcp import VERSIONS
from local_rag.cli.client import Client
from local_rag.cli.commands.mcp import serve

FIRST = "When does the lease of the garden end?"


def rpc(client: TestClient, method: str, **params: Any) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    answer = client.post("/mcp", json=message)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert (found["jsonrpc"], found["id"]) == ("2.0", 7)
    return found


def call(client: TestClient, tool: str, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = rpc(client, "tools/call", name=tool, arguments=arguments)["result"]
    return found


# -- MCP -------------------------------------------------------------------------------------


def test_mcp_is_begun_with_a_version_that_both_know(client: TestClient) -> None:
    begun = rpc(client, "initialize", protocolVersion="2024-11-05", capabilities={})["result"]
    assert begun["protocolVersion"] == "2024-11-05"
    assert begun["serverInfo"]["name"] == "local-rag"
    assert begun["capabilities"] == {"tools": {}}
    strange = rpc(client, "initialize", protocolVersion="2099-01-01")["result"]
    assert strange["protocolVersion"] == VERSIONS[0]
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    taken = client.post("/mcp", json=note)
    assert (taken.status_code, taken.content) == (202, b"")
    assert rpc(client, "ping")["result"] == {}
    assert client.get("/mcp").status_code == 405


def test_mcp_tools_describe_their_arguments(client: TestClient) -> None:
    tools = {tool["name"]: tool for tool in rpc(client, "tools/list")["result"]["tools"]}
    assert set(tools) == {"search", "answer", "add"}
    assert tools["search"]["inputSchema"]["required"] == ["query"]
    assert tools["search"]["annotations"]["readOnlyHint"] is True
    assert tools["add"]["annotations"]["readOnlyHint"] is False


def test_mcp_adds_searches_and_answers(client: TestClient, tmp_path: Path) -> None:
    added = call(client, "add", name="lease.md", text=LEASE)
    assert added["isError"] is False
    assert added["content"][0]["text"] == "1 added, 0 unchanged, 0 skipped, 0 failed."
    (tmp_path / "bees.txt").write_text(BEES)
    (tmp_path / "song.mp3").write_bytes(b"ID3")
    told = call(client, "add", source=str(tmp_path))["content"][0]["text"]
    assert told.startswith("1 added")
    assert "files of the kind .mp3 are not read" in told
    found = call(client, "search", query="How much honey does a colony need?", limit=1)
    assert "fifteen kilograms" in found["content"][0]["text"]
    assert found["structuredContent"]["passages"][0]["title"] == "bees.txt"
    answer = call(client, "answer", question=FIRST)
    assert "2031" in answer["content"][0]["text"]
    assert answer["structuredContent"]["citations"][0]["title"] == "lease.md"


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("search", {}, "query"),
        ("search", {"query": "x", "limit": 0}, "limit"),
        ("search", {"query": "x", "depth": 3}, "depth"),
        ("answer", {"question": "\x00"}, "question"),
        ("add", {}, "either source"),
        ("add", {"source": "/x", "text": "y"}, "either source"),
        ("add", {"source": "relative/path"}, "absolute"),
        ("add", {"source": "/etc/local-rag/token"}, "belongs to the system"),
        ("add", {"name": "../../x", "text": "\ud800"}, ""),
    ],
)
def test_mcp_tools_say_what_is_wrong_to_the_model(
    client: TestClient, tool: str, arguments: dict[str, Any], says: str
) -> None:
    message = {
        "jsonrpc": "2.0",
        "id": "a",
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }
    answer = client.post("/mcp", content=json.dumps(message))
    result = answer.json()["result"]
    assert result["isError"] is True
    assert says in result["content"][0]["text"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, -32700),
        (b"[" * 100_000, 400, -32700),
        (b"[]", 400, -32600),
        (b'{"id": 1, "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": [1], "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "nothing"}', 200, -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}', 200, -32602),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call"}', 200, -32602),
    ],
)
def test_mcp_refuses_what_is_no_request(
    client: TestClient, body: bytes, status: int, code: int
) -> None:
    answer = client.post("/mcp", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("path", ["/mcp", "/v1/chat/completions"])
def test_both_ask_for_the_token_and_refuse_foreign_pages(tmp_path: Path, path: str) -> None:
    service = make_service(tmp_path, server={"token": "sixteen letters or more"})
    with client_for(service) as client:
        assert client.post(path, json={}).status_code == 401
        assert client.get("/v1/models").status_code == 401
        token = {"Authorization": "Bearer sixteen letters or more"}
        assert client.get("/v1/models", headers=token).status_code == 200
        foreign = {**token, "Origin": "https://evil.example"}
        assert client.post(path, json={}, headers=foreign).status_code == 403


def test_mcp_over_standard_input_and_output(tmp_path: Path) -> None:
    requests = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
         "params": {"name": "add", "arguments": {"name": "ä.md", "text": "Wörter"}}},
    ]  # fmt: skip
    lines = b"\n".join(json.dumps(message).encode() for message in requests) + b"\n\nnonsense\n"
    answers = io.BytesIO()
    with LiveServer(make_service(tmp_path)) as server, Client(server.url) as client:
        serve(client, io.BytesIO(lines), answers)
        gone = Client("http://127.0.0.1:1")
        serve(gone, io.BytesIO(b'{"jsonrpc": "2.0", "id": 3, "method": "ping"}\n'), answers)
    first, second, third, fourth = map(json.loads, answers.getvalue().splitlines())
    assert first["result"]["serverInfo"]["name"] == "local-rag"
    assert second["result"]["isError"] is False
    assert third["error"]["code"] == -32700
    assert fourth["id"] == 3
    assert "no service answers" in fourth["error"]["message"]


# -- OpenAI ----------------------------------------------------------------------------------


def test_openai_lists_one_model(client: TestClient) -> None:
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["local-rag"]


def test_openai_chats_are_answered_from_the_documents(client: TestClient) -> None:
    add(client, "lease.md", LEASE)
    body = {
        "model": "gpt-4o",
        "temperature": 0.2,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": FIRST}]},
        ],
    }
    found = client.post("/v1/chat/completions", json=body).json()
    assert found["object"] == "chat.completion"
    choice = found["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    assert "2031" in choice["message"]["content"]
    assert choice["message"]["content"].endswith("[1] lease.md")
    assert found["citations"][0]["title"] == "lease.md"


def test_openai_streams_end_as_they_must(client: TestClient) -> None:
    add(client, "lease.md", LEASE)
    body = {"stream": True, "messages": [{"role": "user", "content": FIRST}]}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *chunks, last = [line for line in answer.text.split("\n\n") if line.startswith("data: ")]
    assert last == "data: [DONE]"
    told = [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]
    assert told[0]["choices"][0]["delta"]["role"] == "assistant"
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in told)
    assert "2031" in text
    assert [chunk["choices"][0]["finish_reason"] for chunk in told][-1] == "stop"
    assert len({chunk["id"] for chunk in told}) == 1


def test_openai_follow_ups_take_the_words_of_the_question_before(client: TestClient) -> None:
    add(client, "lease.md", LEASE)
    add(client, "bees.md", BEES)
    body = {
        "messages": [
            {"role": "user", "content": FIRST},
            {"role": "assistant", "content": "In 2031."},
            {"role": "user", "content": "And the notice?"},
        ]
    }
    found = client.post("/v1/chat/completions", json=body).json()
    assert found["citations"][0]["title"] == "lease.md"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"messages": []}, 422),
        ({"messages": [{"role": "system", "content": "x"}]}, 422),
        ({"messages": [{"role": "user", "content": "  "}]}, 422),
        ({"messages": [{"role": "user", "content": "x" * 5000}]}, 422),
    ],
)
def test_openai_errors_name_the_problem(
    client: TestClient, body: dict[str, Any], status: int
) -> None:
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert client.get(f"{API}/documents").status_code == 200
