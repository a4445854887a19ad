"""What is wrong just now, and telling of it once."""
