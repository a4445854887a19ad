"""The tables of docs/architecture.md: rooms from the contract of imports, stages from the list."""

import importlib
import tomllib

from debwright.pipeline.stages import STAGES
from tools.reference import text

PAGE = "docs/architecture.md"


def rooms() -> list[str]:
    """The rooms from the top down, as pyproject.toml has them for import-linter."""
    project = tomllib.loads((text.TOP / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    return next(list(c["layers"]) for c in contracts if c["id"] == "rooms")


def markdown() -> str:
    """The page with its tables as they should be; what stands around them is kept."""
    page = (text.TOP / PAGE).read_text(encoding="utf-8")
    said = [(f"`{room}/`", _said(f"debwright.{room}")) for room in rooms()]
    page = _with(page, "rooms", "\n".join(text.table(("room", "what is in it"), said)))
    rows = [(s.name, s.does, f"`{_module(type(s))}`") for s in STAGES]
    return _with(page, "stages", "\n".join(text.table(("stage", "does", "module"), rows)))


def _with(page: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name}, written by tools/reference -->", f"<!-- end of {name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def _said(package: str) -> str:
    return (importlib.import_module(package).__doc__ or "").splitlines()[0].rstrip(".")


def _module(stage: type) -> str:
    return stage.__module__.removeprefix("debwright.").replace(".", "/") + ".py"
