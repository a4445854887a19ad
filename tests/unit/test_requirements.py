"""The lock files agree: what builds is what was tested."""

from tools.reference.versions import pins


def test_the_tests_run_with_the_packages_that_are_shipped() -> None:
    """scripts/lib/setup.sh takes an environment for the tests as one for building, too."""
    tested = dict(pins("dev.txt"))
    assert {name: tested.get(name) for name, _ in pins("run.txt")} == dict(pins("run.txt"))
