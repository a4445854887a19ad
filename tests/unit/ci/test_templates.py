"""Templates: what they write reads back as what was meant, or is refused."""

import shlex

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from debwright.ci.templates import Templates, Written, part, scalar, shell_word
from debwright.model.errors import UsageError

ODD = (
    "on", "yes", "No", "null", "~", "1e3", "0x1", "1:30", "- a", "a: b", "a #b", "'", '"', "{{",
    "*", "ends:", "", " a", "a ", "\ta", "a\nb", "&a", "!a", "%", "@a", "`a`", "1.0", "y",
)  # fmt: skip
texts = (st.text(max_size=30) | st.sampled_from(ODD)).filter(lambda t: "${{" not in t)


@given(texts | st.booleans() | st.integers())
def test_what_is_written_is_read_back(value: str | bool | int) -> None:
    document = Templates().render_yaml("k: [[ value ]]\nl:\n  - [[ value ]]\n", value=value)
    assert yaml.safe_load(document) == {"k": value, "l": [value]}


@given(texts.filter(bool))
def test_a_key_is_read_back(key: str) -> None:
    assert yaml.safe_load(Templates().render_yaml("[[ key ]]: 1\n", key=key)) == {key: 1}


@given(st.text(max_size=30).filter(lambda t: "\0" not in t))
def test_a_word_of_a_shell_is_one_word(text: str) -> None:
    assert shlex.split(shell_word(text)) == [text]


def test_a_command_is_written_as_a_person_would() -> None:
    assert scalar('debwright check -t "$TARGET"') == 'debwright check -t "$TARGET"'


@pytest.mark.parametrize("text", ["on", "y", "NO", "null", "1.0", "a: b", "x #y", "*all", "ends:"])
def test_what_would_be_read_otherwise_is_quoted(text: str) -> None:
    assert scalar(text) == f'"{text}"'


@pytest.mark.parametrize("value", [1.5, None, ["a"], {}, "a ${{ github.token }}"])
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(UsageError):
        scalar(value)


@given(st.text(max_size=20))
def test_a_part_of_a_text_means_the_same_everywhere(text: str) -> None:
    try:
        found = part(text)
    except UsageError:
        return
    assert yaml.safe_load(f"k: refs/{found}x") == {"k": f"refs/{text}x"}
    assert shlex.split(f"a{found}") == [f"a{text}"]
    assert not set("'\"${} \n") & set(found), "it ends no text of an expression"


def test_text_of_the_template_itself_is_kept() -> None:
    made = Templates(use=lambda name: Written(f"{name}@1 # v1")).render_yaml(
        '[# not written #]\n#% set ref = "${{ a }}"\nuses: [[ use("x") ]]\n'
        "#% if ref\nref: [[ ref | expression ]]\n#% endif\n"
    )
    assert made == "uses: x@1 # v1\nref: ${{ a }}\n"


def test_a_value_that_nobody_gives_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        Templates().render_yaml("k: [[ value ]]\n")
