"""The one SQLite file that holds documents, chunks, vectors and jobs."""
