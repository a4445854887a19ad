"""debwright turns a service into Debian packages that are proven to start."""

__version__ = "0.1.0"
