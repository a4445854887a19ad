"""Makers for tests: files, documents, models, services, and drivers of command and page."""

from pathlib import Path

TOP = Path(__file__).parents[2]
