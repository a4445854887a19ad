"""Targets, suites and the choice of a strategy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debwright.model import targets
from debwright.model.errors import MissingError, UsageError
from debwright.model.fix import Setup
from debwright.model.targets import (
    SUITES,
    HostFacts,
    Obstacle,
    Strategy,
    Target,
    also_on,
    choose_strategy,
    select,
)

BUILD = [Target.parse(t) for t in ("bookworm-amd64", "bookworm-arm64", "trixie-arm64")]
AMD64 = HostFacts(arch="amd64", runnable=frozenset({"i386"}), emulated={"arm64": None})


@pytest.mark.parametrize("target", targets.known_targets(), ids=str)
def test_every_known_target_survives_text(target: Target) -> None:
    assert Target.parse(str(target)) == target
    assert target.architecture.name == target.arch


def test_the_architecture_is_what_follows_the_last_dash() -> None:
    assert Target.parse("raspios-bookworm-arm64") == Target("raspios-bookworm", "arm64")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("bookwrom-arm63", "bookworm-arm64"),
        ("bookworm", "bookworm-"),
        ("bookworm-x86_64", "bookworm-"),
        ("Bookworm-amd64", "bookworm-amd64"),
        ("trixie_arm64", "trixie-arm64"),
    ],
)
def test_a_wrong_target_names_the_nearest(text: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        Target.parse(text)
    assert text in caught.value.what
    assert meant in (caught.value.fix or "")


@pytest.mark.parametrize(
    "text", ["", "-", "-amd64", "../x-amd64", "a b-amd64", "x\n-amd64", "a--amd64"]
)
def test_a_hostile_target_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Target.parse(text)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_parse_refuses_or_gives_back_the_text(text: str) -> None:
    try:
        target = Target.parse(text)
    except UsageError:
        return
    assert str(target) == text


def test_select_without_patterns_takes_all_once() -> None:
    assert select([*BUILD, *BUILD], []) == tuple(BUILD)


def test_select_keeps_the_order_of_the_targets() -> None:
    assert select(BUILD, ["trixie-*", "*-amd64"]) == (BUILD[0], BUILD[2])


def test_a_pattern_without_a_match_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        select(BUILD, ["*-amd64", "trixie-amr64"])
    assert caught.value.what == "no target matches `trixie-amr64`"
    assert caught.value.fix == "-t trixie-arm64"


def test_the_catalogue_is_whole() -> None:
    assert list(SUITES) == [
        *(
            "bullseye",
            "bookworm",
            "trixie",
            "sid",
            "jammy",
            "noble",
            "resolute",
            "raspios-bookworm",
            "raspios-trixie",
        )
    ]
    for suite in SUITES.values():
        assert suite.architectures <= targets.ARCHITECTURES.keys()
        assert suite.keyring
        assert suite.python
        assert all(url.startswith("http://") for url in suite.archive.urls("amd64"))


def test_an_unknown_suite_assumes_nothing() -> None:
    info = targets.suite_info("forky", distribution="kali")
    assert (info.known, info.release, info.keyring, info.distribution) == (
        *(False, None, None, "kali"),
    )
    with pytest.raises(UsageError):
        targets.suite_info("../etc")


@pytest.mark.parametrize(
    ("target", "strategy", "passed_over"),
    [
        ("bookworm-amd64", Strategy.NATIVE, []),
        ("bookworm-i386", Strategy.NATIVE, []),
        ("bookworm-arm64", Strategy.CROSS, [Strategy.NATIVE]),
        ("raspios-bookworm-arm64", Strategy.EMULATED, [Strategy.NATIVE, Strategy.CROSS]),
    ],
)
def test_auto_takes_the_first_that_works(
    target: str, strategy: Strategy, passed_over: list[Strategy]
) -> None:
    choice = choose_strategy(Target.parse(target), "auto", AMD64)
    assert choice.strategy is strategy
    assert [s for s, _ in choice.rejected] == passed_over
    assert choice.reason
    assert all(why for _, why in choice.rejected)


@pytest.mark.parametrize("host", ["amd64", "arm64", "i386", "ppc64el"])
def test_cross_hosts_reach_every_other_architecture(host: str) -> None:
    assert {a for a in targets.ARCHITECTURES if targets.can_cross(host, a)} == (
        targets.ARCHITECTURES.keys() - {host}
    )


@pytest.mark.parametrize("host", ["armhf", "riscv64", "s390x"])
def test_other_hosts_emulate(host: str) -> None:
    facts = HostFacts(arch=host, emulated={"amd64": None})
    target = Target("trixie", "amd64")
    assert choose_strategy(target, "auto", facts).strategy is Strategy.EMULATED
    with pytest.raises(UsageError, match="cross-compilation"):
        choose_strategy(target, "cross", facts)


def test_a_wanted_strategy_is_kept_even_if_not_the_first() -> None:
    choice = choose_strategy(Target("bookworm", "arm64"), Strategy.EMULATED, AMD64)
    assert choice.strategy is Strategy.EMULATED
    assert choice.reason.startswith("asked for")


@pytest.mark.parametrize(
    ("target", "wanted", "kind"),
    [
        ("bookworm-arm64", "native", UsageError),
        ("bookworm-amd64", "cross", UsageError),
        ("bookworm-amd64", "emulated", UsageError),
        ("bookworm-s390x", "emulated", MissingError),
        ("raspios-bookworm-arm64", "cross", UsageError),
    ],
)
def test_a_strategy_that_cannot_be_had_says_what_to_do(
    target: str, wanted: str, kind: type[UsageError]
) -> None:
    with pytest.raises(kind) as caught:
        choose_strategy(Target.parse(target), wanted, AMD64)
    assert type(caught.value) is kind
    assert caught.value.cause
    assert caught.value.fix


def test_a_broken_emulator_says_why_and_how_to_install_one() -> None:
    facts = HostFacts(arch="armhf", emulated={"arm64": Obstacle(why="binfmt_misc is not mounted")})
    with pytest.raises(MissingError) as caught:
        choose_strategy(Target("bookworm", "arm64"), "auto", facts)
    assert "binfmt_misc is not mounted" in (caught.value.cause or "")
    assert "apt-get install qemu-user-static" in (caught.value.fix or "")


def test_a_broken_emulator_that_is_there_is_enabled_not_installed() -> None:
    enable = Setup("update-binfmts", "--enable", "qemu-aarch64")
    broken = Obstacle(why="qemu-aarch64 is registered but disabled", fix=enable)
    facts = HostFacts(arch="amd64", emulated={"arm64": broken})
    for wanted in ("emulated", "auto"):
        target = Target("raspios-bookworm", "arm64")  # which has no cross compiler
        with pytest.raises(MissingError) as caught:
            choose_strategy(target, wanted, facts)
        assert caught.value.fix is enable


def test_an_unknown_strategy_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        choose_strategy(BUILD[0], "emulate", AMD64)
    assert caught.value.fix == "--strategy emulated"


def test_packages_of_the_first_target_go_elsewhere() -> None:
    build = ["bookworm-amd64", "trixie-amd64", "bookworm-arm64"]
    wanted = ["trixie-amd64", "jammy-amd64", "jammy-arm64"]

    def go(target: str) -> list[str]:
        return [str(t) for t in also_on(build, wanted, Target.parse(target))]

    assert go("bookworm-amd64") == ["trixie-amd64", "jammy-amd64"]
    assert go("trixie-amd64") == []
    assert go("bookworm-arm64") == ["jammy-arm64"]
