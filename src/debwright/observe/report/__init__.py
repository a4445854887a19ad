"""The reports of a run: JSON, HTML, Markdown, JUnit XML, and the table on the terminal."""

from debwright.observe.report.markdown import render as render_markdown
from debwright.observe.report.summary import summary_table
from debwright.observe.report.write import schema, to_json, write_reports

__all__ = ["render_markdown", "schema", "summary_table", "to_json", "write_reports"]
