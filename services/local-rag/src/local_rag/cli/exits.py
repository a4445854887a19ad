"""What the exit codes of the command mean; docs/usage.md lists them."""

OK = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
PARTLY = 4
