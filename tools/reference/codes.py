"""The codes of findings, read from debwright's source: where one is made, there is its text."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.reference import text

TOP = Path(__file__).parents[2]
SOURCE = TOP / "src/debwright"
CODE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*/[a-z0-9]+(?:-[a-z0-9]+)*")
# First words of codes made by calls whose names say nothing; other texts of that form are paths.
AREAS = frozenset(
    (
        "build", "buildpath", "check", "cleanup", "conffiles", "contents", "crash",
        "dependencies", "downgrade", "elf", "equivalence", "exposure", "files", "hardening",
        "infrastructure", "install", "journal", "key", "lintian", "malware", "purge",
        "reboot", "regression", "release", "reload", "repository", "reproducible", "restart",
        "sbom", "secrets", "service", "smoke", "source", "steady", "stop", "upgrade",
        "verify", "vulnerabilities", "waivers", "wheelhouse", "writes",
    )
)  # fmt: skip
SEVERITIES = {"error": "error", "warning": "warning"}


@dataclass(frozen=True, kw_only=True)
class Code:
    """A code, and what the first place that makes it says."""

    name: str
    severity: str
    says: str
    module: str


def sentence(node: ast.expr | None) -> str:
    """A message as it is written, with an ellipsis for each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            sentence(part) if isinstance(part, ast.Constant) else "…" for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return sentence(node.left) + sentence(node.right)
    return ""


def codes() -> list[Code]:
    """Every code, sorted; a code that is made at several places has the first one's text."""
    found: dict[str, Code] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for code in _of(path):
            known = found.get(code.name)
            if known is None or (code.says and not known.says):
                found[code.name] = code
    return [found[name] for name in sorted(found)]


def _of(path: Path) -> Iterator[Code]:
    module = str(path.relative_to(SOURCE))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _made(node, module)
        elif _is_code(node):
            # Handed on by a name, or given to a table: the text is elsewhere.
            yield Code(name=_text(node), severity="", says="", module=module)


def _made(call: ast.Call, module: str) -> Iterator[Code]:
    """The codes among a call's arguments, with the message beside them."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    named = {k.arg: k.value for k in call.keywords}
    for number, argument in enumerate(call.args):
        if _is_code(argument):
            following = call.args[number + 1] if number + 1 < len(call.args) else None
            says = sentence(named.get("message", following))
            yield Code(
                name=_text(argument), severity=SEVERITIES.get(called, ""), says=says, module=module
            )
    code = named.get("code")
    if code is not None and _is_code(code):
        # An exception that becomes a finding: its first argument is what happened.
        says = sentence(call.args[0] if call.args else None)
        yield Code(name=_text(code), severity="error", says=says, module=module)


def _is_code(node: ast.AST) -> bool:
    name = _text(node)
    return CODE.fullmatch(name) is not None and name.split("/")[0] in AREAS


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def markdown() -> str:
    """docs/reference/codes.md."""
    lines = [
        "# Codes of findings",
        "",
        "Each finding has a code that stays the same from version to version. `[checks]` sets the",
        "level of a whole check, `[[waivers]]` accepts one code until a day. An ellipsis stands",
        "for a name or a number; a text that is made from several parts is not shown.",
        "",
    ]
    area = ""
    rows: list[tuple[str, ...]] = []
    for code in codes():
        first = code.name.split("/")[0]
        if first != area:
            lines += _section(area, rows)
            area, rows = first, []
        rows.append((f"`{code.name}`", code.severity, code.says, f"`{code.module}`"))
    return "\n".join([*lines, *_section(area, rows)]).rstrip() + "\n"


def _section(area: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    if not rows:
        return
    yield from (f"## {area}", "")
    page = TOP / f"docs/checks/{area}.md"
    if page.is_file():
        yield from (f"More: [{area}](../checks/{area}.md).", "")
    yield from text.table(("code", "severity", "says", "made in"), rows)
    yield ""
