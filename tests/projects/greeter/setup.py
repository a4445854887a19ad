"""Only the extension: setuptools before 74 cannot declare one in pyproject.toml."""

from setuptools import Extension, setup

setup(ext_modules=[Extension("greeter._tally", ["src/greeter/_tally.c"], libraries=["m"])])
