"""[wheelhouse] in debwright.toml."""

from pathlib import Path

import pytest

from debwright.config import load
from debwright.model.errors import ConfigError


def write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "debwright.toml").write_text(text)
    return tmp_path


def test_names_are_canonical(tmp_path: Path) -> None:
    text = '[wheelhouse]\nlock = "l"\nexclude = ["Foo_Bar"]\n[wheelhouse.compile.Llama_CPP]\n'
    found = load(write(tmp_path, text)).config.wheelhouse
    assert found is not None
    assert found.exclude == ["foo-bar"]
    assert list(found.compile) == ["llama-cpp"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[wheelhouse]\nlok = "l"', 2, "lock"),
        ('[wheelhouse]\nlock = "l"\nindex = "example.org"', 3, "not a package index"),
        ('[wheelhouse]\nlock = "l"\nindex = "https://a:b@example.org/simple"', 3, "password"),
        ('[wheelhouse]\nlock = "l"\n[wheelhouse.compile.x]\nenvironment = { PATH = "/x" }', 4,
         "PATH"),
        ('[wheelhouse]\nlock = "l"\n[wheelhouse.compile.x.arch.arm46]\nkeep = []', 3, "arm64"),
        ('[package]\nsource = "a.dsc"\n[wheelhouse]\nlock = "l"', 3, "no \\[wheelhouse\\]"),
        ('[suites.mine]\nmirror = "http://m/"\npython = "2.7"', 3, "version of Python 3"),
        ('[suites.mine]\nmirror = "http://m/"\nglibc = "36"', 3, "C library"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text + "\n"))
    import re

    shown = caught.value.render()
    assert re.search(says, shown), shown
    assert f"debwright.toml:{line}:" in shown, shown
