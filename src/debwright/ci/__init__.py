"""Workflows of CI services: written from debwright.toml, and run on this machine."""
