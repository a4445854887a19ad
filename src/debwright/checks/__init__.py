"""Checks: what a package must show before it may be published."""
