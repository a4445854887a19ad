"""What goes into a source package's wheelhouse/ beside the files: stands alone, Python 3.9 and up.

Nothing here may import debwright or anything outside the standard library: the source package is
built with plain dpkg-buildpackage, anywhere, without a network.
"""
