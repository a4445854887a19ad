"""What broke a build, a check or the machine, told from its log: typed problems, never a guess."""
