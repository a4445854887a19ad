import pytest

from debwright.repository.channels import CHANNELS, channel_of, channel_suite, split_suite


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("suite", ["bookworm", "raspios-bookworm", "bookworm-rolling"])
def test_a_suite_says_its_channel(suite: str, channel: str) -> None:
    assert split_suite(channel_suite(suite, channel)) == (suite, channel)


def test_the_suffix_is_of_the_suite() -> None:
    assert channel_suite("bookworm", "stable", "-acme") == "bookworm-acme"
    assert channel_suite("bookworm", "nightly", "-acme") == "bookworm-acme-nightly"


@pytest.mark.parametrize(
    ("version", "exact", "channel"),
    [
        ("1.2.3", True, "stable"),
        ("1.2.3~rc1", True, "candidate"),
        ("1.2.3+git5.20240101.gabc", False, "nightly"),
        ("1.2.3+git5.20240101.gabc", True, "nightly"),
        ("1.2.3~rc1", False, "nightly"),
        ("1.2.3+dirty20240101", True, "nightly"),
    ],
)
def test_the_version_says_the_channel(version: str, exact: bool, channel: str) -> None:
    assert channel_of(version, exact=exact) == channel
