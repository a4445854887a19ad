"""What is taken away from a machine."""

import pytest

from debwright.systems.ssh import named_after


@pytest.mark.parametrize(
    ("path", "mine"),
    [
        ("/var/lib/demo", True),
        ("/etc/demo.conf", True),
        ("/etc/systemd/system/demo.service.d/local.conf", True),
        ("/var/lib/other", False),
        ("/home/jo/demo", False),
        ("/home/jo/demo.txt", False),
        ("/srv/demo/data", False),
        ("/root/demo", False),
    ],
)
def test_what_people_name_after_a_package_is_theirs(path: str, mine: bool) -> None:
    """It came while a machine was checked, and would have been removed from it."""
    assert named_after(path, {"demo"}) is mine
