"""The command line, which talks to the running service."""
