"""Source packages, and binary packages built from them in throw-away roots."""
