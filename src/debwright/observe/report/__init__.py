"""The reports of a run: JSON, HTML, Markdown, JUnit XML, and the table on the terminal."""

from debwright.report.markdown import render as render_markdown
from debwright.report.summary import summary_table
from debwright.report.write import schema, to_json, write_reports

__all__ = ["render_markdown", "schema", "summary_table", "to_json", "write_reports"]
