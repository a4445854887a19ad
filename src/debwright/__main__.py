"""`python -m debwright`."""

from debwright.cli import main

main()
