"""The table of stages in docs/architecture.md, from the list of stages itself."""

from debwright.pipeline.stages import STAGES
from tools.reference import text

PAGE = "docs/architecture.md"
BEGIN, END = "<!-- stages, written by tools/reference -->", "<!-- end of stages -->"


def markdown() -> str:
    """The page with the table as it should be; what stands around it is kept."""
    page = (text.TOP / PAGE).read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = [(s.name, s.does, f"`{_module(type(s))}`") for s in STAGES]
    table = "\n".join(text.table(("stage", "does", "module"), rows))
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _module(stage: type) -> str:
    return stage.__module__.removeprefix("debwright.").replace(".", "/") + ".py"
