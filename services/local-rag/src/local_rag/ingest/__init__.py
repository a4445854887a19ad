"""Getting documents in, keeping them current."""
