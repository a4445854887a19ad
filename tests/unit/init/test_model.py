"""Names of packages and of users."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.init.model import Question, package_name, user_name
from debwright.model.errors import UsageError


@given(st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])", fullmatch=True))
def test_package_and_user_names_are_always_valid(name: str) -> None:
    package = package_name(name)
    assert len(package) >= 2
    assert set(package) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert package[0].isalnum()
    user = user_name(package)
    assert len(user) <= 31
    assert set(user) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")


PORT = Question(
    name="port", text="Which port?", default="8080", pattern=r"[1-9]\d{1,4}", form="a number"
)
SERVER = Question(
    name="server", text="Which server?", default="gunicorn", choices=("gunicorn", "uvicorn")
)


def test_an_unanswered_question_has_its_default() -> None:
    assert PORT.answered({"server": "uvicorn"}) == "8080"
    assert PORT.answered({"port": " 9000 "}) == "9000"
    assert SERVER.answered({"server": "uvicorn"}) == "uvicorn"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (PORT, "80; reboot"),
        (PORT, "\u0669\u0669\u0669x"),
        (SERVER, "flask"),
        (SERVER, ""),
        (PORT, "1" * 300),
    ],
)
def test_what_is_no_answer_is_refused_with_one_that_is(question: Question, answer: str) -> None:
    with pytest.raises(UsageError, match="is no answer") as refused:
        question.answered({question.name: answer})
    assert refused.value.fix == f"--answer {question.name}={question.default}"


def test_an_answer_is_one_printable_line() -> None:
    question = Question(name="who", text="Who?", default="me")
    with pytest.raises(UsageError):
        question.checked("me\nEvil: yes")
