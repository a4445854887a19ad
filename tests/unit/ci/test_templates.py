"""The writer of YAML: what it writes reads back as what was meant."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from debwright.ci.yaml import Commented, render

texts = st.text(max_size=30) | st.sampled_from(
    [
        "on",
        "yes",
        "No",
        "null",
        "~",
        "1e3",
        "0x1",
        "1:30",
        "- a",
        "a: b",
        "a #b",
        "'",
        '"',
        "{{",
        "*",
    ]
)
scalars = st.none() | st.booleans() | st.integers() | texts
keys = st.text(min_size=1, max_size=10).filter(lambda k: k != "on")
lists = st.recursive(
    scalars,
    lambda inner: st.dictionaries(keys, inner, max_size=3) | st.lists(scalars, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(keys, lists, max_size=4))
def test_what_is_written_is_read_back(document: dict[str, Any]) -> None:
    assert (yaml.safe_load(render(document)) or {}) == document


@given(st.lists(st.dictionaries(keys, scalars, min_size=1, max_size=3), max_size=3))
def test_lists_of_tables(items: list[dict[str, Any]]) -> None:
    assert yaml.safe_load(render({"steps": items})) == {"steps": items}


def test_comments_stand_above_and_beside() -> None:
    text = render({"a": Commented("b", above="first\nsecond", beside="third"), "l": [{"x": 1}]})
    assert text.startswith("# first\n# second\na: b # third\n")
    assert yaml.safe_load(text) == {"a": "b", "l": [{"x": 1}]}


def test_a_command_is_written_as_a_person_would() -> None:
    assert 'run: debwright check -t "$TARGET"\n' in render({"run": 'debwright check -t "$TARGET"'})


@pytest.mark.parametrize("text", ["on", "y", "NO", "null", "1.0", "a: b", "x #y", "*all", "ends:"])
def test_what_would_be_read_otherwise_is_quoted(text: str) -> None:
    assert render({"k": text}).endswith('"\n')


def test_a_block_keeps_its_lines() -> None:
    text = "first\n  second\n"
    assert yaml.safe_load(render({"run": "first\nsecond\n"})) == {"run": "first\nsecond\n"}
    assert yaml.safe_load(render({"run": text})) == {"run": text}


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(ValueError, match="float"):
        render({"a": 1.5})
