"""From a file's bytes to titled sections of text."""
