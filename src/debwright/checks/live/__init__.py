"""Checks on a booted system, one a file."""
