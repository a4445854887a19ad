"""Channels: the suites of a repository that hold the same packages at different ages.

`bookworm` is the stable one; `bookworm-candidate` and `bookworm-nightly` come before it.
"""

CHANNELS = ("stable", "candidate", "nightly")


def channel_suite(suite: str, channel: str, suffix: str = "") -> str:
    """The repository's suite for a distribution's suite and a channel."""
    return f"{suite}{suffix}" if channel == "stable" else f"{suite}{suffix}-{channel}"


def split_suite(name: str) -> tuple[str, str]:
    """What `channel_suite` put together: the suite with its suffix, and the channel."""
    for channel in CHANNELS[1:]:
        if name.endswith(f"-{channel}"):
            return name.removesuffix(f"-{channel}"), channel
    return name, CHANNELS[0]


def channel_of(version: str, *, exact: bool) -> str:
    """The channel of an upstream version: a release's, a pre-release's (it has a `~`), any other's.

    `exact` says that the version is a tag's and not of commits after it.
    """
    if not exact or "+git" in version or "+dirty" in version:
        return "nightly"
    return "candidate" if "~" in version else "stable"
