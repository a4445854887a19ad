"""The CI services that workflows are written for, a module or a package each."""
