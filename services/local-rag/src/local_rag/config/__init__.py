"""The configuration: its files and its keys."""
