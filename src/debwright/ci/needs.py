"""What a repository must have on its CI service before its workflows can do their work."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_MARKS: Mapping[bool | None, str] = {True: "[x]", False: "[ ]", None: "[?]"}


@dataclass(frozen=True, kw_only=True)
class Need:
    """A secret, a setting, an environment or a policy that a person has to set up once."""

    kind: str
    name: str
    why: str
    how: str
    """A Command of debwright.model.fix, or a text with the command."""
    met: bool | None = None
    """Whether the service has it; None: not looked at."""
    found: str = ""

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}"


def checklist(needs: Iterable[Need]) -> list[str]:
    """Lines to tick off: what is there, what is missing and how to set it up."""
    lines = []
    for need in needs:
        lines.append(f"{_MARKS[need.met]} {need.title}: {need.why}")
        if need.found:
            lines.append(f"      {need.found}")
        if not need.met:
            lines.append(f"      {need.how}")
    return lines
