"""Plain types, errors and small tools that every room uses."""
