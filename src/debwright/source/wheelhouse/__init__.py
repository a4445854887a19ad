"""The wheelhouse: Python distributions a source package carries, so that no build needs a network.

A lock with hashes is resolved for every architecture and Python that is configured (`resolve`), its
files are fetched (`fetch`), and become a component of the source package beside a helper that
installs them (`component`, `carried`). What has to be compiled is compiled once for each
architecture (`compiled`) and lent to the build of every suite.
"""
