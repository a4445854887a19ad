"""Attempts to get out of a sandbox, and what they must not have changed on this machine."""
