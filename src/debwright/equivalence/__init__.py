"""Whether the packages of two targets are the same product."""
