"""Addresses of machines."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from debwright.model.errors import UsageError
from debwright.systems.ssh.connection import Address


@pytest.mark.parametrize(
    ("text", "destination", "port"),
    [
        ("ssh://pi@raspberrypi.local", "pi@raspberrypi.local", None),
        ("ssh://board:2222", "board", 2222),
        ("ssh://root@192.0.2.7:22/", "root@192.0.2.7", 22),
        ("ssh://pi@[2001:db8::1]:2200", "pi@2001:db8::1", 2200),
    ],
)
def test_addresses(text: str, destination: str, port: int | None) -> None:
    address = Address.parse(text)
    assert (address.destination, address.port) == (destination, port)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["ssh://", "ssh://-oProxyCommand=x", "ssh://pi@-x", "ssh://a b", "ssh://a;b", "ssh://pi@h:0",
     "ssh://pi@h:65536", "ssh://pi@h/etc", "ssh://a@b@c", "ssh://$(x)", "http://h", "ssh://h\n"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        Address.parse(text)


@given(st.text(max_size=60))
@example("ssh://-x")
def test_no_address_can_be_an_option(text: str) -> None:
    try:
        address = Address.parse(f"ssh://{text}")
    except UsageError:
        return
    assert not address.destination.startswith("-")
    assert set(address.destination) <= set(string.ascii_letters + string.digits + "@._-:")
