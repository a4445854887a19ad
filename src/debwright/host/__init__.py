"""This machine: processes and signals, files, HTTP, git, facts."""
