"""A record of a failure may come from elsewhere: its command is put at a prompt."""

from debwright.observe.diagnose.failed import FailedStage


def test_a_recorded_command_is_one_line_without_escapes() -> None:
    record = FailedStage(
        target="bookworm-amd64", stage="build", strategy="native",
        command=("make", "all\n", "\x1b[2Kls\rrm -rf ~", "a\tb", "\u202egnirts", "größe"),
    )  # fmt: skip
    assert record.command == ("make", "all ", " [2Kls rm -rf ~", "a b", " gnirts", "größe")
    assert "\x1b" not in str(record.reproduction().run)
