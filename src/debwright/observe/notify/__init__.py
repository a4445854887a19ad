"""Telling people of a release, or that there is none."""

from debwright.observe.notify.base import Event, tell_everyone

__all__ = ["Event", "tell_everyone"]
