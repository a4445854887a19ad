"""`python -m debwright`."""

from debwright.cli.app import main

main()
