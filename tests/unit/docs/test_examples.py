"""The examples of docs/develop.md do what the page says."""

from pathlib import Path
from typing import Any

import pytest
from tests.kit import copied
from tests.kit.commands import invoke
from tests.kit.debs import build
from tests.kit.packages import context
from tests.kit.pages import TOP, blocks

from debwright.cli.common import Options
from debwright.config import Config
from debwright.config.declared import with_tables
from debwright.config.renamed import modern
from debwright.model.results import Status


def example(name: str) -> dict[str, Any]:
    """What the code of an example defines."""
    defined: dict[str, Any] = {"__name__": f"example_{name}"}
    exec(compile(text_of(name), name, "exec"), defined)  # noqa: S102
    return defined


def text_of(name: str) -> str:
    """The code of an example."""
    (block,) = (
        b for b in blocks(TOP / "docs/develop.md") if (b.mark, b.value) == ("example", name)
    )
    return block.text


def test_a_check(tmp_path: Path) -> None:
    check = example("check")["ManualCheck"]()
    deb = build(tmp_path, {
        "/usr/bin/good": ("#!/bin/sh\n", 0o755), "/usr/bin/bad": ("#!/bin/sh\n", 0o755),
        "/usr/share/man/man1/good.1.gz": b"",
    })  # fmt: skip
    result = check.run(context(tmp_path, deb))
    assert result.name == "manual"
    assert [(f.code, f.message) for f in result.findings] == [
        ("manual/missing", "bad has no manual page")
    ]
    assert result.status is Status.PASSED, "a warning alone fails nothing"


def test_a_table_of_the_configuration() -> None:
    manual = example("section")["Manual"]
    model = with_tables(Config, (manual,))
    document, renamed, _ = modern({"manual": {"folders": ["/opt/bin"]}}, model)
    config = model.model_validate(document)
    assert config.section(manual).directories == ["/opt/bin"]
    assert [name.now for name in renamed] == ["manual.directories"]
    assert Config().section(manual).directories == ["/usr/bin"]


def test_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "debwright.toml").write_text('[targets]\nbuild = ["trixie-amd64"]\n')
    command = example("command")["suites"]
    assert invoke(command, Options(directory=tmp_path)) == 0
    assert capsys.readouterr().out == "trixie\n"


def test_a_rule() -> None:
    pytest.importorskip("re2", reason="google-re2 is not installed")
    from debwright.observe.diagnose.diagnose import diagnose_text
    from debwright.observe.diagnose.rules import make_book

    (block,) = (b for b in blocks(TOP / "docs/develop.md") if b.value == "rule")
    book = make_book([("example.toml", block.text)])
    found = diagnose_text("frobnicate: needs no version\nfrobnicate: need version 2.1\n", book=book)
    assert [(p.code, p.details) for p in found.problems] == [(1990, {"what": "2.1"})]


ASK = """
import sys
from pathlib import Path
from debwright.config import load
from debwright.systems import careful
from debwright.systems.choose import system_for
careful.MEMINFO = Path("meminfo")
print(system_for(load(Path())).unavailable())
"""


@pytest.mark.timeout(180)
def test_a_system_is_one_file(tmp_path: Path) -> None:
    """Added to a copy of the tree, and nothing else; test_new_system.py checks in it."""
    tree = copied.Tree.copy(tmp_path)
    tree.package.joinpath("systems/careful.py").write_text(text_of("system"))
    (tmp_path / "debwright.toml").write_text('[environments]\nsandbox = "careful"\n')
    assert "careful, docker, nspawn" in " ".join(
        tree.debwright("check", "--help", cwd=tmp_path).split()
    )
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 100 kB\n")
    said = tree.python("-c", ASK, cwd=tmp_path)
    assert "102400 bytes of memory are available, 536870912 are needed" in said.stdout, said.stderr
    wrong = tree.debwright("check", "--sandbox", "carefull", cwd=tmp_path)
    assert "--sandbox careful" in wrong
