"""From a source package to .deb files: dependencies, cross builds, compiled wheels."""
