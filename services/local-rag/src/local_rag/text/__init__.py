"""Text work that needs no model: normalisation, hashes, chunks."""
