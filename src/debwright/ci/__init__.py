"""Workflows of CI services: one provider a module, and the same workflow run on this machine."""
