"""Whether a target's packages are the same product as those of another target or build."""

from collections.abc import Callable
from dataclasses import dataclass, field

from debwright.checks.engine.base import Check, CheckContext
from debwright.checks.twice import answers, control, elf, imports, shape
from debwright.checks.twice.equivalence import Equivalence
from debwright.checks.twice.sides import Side, Sides
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.results import Finding
from debwright.roots.store import Layer
from debwright.systems.base import System
from debwright.systems.runtime import runtime_layer

CODES = Codes(
    {
        "equivalence/not-compared": Code(WARNING, "Something could not be compared."),
        "equivalence/unreadable": Code(ERROR, "The packages cannot be read."),
        "equivalence/symbols-unread": Code(ERROR, "The symbols of the packages cannot be read."),
        "equivalence/not-imported": Code(ERROR, "The Python modules could not be imported."),
        "equivalence/not-answered": Code(ERROR, "A question has no answer."),
        "equivalence/emulated-build": Code(
            ERROR, "The package is cross-built, but does not build under emulation."
        ),
    }
)


class EquivalenceCheck(Check):
    """A target's packages are the same product as those of another target or build."""

    name = "equivalence"
    codes = CODES | shape.CODES | control.CODES | elf.CODES | imports.CODES | answers.CODES
    settings = ("equivalence", "service")
    asked_for = True


@dataclass
class Comparison:
    """What was found so far; several pairs of packages add to it."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measurements: dict[str, float] = field(default_factory=dict)

    def not_compared(self, what: str, why: str) -> None:
        """Something could not be compared: that must not look like a success."""
        self.findings.append(
            CODES.found("equivalence/not-compared", f"{what} were not compared: {why}")
        )

    def attempt(self, code: str, work: Callable[[], None]) -> None:
        """Do `work`; an error of it is a finding, and the other comparisons go on."""
        try:
            work()
        except DebwrightError as problem:
            self.findings.append(CODES.from_error(code, problem))


def compare_files(found: Comparison, sides: Sides, context: CheckContext) -> None:
    """File lists, control files and ELF machines; needs nothing but the packages."""
    asked = context.config.section(Equivalence)
    context.activity(f"files: {sides.left.name} and {sides.right.name}")

    def work() -> None:
        found.findings.extend(shape.shape_findings(sides, asked.ignore))
        found.findings.extend(control.control_findings(sides))
        found.findings.extend(elf.machine_findings(sides.right))

    found.attempt("equivalence/unreadable", work)
    found.notes.append(
        f"{sides.left.name} and {sides.right.name}: {len(sides.both())} package(s) compared"
    )


def compare_floor(found: Comparison, side: Side, context: CheckContext) -> None:
    """Whether the target's libraries have the symbols that the packages need."""
    context.activity(f"symbols of {side.name}")

    def work() -> None:
        findings, note = elf.floor_findings(side, _layer(context))
        found.findings.extend(findings)
        found.notes.append(note)

    found.attempt("equivalence/symbols-unread", work)


def compare_imports(
    found: Comparison, sides: Sides, left: CheckContext, right: CheckContext
) -> None:
    """Import the Python modules of both packages, each in a root of its own target."""
    more = left.config.section(Equivalence).python_paths
    modules = [imports.modules_of(side, more) for side in (sides.left, sides.right)]
    count = sum(len(names) for names in modules[0].values())
    if not any(modules):
        found.notes.append("there are no Python modules")
        return

    def work() -> None:
        results: list[imports.Imports] = []
        for context, names in zip((left, right), modules, strict=True):
            context.activity(f"importing {sum(map(len, names.values()))} modules")
            results.append(imports.import_all(context, _layer(context), names))
        found.findings.extend(imports.import_findings(sides, *results))
        found.measurements["modules"] = float(count)
        imported = sum(1 for why in results[1].results.values() if why is None)
        found.measurements["imported_modules"] = float(imported)

    found.attempt("equivalence/not-imported", work)


def compare_answers(
    found: Comparison,
    sides: Sides,
    left: CheckContext,
    right: CheckContext,
    system: System,
) -> None:
    """Ask both packages the configured questions."""
    asked = left.config.section(Equivalence)
    if not asked.questions:
        found.notes.append("no questions were asked: [[equivalence.questions]] names none")
        return
    missing = system.unavailable()
    one_suite = None if system.any_target else f"{system} is a machine of one suite"
    if why := one_suite or (missing and missing.in_one_line()):
        found.not_compared("answers", why)
        return

    def work() -> None:
        given = [answers.ask_all(context, system) for context in (left, right)]
        found.findings.extend(answers.answer_findings(sides, asked, *given))
        found.measurements["questions"] = float(len(asked.questions))

    found.attempt("equivalence/not-answered", work)


def _layer(context: CheckContext) -> Layer:
    return runtime_layer(
        context.roots, context.target, context.installable, context.log,
        companions=context.companions,
    )  # fmt: skip
