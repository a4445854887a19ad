"""Names of packages and of users."""

from hypothesis import given
from hypothesis import strategies as st

from debwright.init.model import package_name, user_name


@given(st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])", fullmatch=True))
def test_package_and_user_names_are_always_valid(name: str) -> None:
    package = package_name(name)
    assert len(package) >= 2
    assert set(package) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert package[0].isalnum()
    user = user_name(package)
    assert len(user) <= 31
    assert set(user) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-")
