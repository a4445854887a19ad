"""Software bills of materials: CycloneDX and SPDX beside the packages of every target."""

from debwright.packages.sbom.make import Bill, make_sboms, names_of

__all__ = ["Bill", "make_sboms", "names_of"]
