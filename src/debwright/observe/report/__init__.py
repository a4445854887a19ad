"""The reports of a run: JSON, HTML, Markdown, JUnit XML, and the table on the terminal."""
