"""The codes of findings: what each means and how severe it is, declared where it is given.

A module that gives findings declares their codes as `CODES`, and makes the findings with it: a
finding with a code that is not declared cannot be made. The reference of codes, SARIF's rules and
the list of checks are made from these declarations.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from debwright.model.errors import DebwrightError
from debwright.model.results import Evidence, Finding, Severity

INFRASTRUCTURE = "infrastructure"
"""What the codes of faults of the machine and of its systems begin with."""
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


class UndeclaredCode(DebwrightError):
    """A mistake of debwright's own: a finding has a code, or a severity, that nothing declares."""


@dataclass(frozen=True)
class Code:
    """What a finding with this code says, and how severe it is."""

    severity: Severity
    says: str
    """One sentence for the reference."""
    level: str = ""
    """The key of debwright.toml that sets the severity, as `hardening.pie`."""
    emulated: Severity | None = None
    """The severity under an emulator, where it is another."""
    or_else: tuple[Severity, ...] = ()
    """Further severities that what was found may have."""

    @property
    def severities(self) -> tuple[Severity, ...]:
        more = () if self.emulated is None else (self.emulated,)
        return (self.severity, *more, *self.or_else)


class Codes(Mapping[str, Code]):
    """Declared codes by name. A name that ends in `/*` stands for all names of that form."""

    def __init__(self, codes: Mapping[str, Code]) -> None:
        self._codes = dict(codes)

    def __getitem__(self, name: str) -> Code:
        if name in self._codes:
            return self._codes[name]
        return self._codes[f"{name.split('/', 1)[0]}/*"]

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)

    def __or__(self, other: Mapping[str, Code]) -> "Codes":
        return Codes({**self._codes, **other})

    def under(self, area: str) -> "Codes":
        """The same codes with `area` before the stroke: what several checks give alike."""
        return Codes({f"{area}/{name.split('/', 1)[-1]}": c for name, c in self._codes.items()})

    def declared(self, name: str) -> Code:
        """The code's declaration. Raises UndeclaredCode."""
        try:
            return self[name]
        except KeyError:
            raise UndeclaredCode(
                f"debwright gave the code `{name}`, which is not declared",
                fix="declare it in the CODES of the module that gives it; until then this is a "
                "mistake of debwright's own: please report it",
            ) from None

    def found(
        self,
        name: str,
        message: str,
        *,
        evidence: tuple[Evidence, ...] = (),
        fix: str | None = None,
        severity: Severity | None = None,
        emulated: bool = False,
    ) -> Finding:
        """A finding, as severe as declared: under an emulator when it was found there.

        `severity` is for a code that declares several. Raises UndeclaredCode.
        """
        code = self.declared(name)
        chosen = severity or (emulated and code.emulated) or code.severity
        if chosen not in code.severities:
            raise UndeclaredCode(f"debwright gave the code `{name}` the severity {chosen}")
        return Finding(
            severity=chosen, code=name, message=message, evidence=evidence, fix=fix
        )  # fmt: skip

    def from_error(self, name: str, error: DebwrightError) -> Finding:
        """A finding that an error has become. Raises UndeclaredCode."""
        self.declared(name)
        return Finding.from_error(name, error)


class CodedError(DebwrightError):
    """An error that says the code of the finding it becomes. Raises UndeclaredCode instead."""

    codes: ClassVar[Codes]

    def __init__(self, what: str, *, code: str, **more: Any) -> None:
        super().__init__(what, **more)
        self.codes.declared(code)
        self.code = code
