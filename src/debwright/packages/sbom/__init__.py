"""Software bills of materials: CycloneDX and SPDX next to the packages of every target."""

CYCLONEDX, SPDX = ".cdx.json", ".spdx.json"
