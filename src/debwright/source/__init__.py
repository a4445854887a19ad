"""From a source tree to a source package: version, digest, wheelhouse."""
