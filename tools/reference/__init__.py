"""Writes what is said of debwright from debwright itself: `python -m tools.reference`."""
