"""GitHub: a client of its REST API, with the few calls that releases, metrics and issues need."""
