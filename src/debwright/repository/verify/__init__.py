"""Checking what was published as its users would, and saying why it is not good."""
