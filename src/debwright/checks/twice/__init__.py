"""Comparing two builds: a second one of the same target, or one of another."""
