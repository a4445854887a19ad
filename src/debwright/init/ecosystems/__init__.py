"""The kinds of projects that `init` packages, a module or a package each."""
