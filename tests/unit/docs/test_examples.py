"""The examples of docs/develop.md do what the page says."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.kit.debs import build
from tests.kit.packages import context
from tests.kit.pages import TOP, blocks

from debwright.checks.engine.base import CheckContext
from debwright.checks.engine.environment import Open
from debwright.cli.common import Options
from debwright.config import Config
from debwright.config.declared import with_tables
from debwright.config.renamed import modern
from debwright.model.results import Status
from debwright.repository.model import PublicationRecord
from debwright.repository.stores.base import Store
from debwright.repository.stores.tree import RECORD, Item, Step, Tree


def example(name: str) -> dict[str, Any]:
    """What the code of an example defines."""
    (block,) = (
        b for b in blocks(TOP / "docs/develop.md") if (b.mark, b.value) == ("example", name)
    )
    defined: dict[str, Any] = {"__name__": f"example_{name}"}
    exec(compile(block.text, str(block), "exec"), defined)  # noqa: S102
    return defined


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
    assert command.main([], obj=Options(directory=tmp_path), standalone_mode=False) == 0
    assert capsys.readouterr().out == "trixie\n"


def test_a_publisher(tmp_path: Path) -> None:
    file = tmp_path / "publication.json"
    file.write_text("{}")
    record = PublicationRecord.model_construct(number=1)  # type: ignore[call-arg]
    tree = Tree(
        repo=tmp_path, record=record,
        items=(Item(path=RECORD, file=file, size=2, step=Step.RECORD),),
    )  # fmt: skip
    store: Store = example("publisher")["ArchiveStore"](tmp_path / "apt.tar")
    assert store.record() is None
    assert store.push(tree) == 1
    assert store.record() == b"{}"
    (tmp_path / "back").mkdir()
    store.fetch(tmp_path / "back")
    assert (tmp_path / "back" / RECORD).read_text() == "{}"


def test_a_rule() -> None:
    pytest.importorskip("re2", reason="google-re2 is not installed")
    from debwright.observe.diagnose.diagnose import diagnose_text
    from debwright.observe.diagnose.rules import make_book

    (block,) = (b for b in blocks(TOP / "docs/develop.md") if b.value == "rule")
    book = make_book([("example.toml", block.text)])
    found = diagnose_text("frobnicate: needs no version\nfrobnicate: need version 2.1\n", book=book)
    assert [(p.code, p.details) for p in found.problems] == [(1990, {"what": "2.1"})]


class Here:
    """An environment that boots nothing."""

    kind, elsewhere = "here", True

    def unavailable(self) -> str | None:
        return None

    def prepare(self, context: CheckContext, stack: ExitStack) -> Open:  # noqa: ARG002
        raise AssertionError("nothing is booted here")


@pytest.mark.parametrize(("available", "reason"), [
    (900, None), (100, "102400 bytes of memory are available, 512000 are needed"),
])  # fmt: skip
def test_a_sandbox(tmp_path: Path, available: int, reason: str | None) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 1000 kB\nMemAvailable: {available} kB\n")
    careful = example("sandbox")["Careful"](Here(), 500 * 1024, meminfo)
    assert careful.unavailable() == reason
    assert careful.kind == "here"
