"""GitHub's workflows: written from debwright.toml, compared with it, and run on this machine."""
