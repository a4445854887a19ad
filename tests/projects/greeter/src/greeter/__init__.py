"""An HTTP service that greets people and estimates how many it has met."""

__version__ = "1.0.0"
