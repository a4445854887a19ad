"""What must be true of a package before anyone gets it: one module per check."""
