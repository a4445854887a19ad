"""Telling people of a release, or that there is none."""
