"""Checks on package files, one a file."""
