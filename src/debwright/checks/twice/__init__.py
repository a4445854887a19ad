"""Two packages side by side: what is the same in both, and what is not."""
