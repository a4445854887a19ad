"""A project whose dependency no suite has, from `init` to a checked package."""

import shutil
from pathlib import Path

import pytest
from tests.integration.conftest import PROJECTS, Debwright
from tests.kit.wheels import Index, wheel

pytestmark = [pytest.mark.apart, pytest.mark.minutes(1)]


def test_a_project_that_carries_what_it_needs(tmp_path: Path) -> None:
    index = Index(tmp_path / "index")
    words = {"plain_words/__init__.py": b"", "plain_words/template.py": b"import {{ name }}\n"}
    content = wheel("plain_words", "2.0", words)
    index.add("plain-words", "2.0", "plain_words-2.0-py3-none-any.whl", content)
    project = tmp_path / "plain-service"
    shutil.copytree(PROJECTS / "plain-service", project)
    about = project / "pyproject.toml"
    about.write_text(
        about.read_text().replace("[project]\n", '[project]\ndependencies = ["plain-words>=2"]\n')
    )
    module = project / "src/plain_service/main.py"
    module.write_text(f"import plain_words\n{module.read_text()}")
    debwright = Debwright(project, {"UV_DEFAULT_INDEX": index.url})
    made = debwright("init", "--yes")
    assert made.code == 0, made.said
    assert "plain-words>=2: Debian does not have it" in " ".join(made.said.split())
    run = debwright("run", "-t", "bookworm-amd64")
    assert run.code == 0, run.said[-4000:]
    checks = {c["name"]: c["status"] for c in run.target("bookworm-amd64")["checks"]}
    for name in ("service", "smoke", "reboot", "purge", "lintian"):
        assert checks[name] == "passed", name
