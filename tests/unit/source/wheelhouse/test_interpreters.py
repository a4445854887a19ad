"""The Pythons of the configured targets, and the wheels each can use."""

import pytest

from debwright.config import Config
from debwright.model.errors import ConfigError
from debwright.source.wheelhouse.interpreters import Interpreter, interpreters


def config(*targets: str, **suites: dict[str, str]) -> Config:
    return Config.model_validate({"targets": {"build": list(targets)}, "suites": suites})


def test_one_for_each_architecture_and_python() -> None:
    found = interpreters(
        config("trixie-arm64", "bookworm-amd64", "bookworm-arm64", "raspios-bookworm-arm64")
    )
    assert [i.name for i in found] == ["amd64/3.11", "arm64/3.11", "arm64/3.13"]
    assert [i.glibc for i in found] == [(2, 36), (2, 36), (2, 41)]
    assert found[0].full == "3.11.2"


def test_suites_with_one_python_share_the_oldest_library() -> None:
    found = interpreters(
        config(
            "noble-amd64", "mine-amd64",
            mine={"mirror": "http://example.org/", "python": "3.12.1", "glibc": "2.37"},
        )
    )  # fmt: skip
    (one,) = found
    assert (one.python, one.full, one.glibc) == ("3.12", "3.12.1", (2, 37))


def test_a_suite_nothing_is_known_of() -> None:
    with pytest.raises(ConfigError, match="Python of mine is not known") as caught:
        interpreters(config("mine-amd64", mine={"mirror": "http://example.org/"}))
    assert "[suites.mine]" in (caught.value.fix or "")


def one(arch: str = "amd64", python: str = "3.11", glibc: tuple[int, int] = (2, 36)) -> Interpreter:
    return Interpreter(arch=arch, python=python, full=f"{python}.2", glibc=glibc)


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("cp311-cp311-manylinux_2_36_x86_64", True),
        ("cp311-cp311-manylinux_2_37_x86_64", False),
        ("cp311-cp311-manylinux_2_17_aarch64", False),
        ("cp311-cp311-manylinux2014_x86_64", True),
        ("cp38-abi3-manylinux1_x86_64", True),
        ("cp312-abi3-manylinux1_x86_64", False),
        ("cp312-cp312-manylinux_2_17_x86_64", False),
        ("cp311-cp311-musllinux_1_2_x86_64", False),
        ("cp311-cp311-win_amd64", False),
        ("py3-none-any", True),
        ("py3-none-manylinux_2_28_x86_64", True),
        ("cp311-cp311t-manylinux_2_17_x86_64", False),
    ],
)
def test_which_tags_fit(tag: str, fits: bool) -> None:
    assert (tag in {str(t) for t in one().tags()}) is fits


def test_arm64_has_no_wheels_older_than_2014() -> None:
    tags = {str(t) for t in one("arm64").tags()}
    assert "py3-none-manylinux2014_aarch64" in tags
    assert not any("manylinux1_" in t or "manylinux2010_" in t for t in tags)


def test_the_nearest_wheel_comes_first() -> None:
    tags = [str(t) for t in one().tags()]
    order = ["cp311-cp311-manylinux_2_28_x86_64", "cp311-abi3-manylinux_2_28_x86_64",
             "py3-none-manylinux_2_28_x86_64", "py3-none-any"]  # fmt: skip
    assert sorted(order, key=tags.index) == order


def test_markers_are_those_of_the_target_and_not_of_this_machine() -> None:
    environment = one("arm64", "3.9").environment()
    assert environment["platform_machine"] == "aarch64"
    assert environment["python_full_version"] == "3.9.2"
    assert environment["python_version"] == "3.9"
