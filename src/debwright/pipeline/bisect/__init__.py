"""Which commit, or which version of a dependency, a failure came with: found by halving."""
