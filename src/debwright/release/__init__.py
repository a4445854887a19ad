"""A release: its changelog, its notes, a draft with every file, and its publication."""
