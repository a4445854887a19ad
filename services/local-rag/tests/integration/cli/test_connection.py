"""Finding the service, tokens, configuration, help, and serve itself as a process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from kit.command import Run, invoke
from kit.faces import LiveServer, make_service
from local_rag.cli import main

TOKEN = "correct-horse-battery"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nobody_there_is_three_and_says_what_to_do() -> None:
    done = invoke("--url", f"http://127.0.0.1:{free_port()}", "list")
    assert done.code == 3
    assert "no service answers" in done.err
    assert "local-rag serve" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["list"], ["show", "1"], ["query", "x"], ["imports", "list"], ["check-updates"],
     ["update"], ["models", "list"], ["reindex", "--yes"], ["reset", "--yes"], ["delete", "1"]],
)  # fmt: skip
def test_every_command_says_so(arguments: list[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert invoke("--url", url, *arguments).code == 3
    if arguments[0] != "serve":
        done = invoke("--url", url, *arguments, "--json")
        assert done.code == 3
        assert "no service answers" in json.loads(done.err)["error"]


def test_another_server_is_recognised() -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        Thread(target=other.handle_request, daemon=True).start()
        done = invoke("--url", f"http://127.0.0.1:{other.server_port}", "list")
    assert done.code != 0
    assert "Traceback" not in done.err


def test_a_token_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LiveServer(make_service(tmp_path, server={"token": TOKEN})) as server:
        refused = invoke("--url", server.url, "list")
        assert refused.code == 1
        assert "token" in refused.err
        file = tmp_path / "token"
        file.write_text(TOKEN + "\n")
        assert invoke("--url", server.url, "--token-file", file, "list").code == 0
        monkeypatch.setenv("LOCAL_RAG_TOKEN", TOKEN)
        assert invoke("--url", server.url, "list").code == 0


def test_a_configured_token_goes_to_the_configured_service_only(tmp_path: Path) -> None:
    seen: list[str | None] = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        Thread(target=other.handle_request, daemon=True).start()
        config = tmp_path / "config.yaml"
        config.write_text(f"server:\n  token: {TOKEN}\n  port: {free_port()}\n")
        invoke("--config", config, "--url", f"http://127.0.0.1:{other.server_port}", "list")
    assert seen == [None]


def test_address_and_token_come_from_the_configuration(tmp_path: Path) -> None:
    with LiveServer(make_service(tmp_path, server={"token": TOKEN})) as server:
        config = tmp_path / "config.yaml"
        config.write_text(f"server:\n  token: {TOKEN}\n  port: {server.port}\n")
        assert invoke("--config", config, "list").code == 0


def test_proxies_of_the_environment_are_not_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert run("list").code == 0


def test_a_wrong_configuration_is_two(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("server:\n  prot: 80\n")
    for arguments in (["list"], ["serve", "--check"]):
        done = invoke("--config", config, *arguments)
        assert done.code == 2
        assert "prot" in done.err
        assert "port" in done.err


@pytest.mark.parametrize("url", ["ftp://x", "localhost:8080", "/path"])
def test_a_wrong_address_is_two(url: str) -> None:
    assert invoke("--url", url, "list").code == 2


def test_an_unknown_command_names_the_nearest() -> None:
    done = invoke("improt")
    assert done.code == 2
    assert "'import'" in done.err


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = invoke("--help")
    assert done.code == 0
    for name in ("serve", "status", "import", "list", "show", "delete", "query", "check-updates",
                 "update", "models", "backup", "restore", "reindex", "reset"):  # fmt: skip
        assert f"\n  {name} " in done.out
    assert "Exit codes" in done.out


@pytest.mark.parametrize("name", list(main.list_commands(None)))  # type: ignore[arg-type]
def test_every_command_has_help(name: str) -> None:
    done = invoke(name, "--help")
    assert done.code == 0
    assert len(done.out.splitlines()) > 4


def test_version() -> None:
    from local_rag import __version__

    assert __version__ in invoke("--version").out


def test_serve_check_shows_values_and_origins_but_no_token(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"server:\n  token: {TOKEN}\n  port: 8123\n")
    done = invoke("--config", config, "serve", "--check")
    assert done.code == 0
    assert "server.port: 8123" in done.out
    assert "config.yaml:3" in done.out
    assert TOKEN not in done.out


def test_serve_on_a_taken_port_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = invoke("serve", "--port", port, "--data-dir", tmp_path / "data")
    assert done.code == 1
    assert "already" in done.err
    assert "--port" in done.err


def test_serve_refuses_an_open_address_without_a_token(tmp_path: Path) -> None:
    done = invoke("serve", "--host", "0.0.0.0", "--port", 0, "--data-dir", tmp_path / "data")
    assert done.code == 2
    assert "token" in done.err


def test_serve_without_a_place_for_data(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = invoke("serve", "--port", 0, "--data-dir", tmp_path / "file" / "data")
    assert done.code == 2
    assert "data" in done.err


class Process:
    """`local-rag serve` as its own process."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        env = {**os.environ, "LOCAL_RAG__STORAGE__DATA_DIR": str(folder), **environment}
        self.began = time.monotonic()
        self.log = (folder.parent / "serve.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local_rag", "serve", "--port", str(self.port)],
            env=env,
            stderr=self.log,
        )

    def wait(self) -> float:
        while True:
            try:
                answer = httpx.get(f"{self.url}/health", trust_env=False, timeout=60)
            except httpx.ConnectError:
                assert self.process.poll() is None
                assert time.monotonic() - self.began < 60
                time.sleep(0.02)
            else:
                assert answer.status_code in (200, 503)
                return time.monotonic() - self.began

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.mark.slow
def test_serve_answers_logs_and_ends_cleanly(tmp_path: Path) -> None:
    process = Process(tmp_path / "data")
    try:
        process.wait()
        assert "llama_cpp" not in Path(f"/proc/{process.process.pid}/maps").read_text()
    finally:
        code = process.stop()
    assert code == 0
    lines = (tmp_path / "serve.log").read_text().splitlines()
    assert lines
    for line in lines:
        assert {"time", "level", "message"} <= set(json.loads(line))
    assert not (tmp_path / "data" / "index.sqlite3-wal").exists()


@pytest.mark.slow
def test_serve_tells_systemd_when_it_is_ready(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(60)
        process = Process(tmp_path / "data", NOTIFY_SOCKET=str(tmp_path / "notify"))
        try:
            assert channel.recv(100) == b"READY=1"
            assert httpx.get(f"{process.url}/health", trust_env=False, timeout=60).status_code in (
                200,
                503,
            )
        finally:
            process.stop()
        assert channel.recv(100) == b"STOPPING=1"


@pytest.mark.slow
def test_two_services_do_not_share_an_index(tmp_path: Path) -> None:
    first = Process(tmp_path / "data")
    try:
        first.wait()
        (tmp_path / "other").mkdir()
        second = Process(tmp_path / "data")
        try:
            second.wait()
            answer = httpx.get(f"{second.url}/api/v1/documents", trust_env=False, timeout=60)
            assert answer.status_code == 409
            assert "another process" in answer.json()["error"]
        finally:
            second.stop()
    finally:
        first.stop()


@pytest.mark.slow
def test_an_answer_survives_no_kill_but_the_index_does(tmp_path: Path) -> None:
    process = Process(tmp_path / "data")
    process.wait()
    httpx.get(f"{process.url}/api/v1/documents", trust_env=False, timeout=60)
    assert process.stop(signal.SIGKILL) == -signal.SIGKILL
    again = Process(tmp_path / "data")
    try:
        again.wait()
        answer = httpx.get(f"{again.url}/api/v1/documents", trust_env=False, timeout=60)
        assert answer.status_code == 200
    finally:
        again.stop()


def test_a_wrong_configuration_is_said_when_nobody_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service has not started for it; and only then is the whole of it looked at."""
    config = tmp_path / "config.yaml"
    config.write_text(f"server: {{port: {free_port()}}}\nretrieval: {{k: many}}\n")
    monkeypatch.setattr("local_rag.config.layers.SYSTEM_CONFIG", tmp_path / "none.yaml")
    done = invoke("--config", config, "list")
    assert done.code == 2
    assert "retrieval.k" in done.err
    config.write_text(f"server: {{port: {free_port()}}}\n")
    assert invoke("--config", config, "list").code == 3
