"""What a machine says of itself, and what fits it."""

import pytest

from debwright.model.targets import Target
from debwright.systems.facts import Facts, mismatch


@pytest.mark.parametrize(
    ("facts", "target", "why"),
    [
        (Facts("arm64", "debian", "bookworm"), "bookworm-arm64", None),
        (Facts("arm64", "debian", "bookworm"), "raspios-bookworm-arm64", None),
        (Facts("armhf", "raspbian", "bookworm"), "raspios-bookworm-arm64", "armhf packages"),
        (Facts("amd64", "ubuntu", "jammy"), "jammy-amd64", None),
        (Facts("amd64", "ubuntu", "jammy"), "bookworm-amd64", "runs ubuntu"),
        (Facts("amd64", "debian", "trixie"), "bookworm-amd64", "runs trixie"),
        (Facts("amd64", "debian", None), "sid-amd64", None),
    ],
)  # fmt: skip
def test_a_machine_and_a_target(facts: Facts, target: str, why: str | None) -> None:
    said = mismatch(facts, Target.parse(target))
    assert (said is None) if why is None else (said is not None and why in said)
