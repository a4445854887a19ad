"""What is given by environment variables, as secrets are."""

import os

from debwright.model.errors import MissingError


def variable(
    name: str, *, cause: str | None = None, fix: str | None = None, may_be_empty: bool = False
) -> str:
    """The value of the environment variable `name`. Raises MissingError when it is not set."""
    value = os.environ.get(name)
    if value is None or not (value.strip() or may_be_empty):
        fix = fix or f"read -rs {name} && export {name}"
        raise MissingError(f"the environment variable {name} is not set", cause=cause, fix=fix)
    return value
