"""What may be expected of a service that runs without what it recommends."""

from typing import Any

from debwright.checks.live.minimum import commands, expected_of
from debwright.config import Config

SERVICE = {"unit": "demo.service", "expect_body": "all is well", "smoke": ["demo ask"]}


def config(**more: Any) -> Config:
    return Config.model_validate({"service": SERVICE, **more})


def test_as_much_as_with_everything_unless_said_otherwise() -> None:
    assert expected_of(config()) == config().service


def test_what_is_said_stands_in_for_it() -> None:
    (expected,) = expected_of(config(minimum={"smoke": ["demo --version"]}))
    assert expected.expect_body == "all is well"
    assert commands(config(minimum={"smoke": ["demo --version"]})) == ["demo --version"]
    nothing = config(minimum={"smoke": [], "expect_body": "up"})
    (expected,) = expected_of(nothing)
    assert (commands(nothing), expected.expect_body) == ([], "up")


def test_commands_of_packages_without_a_service_count_too() -> None:
    assert commands(Config.model_validate({"smoke": ["demo --help"]})) == ["demo --help"]
    both = config(smoke=["demo --help"])
    assert commands(both) == ["demo --help", "demo ask"]


def test_nothing_without_a_service() -> None:
    assert expected_of(Config()) == []
