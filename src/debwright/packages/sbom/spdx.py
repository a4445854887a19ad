"""A bill of materials of Debian packages in SPDX 2.3, and what is bundled in them added.

Source: the SPDX specification 2.3, chapters 7 and 11; debsbom writes the Debian part.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from debwright.packages.debs import Deb
from debwright.packages.distributions import Distribution
from debwright.packages.sbom.licences import expression
from debwright.packages.sbom.wheels import Wheel

Document = dict[str, Any]


def complete(
    document: Document,
    *,
    debs: Sequence[Deb],
    bundled: Mapping[str, Sequence[Distribution]],
    wheels: Mapping[tuple[str, str], Wheel],
    tool: str,
) -> Document:
    """debsbom's document with checksums of the packages and with the bundled distributions."""
    document["creationInfo"]["creators"].append(f"Tool: debwright-{tool}")
    packages, relationships = document["packages"], document["relationships"]
    root = next(
        r["relatedSpdxElement"] for r in relationships if r["relationshipType"] == "DESCRIBES"
    )
    for package in packages:
        if package["SPDXID"] == root:
            package["primaryPackagePurpose"] = "APPLICATION"
    for deb in debs:
        for package in [p for p in packages if _is_of(p, deb)]:
            package["checksums"] = [{"algorithm": "SHA256", "checksumValue": deb.sha256}]
            package["packageFileName"] = deb.path.name
            for distribution in bundled.get(deb.package, ()):
                made = _package(distribution, wheels, deb)
                packages.append(made)
                relationships.append(
                    {
                        "spdxElementId": package["SPDXID"],
                        "relatedSpdxElement": made["SPDXID"],
                        "relationshipType": "CONTAINS",
                    }
                )
    packages.sort(key=lambda p: str(p["SPDXID"]))
    relationships.sort(
        key=lambda r: (r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"])
    )
    return document


def _is_of(package: Document, deb: Deb) -> bool:
    return (
        package["name"] == deb.package
        and package.get("versionInfo") == deb.version
        and package.get("primaryPackagePurpose") == "LIBRARY"
    )


def _package(
    found: Distribution, wheels: Mapping[tuple[str, str], Wheel], deb: Deb
) -> Document:  # fmt: skip
    wheel = wheels.get((found.name, found.version))
    licence = expression(found.licence or (wheel.licence if wheel else None))
    # An SPDXID takes letters, digits, dots and hyphens (7.2); the digest tells two places apart.
    place = hashlib.sha256(f"{deb.package}{found.path}".encode()).hexdigest()[:8]
    identifier = re.sub(r"[^A-Za-z0-9.-]", "-", f"pypi-{found.name}-{found.version}-{place}")
    package: Document = {
        "SPDXID": f"SPDXRef-{identifier}",
        "name": found.name,
        "versionInfo": found.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence or "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "LIBRARY",
        "comment": f"bundled in {deb.package} as {found.path}; SHA-256 of the list of its "
        f"{found.files} files: {found.sha256}",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE_MANAGER",
                "referenceType": "purl",
                "referenceLocator": found.purl,
            }
        ],
    }
    if found.summary:
        package["summary"] = " ".join(found.summary.split())
    if found.licence and licence is None:
        package["licenseComments"] = f"the distribution says: {found.licence}"
    if found.homepage:
        package["homepage"] = found.homepage
    if wheel is not None:
        package["checksums"] = [{"algorithm": "SHA256", "checksumValue": wheel.sha256}]
        package["packageFileName"] = wheel.file
    return package
