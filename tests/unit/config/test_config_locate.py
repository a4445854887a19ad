"""Lines of keys in TOML texts."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debwright.config.locate import KeyPath, line_of, locate

TEXT = '''\
# comment = "not a key"
top = 1
"quoted key" . 'literal.part' = 2
[a.b]
c.d = { e = 1, "f.g" = { h = [1, 2] } }
long = """
x = 1
[no.table]
\\""" still in "" it"""""
other = \'\'\'
y = 2\'\'\'
list = [ # with a comment ]
  1,

  [2, "]"],
  { k = 1979-05-27 07:32:00 },
]
[[items]]
name = "one"
[items.sub]
x = 1
[[items]]
name = "two"
[[items.deep]]
z = "#"
[a]
late = true
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("quoted key",), 3),
        (("quoted key", "literal.part"), 3),
        (("a", "b"), 4),
        (("a", "b", "c", "d", "f.g", "h", 1), 5),
        (("a", "b", "long"), 6),
        (("a", "b", "other"), 10),
        (("a", "b", "list"), 12),
        (("a", "b", "list", 0), 13),
        (("a", "b", "list", 1, 1), 15),
        (("a", "b", "list", 2, "k"), 16),
        (("items",), 18),
        (("items", 0), 18),
        (("items", 0, "sub", "x"), 21),
        (("items", 1), 22),
        (("items", 1, "name"), 23),
        (("items", 1, "deep", 0, "z"), 25),
        (("a",), 26),
        (("a", "late"), 27),
    ],
)
def test_places(path: KeyPath, line: int) -> None:
    tomllib.loads(TEXT)
    assert locate(TEXT)[path] == line
    assert locate(TEXT.replace("\n", "\r\n"))[path] == line


def test_an_unknown_key_has_the_line_of_what_is_around_it() -> None:
    lines = locate(TEXT)
    assert line_of(lines, ("items", 1, "missing", "deeper")) == 22
    assert line_of(lines, ("nowhere",)) is None


def test_absurd_nesting_does_no_harm() -> None:
    assert locate("a = 1\nb = " + "[" * 5000 + "]" * 5000)[("a",)] == 1


def paths(value: Any, at: KeyPath = ()) -> set[KeyPath]:
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return {(*at, k) for k, _ in items}.union(*(paths(v, (*at, k)) for k, v in items))


def leaf(value: Any, path: KeyPath) -> Any:
    for part in path:
        value = value[part]
    return value


class Writer:
    """Writes a document in a random style; every leaf holds a number found nowhere else."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.count = 1000

    def pick(self, *options: str) -> str:
        return self.draw(st.sampled_from(options))

    def mark(self) -> str:
        self.count += 1
        return str(self.count)

    def key(self, name: str) -> str:
        if name.isalnum() and name.isascii() and self.draw(st.booleans()):
            return name
        if "'" not in name and self.draw(st.booleans()):
            return f"'{name}'"
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    def scalar(self) -> str:
        mark = self.mark()
        return self.pick(
            mark,
            f'"{mark} \\" ] }} # = ["',
            f"'{mark} \" \\'",
            f'"""{mark}\nk = 1 # [t]\n\\""" "" x"""',
            f'"""{mark}"""""',
            f"'''{mark}\n[[t]]\n'' '''",
            f"'''{mark}'''''",
            f"{mark}.5",
            f"{mark}-05-27 07:32:00",
            f"0x{mark}",
        )

    def value(self, depth: int) -> str:
        kind = self.pick("scalar", "scalar", "array", "table") if depth else "scalar"
        if kind == "scalar":
            return self.scalar()
        size = self.draw(st.integers(0, 3))
        if kind == "array":
            gap = self.pick(" ", "\n", " # c ] , \n\n  ", "\t")
            items = [self.value(depth - 1) for _ in range(size)]
            comma = self.pick("", ",") if items else ""
            return "[" + gap + f",{gap}".join(items) + gap + comma + gap + "]"
        names = self.names(size)
        pairs = [f"{self.key(n)} = {self.value(depth - 1)}" for n in names]
        return "{ " + ", ".join(pairs) + " }"

    def names(self, size: int) -> list[str]:
        name = st.sampled_from([*"abcd", "a b", "x.y", "é#", 'q"q', "b\\c", "]", "=", "1"])
        return self.draw(st.lists(name, min_size=size, max_size=size, unique=True))

    def pairs(self) -> str:
        lines = ""
        for name in self.names(self.draw(st.integers(0, 3))):
            dotted = "".join(f"{self.pick('.', ' . ')}{self.key(n)}" for n in self.names(1))
            key = self.key(name) + (dotted if self.draw(st.booleans()) else "")
            lines += f"{self.pick('', '  ')}{key}{self.pick(' = ', '=')}{self.value(2)}"
            lines += self.pick("\n", " # end\n", "\n\n# x = 1\n")
        return lines

    def document(self) -> str:
        text = self.pairs()
        for number in range(self.draw(st.integers(0, 4))):
            name = f"t{number}"
            if self.draw(st.booleans()):
                text += f"[{name}.{self.key('sub.table')}]{self.pick('', ' # c')}\n{self.pairs()}"
                continue
            for _ in range(self.draw(st.integers(1, 3))):
                text += f"[[ {name} ]]\n{self.pairs()}[{name}.inner.deep]\n{self.pairs()}"
        return text


@st.composite
def documents(draw: st.DrawFn) -> str:
    return Writer(draw).document()


@settings(max_examples=60, deadline=None)
@given(documents())
def test_every_key_of_a_document_is_found_on_its_line(text: str) -> None:
    document = tomllib.loads(text)
    found = locate(text)
    assert set(found) == paths(document)
    lines = text.split("\n")
    for path, line in found.items():
        value = leaf(document, path)
        if isinstance(value, dict | list):
            continue
        shown = f"{value:x}" if isinstance(value, int) and value > 0x1000 else str(value)
        assert shown[:4] in lines[line - 1]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab.=\"'[]{}#,1\n \\\t", max_size=60))
def test_whatever_tomllib_accepts_is_located_whole(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except ValueError:
        return
    assert set(locate(text)) == paths(document)
