"""Moving an installation to another place: from a venv to the package, back, and undone."""
