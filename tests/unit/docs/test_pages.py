"""The pages are whole: links lead somewhere, blocks are marked, generated parts are up to date."""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kit.pages import COMMANDS, TOP, anchors, blocks, links, name_of, pages
from tools.reference import codes, settings, versions
from tools.reference.__main__ import main, old

# Where a block that says `run in: PLACE` is run: tests/integration/docs.
PLACES = {
    "service", "service with runs", "clone", "user", "local-rag", "mover", "reader",
    "reader without a network",
}  # fmt: skip


def test_what_is_generated_is_up_to_date() -> None:
    assert old() == [], "run: make docs"


def test_a_page_that_is_out_of_date_is_found(tmp_path: Path) -> None:
    shutil.copytree(TOP / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("_static"))
    shutil.copytree(TOP / "share", tmp_path / "share")
    page = tmp_path / "docs/reference/cli.md"
    page.write_text(page.read_text().replace("--strategy", "--strategies"))
    (tmp_path / "share/debwright.1").unlink()
    assert old(tmp_path) == ["docs/reference/cli.md", "share/debwright.1"]


def test_the_page_of_benchmarks_has_what_was_measured() -> None:
    place = TOP / "bench/records.py"
    spec = importlib.util.spec_from_file_location("records", place)
    assert spec is not None
    assert spec.loader is not None
    records = importlib.util.module_from_spec(spec)
    sys.modules["records"] = records
    try:
        spec.loader.exec_module(records)
        assert (TOP / "docs/benchmarks.md").read_text(encoding="utf-8") == records.page()
    finally:
        del sys.modules["records"]


def test_pictures_are_taken_not_drawn() -> None:
    """Each is what tests/integration/docs/test_pictures.py took, of checks there still are."""
    record = TOP / "docs/images/pictures.json"
    taken = json.loads(record.read_text())
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest()
             for p in (TOP / "docs/images").glob("*.png")}  # fmt: skip
    assert found == taken["sha256"]
    gone = [n for n in taken["checks"] if not (TOP / f"docs/checks/{n}.md").exists()]
    assert gone == [], "the pictures show checks that are not there any more: run make pictures"


def test_check_says_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_every_key_and_code_has_a_meaning() -> None:
    assert [f"{t.path}.{k.name}" for t in settings.tables() for k in t.keys if not k.meaning] == []
    assert len(codes.declared()) > 100


@pytest.mark.parametrize("name", ["debwright.1", "debwright.toml.5"])
def test_a_manual_page_has_no_warnings(name: str) -> None:
    if shutil.which("man") is None:
        pytest.skip("man is not installed (man-db)")
    done = subprocess.run(
        ["man", "--warnings", "--local-file", str(TOP / "share" / name)],
        capture_output=True, text=True, check=True,
        env={"MANWIDTH": "100", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stderr == ""
    assert "NAME" in done.stdout


def test_the_completion_is_valid_bash() -> None:
    subprocess.run(["bash", "-n", str(TOP / "share/debwright.bash-completion")], check=True)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for line, address in links(page):
        if re.match(r"[a-z]+:", address):
            continue
        path, _, anchor = address.partition("#")
        target = (page.parent / path) if path else page
        if not target.is_file():
            wrong.append(f"{line}: {address} is no file")
        elif anchor and anchor not in anchors(target):
            wrong.append(f"{line}: {address} has no such heading")
    assert wrong == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_blocks_say_what_they_are_and_commands_are_run(page: Path) -> None:
    """A block that is not fenced cannot be told from one that is to be run."""
    wrong = []
    for block in blocks(page):
        if not block.language:
            wrong.append(f"{block}: no language")
        elif block.language in COMMANDS and block.mark not in ("run in", "not run"):
            wrong.append(f"{block}: neither run nor a reason why not")
        elif block.mark == "not run" and (gone := not_there(page, block.value)):
            wrong.append(f"{block}: the reason names {gone}, which is not there")
        elif block.mark == "run in" and block.value not in PLACES:
            wrong.append(f"{block}: {block.value} is not a place to run it in")
    assert wrong == []


def not_there(page: Path, reason: str) -> list[str]:
    """Files that a reason leads to, from the top or from the service's own directory."""
    bases = [TOP, *(p for p in page.parents if TOP in p.parents)]
    names = re.findall(r"\b(?:tests|docs|scripts|bench)/[\w./-]*\w", reason)
    return [n for n in names if not any((base / n).exists() for base in bases)]


def test_a_reason_that_leads_nowhere_is_found() -> None:
    page = TOP / "services/local-rag/docs/api.md"
    assert not_there(page, "tests/integration/api asks it; docs/moving.md is run") == []
    assert not_there(page, "tests/integration/no_such.py runs it.") == [
        "tests/integration/no_such.py"
    ]


def test_spelling() -> None:
    pytest.importorskip("codespell_lib", reason="codespell is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "codespell_lib", "--ignore-words-list=ment,crate,intoto",
         *map(str, pages())],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == ""


def test_the_package_has_the_version_of_the_module() -> None:
    from debwright import __version__

    first = (TOP / "debian/changelog").read_text().splitlines()[0]
    assert first.startswith(f"debwright ({__version__}-")


def test_the_copyright_file_covers_what_the_package_carries() -> None:
    text = (TOP / "debian/copyright").read_text()
    names = {name.replace("-", "_").lower() for name, _ in versions.pins("run.txt")}
    stanzas = set(re.findall(r"^Files: wheelhouse/files/(\S+)-\*$", text, re.M))
    # colorama is for Windows alone.
    assert names - {"colorama"} == stanzas
