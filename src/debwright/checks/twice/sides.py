"""The two sides of a comparison."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from debwright.model.targets import Target
from debwright.packages.debs import Deb

SHOWN = 30
"""Lines of evidence of one finding."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One target's packages, by name; debug symbols and `all` packages are left out."""

    name: str
    """As `bookworm-arm64` or `bookworm-arm64 (emulated)`."""
    target: Target
    debs: Sequence[Deb]

    @property
    def packages(self) -> dict[str, Deb]:
        return {d.package: d for d in self.debs if not d.debug and d.arch != "all"}

    def plain(self, text: str) -> str:
        """`text` without what names the architecture: its triplets, and the `:ARCH` of packages."""
        row = self.target.architecture
        plain = text.replace(row.gnu, "<triplet>").replace(row.libraries, "<triplet>")
        return re.sub(rf"(?<=[a-z0-9+.-]):{self.target.arch}\b", ":<arch>", plain)


@dataclass(frozen=True, kw_only=True)
class Sides:
    left: Side
    right: Side

    def both(self) -> list[tuple[Deb, Deb]]:
        """The packages that both have."""
        left, right = self.left.packages, self.right.packages
        return [(left[name], right[name]) for name in sorted(left.keys() & right.keys())]

    @property
    def same_arch(self) -> bool:
        return self.left.target.arch == self.right.target.arch
