"""The configured service's address: told quickly where it is plain, and never told wrongly."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import local_rag
from local_rag.cli.address import configured, readable_settings, service_url
from local_rag.core.errors import ConfigError

SOURCE = Path(local_rag.__file__).parents[1]


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("local_rag.config.layers.SYSTEM_CONFIG", tmp_path / "system.yaml")
    for name in ("LOCAL_RAG_CONFIG", "XDG_CONFIG_HOME", "LOCAL_RAG__SERVER__PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:8080"),
        ("server:\n", "http://127.0.0.1:8080"),
        ("server:\n  host: 127.0.0.1\n  port: 8081\n", "http://127.0.0.1:8081"),
        ("server: {host: '::1'}\n", "http://[::1]:8080"),
        ("storage:\n  data_dir: /srv/x\n", "http://127.0.0.1:8080"),
    ],
)
def test_plain_addresses_are_told_without_checking_all(tmp_path: Path, text: str, url: str) -> None:
    (tmp_path / "system.yaml").write_text(text)
    address = configured(None, with_token=True)
    assert (address.url, address.token, address.checked) == (url, None, False)


def test_the_weaker_file_gives_what_the_stronger_does_not(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text("server: {port: 8081}\n")
    own = tmp_path / "own.yaml"
    own.write_text("server: {host: localhost}\n")
    assert configured(own, with_token=True).url == "http://localhost:8081"


def test_a_token_needs_the_whole(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text("server: {token: correct-horse-battery}\n")
    address = configured(None, with_token=True)
    assert (address.token, address.checked) == ("correct-horse-battery", True)
    assert configured(None, with_token=False).token is None


def test_variables_need_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RAG__SERVER__PORT", "8090")
    address = configured(None, with_token=True)
    assert (address.url, address.checked) == ("http://127.0.0.1:8090", True)


@pytest.mark.parametrize("text", ["server: [", "server: {prot: 1}\n", "server: {port: high}\n"])
def test_what_is_wrong_there_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "system.yaml").write_text(text)
    with pytest.raises(ConfigError):
        configured(None, with_token=True)


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "host": st.sampled_from(
            [
                "127.0.0.1",
                "::1",
                "[::1]",
                "localhost",
                "0.0.0.0",
                "::",
                "",
                1,
                None,
                "127.0.0.2",
                True,
            ]
        ),
        "port": st.sampled_from([0, 1, 80, 8080, 65535, 65536, -1, "80", 80.0, True, None]),
        "token": st.sampled_from([None, "correct-horse-battery"]),
        "max_upload_mb": st.sampled_from([1, 0, "x"]),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(VALUES)
def test_what_is_told_quickly_is_what_the_whole_says(
    tmp_path: Path, values: dict[str, Any]
) -> None:
    (tmp_path / "system.yaml").write_text(json.dumps({"server": values}))
    try:
        address = configured(None, with_token=True)
    except ConfigError:
        with pytest.raises(ConfigError):
            readable_settings(None)
        return
    whole = readable_settings(None)
    assert address.url == service_url(whole.server.host, whole.server.port)
    assert address.token == whole.server.read_token()


def test_a_short_command_imports_no_pydantic() -> None:
    """It takes a third of the command's time."""
    code = (
        "import sys; from local_rag.cli import common;"
        "from local_rag.cli.commands import documents, imports, models, query, status;"
        "from local_rag.cli.address import configured; configured(None, with_token=True);"
        "print([m for m in sys.modules if m.startswith('pydantic')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(SOURCE), "HOME": "/nonexistent"},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
