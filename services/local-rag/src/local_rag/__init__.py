"""local-rag: private question answering over one's own documents, on one machine."""

__version__ = "0.1.0"
