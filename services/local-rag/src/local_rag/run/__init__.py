"""The service put together."""
