"""What each debwright command does, once its arguments are read."""
