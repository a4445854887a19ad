"""The state of all targets and how it came to be, as one page."""
