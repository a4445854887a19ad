"""What changed since the last release: for debian/changelog and for people."""
