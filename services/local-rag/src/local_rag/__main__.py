"""Lets `python -m local_rag` be the command."""

from local_rag.cli import main

main(prog_name="local-rag")
