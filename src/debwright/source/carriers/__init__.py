"""What source packages may carry: one module, named as its table of debwright.toml, a kind."""
