"""The one exception of the helper: what went wrong, in words for whoever builds the package."""

from __future__ import annotations


class Problem(Exception):
    """Printed as `wheelhouse: error: ...`; `lines` are evidence, as a compiler's last words."""

    def __init__(self, what: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.lines = lines
