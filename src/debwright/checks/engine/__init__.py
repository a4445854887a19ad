"""What runs the checks, and what they share."""
