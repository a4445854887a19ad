"""The APT repository: a directory that any web server can serve as it is."""
