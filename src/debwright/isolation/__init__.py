"""Namespaces, the process that holds them, control groups and emulation."""
