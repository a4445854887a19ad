"""The manual pages and the completion that packages ship say what the program is."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from kit import TOP
from local_rag.config.layers import known_keys
from local_rag.config.settings import Settings


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("manpages", TOP / "tools" / "manpages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_s_page_and_completion_are_current() -> None:
    # In a process of its own: click's commands keep what other tests did to them.
    done = subprocess.run(
        [sys.executable, TOP / "tools" / "manpages.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_what_is_old_is_told(
    tool: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tool, "SHARE", tmp_path)
    assert tool.main(["--check"]) == 1
    assert "local-rag.1" in capsys.readouterr().err
    assert tool.main([]) == 0
    assert tool.main(["--check"]) == 0


def test_the_configuration_s_page_describes_every_key() -> None:
    text = (TOP / "share" / "local-rag-config.5").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^\.SH (\w+)\n(.*?)(?=^\.SH |\Z)", text, re.MULTILINE | re.DOTALL))
    for key in known_keys(Settings):
        section, dot, name = key.partition(".")
        assert section.upper() in sections
        if dot:
            assert re.search(rf"(?<!\w){name}(?!\w)", sections[section.upper()]), key


def test_the_pages_are_sound_roff(tool: ModuleType) -> None:
    for line in tool.manual().splitlines():
        if line.startswith("."):
            assert re.match(r"\.(TH|SH|SS|TP|PP|B|BR|\\\")(?![A-Za-z])", line), line
