"""What tests of several rooms use: one place makes packages, projects, keys and archives."""
