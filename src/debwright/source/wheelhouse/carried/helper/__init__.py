"""The parts of wheelhouse.py: standard library only, Python 3.9 and up."""
