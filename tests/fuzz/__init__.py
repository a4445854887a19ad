"""Fuzzing of every parser that reads bytes of others: see develop.md, "Fuzzing"."""
