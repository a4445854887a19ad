"""The site: `make site` writes dist/site from the same pages that GitHub shows.

The source directory is the repository's root, so that a link between README, docs/ and the
service's own documentation means the same here and there.
"""

import html
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "src"))

from debwright import __version__  # noqa: E402

project = "debwright"
author = copyright = "The debwright authors"  # noqa: A001
release = version = __version__
html_title = f"debwright {release}"

root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "action/README.md",
    "docs/**.md",
    "services/local-rag/*.md",
    "services/local-rag/docs/*.md",
]
exclude_patterns = [
    ".*", "bench", "build", "debian", "dist", "docs/_static", "requirements", "scripts",
    "share", "src", "tests", "tools", "services/local-rag/[b-ce-z]*", "services/local-rag-models",
]  # fmt: skip

extensions = ["myst_parser", "sphinx_copybutton"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
myst_enable_extensions = ["deflist"]
# Only the commands, not what they print.
copybutton_prompt_text = "$ "

html_theme = "furo"
html_static_path = ["_static"]
html_extra_path = ["_root"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
# Nothing that is not among the files of the site.
html_theme_options = {"source_repository": ""}
suppress_warnings = ["misc.highlighting_failure"]


class Mermaid(Directive):
    """A diagram, drawn by the reader's browser from the text GitHub shows, too."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """One node with the diagram's source."""
        source = html.escape("\n".join(self.content))
        return [nodes.raw("", f'<pre class="mermaid">\n{source}\n</pre>', format="html")]


def _contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Make tables of contents of the lists of links on the front page.

    GitHub would show a directive as a block of code.
    """
    if name in ("docs/checks/README", "docs/install/README", "docs/diagnosis/README"):
        source[0] += "\n\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"
    if name != root_doc:
        return
    parts = re.split(r"^(## .*)$", source[0], flags=re.M)
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        pages = [p for p in re.findall(r"\]\(([^):#]+\.md)\)", body) if p]
        entries = "\n".join(
            "/" + str((TOP / "docs" / p).resolve().relative_to(TOP))[:-3] for p in pages
        )
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n:caption: {heading[3:]}\n\n{entries}\n```\n"


def _scripts(app: Sphinx, name: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Two megabytes of mermaid only where there is a diagram."""
    if tree is not None and any('class="mermaid"' in n.astext() for n in tree.findall(nodes.raw)):
        app.add_js_file("mermaid/mermaid.tiny.js")
        app.add_js_file("diagrams.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """What this site adds to its theme."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", _contents)
    app.connect("html-page-context", _scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
