"""The routes of the interface, one file a part of it."""
