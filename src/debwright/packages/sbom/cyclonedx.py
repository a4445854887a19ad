"""A bill of materials of Debian packages in CycloneDX 1.6, and what is bundled in them added.

Source: the CycloneDX JSON specification 1.6; debsbom writes the Debian part.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from debwright.packages.debs import Deb
from debwright.packages.distributions import Distribution
from debwright.packages.sbom.licences import expression, is_single
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
    """debsbom's document with hashes of the packages and with the bundled distributions.

    `bundled` is by package name, `wheels` by name and version. Lists are sorted: debsbom's order
    is that of Python's sets.
    """
    document["metadata"]["component"]["type"] = "application"
    document["metadata"]["tools"]["components"].append(
        {"type": "application", "name": "debwright", "version": tool}
    )
    by_ref = {c["bom-ref"]: c for c in document["components"]}
    depends = {d["ref"]: list(d.get("dependsOn", [])) for d in document["dependencies"]}
    for deb in debs:
        found = [r for r in list(by_ref) if _is_of(by_ref[r], deb)]
        for ref in found:
            by_ref[ref]["hashes"] = [{"alg": "SHA-256", "content": deb.sha256}]
            by_ref[ref]["properties"] = [
                *by_ref[ref].get("properties", []),
                *({"name": f"debian:{n.lower()}", "value": v} for n, v in deb.relations.items()),
            ]
            for distribution in bundled.get(deb.package, ()):
                component = _component(distribution, wheels, deb)
                by_ref[component["bom-ref"]] = component
                depends[ref] = [*depends.get(ref, []), component["bom-ref"]]
                depends.setdefault(component["bom-ref"], [])
    document["components"] = [by_ref[r] for r in sorted(by_ref)]
    document["dependencies"] = [
        {"ref": r, **({"dependsOn": sorted(set(depends[r]))} if depends[r] else {})}
        for r in sorted(depends)
    ]
    for component in document["components"]:
        if "properties" in component:
            component["properties"].sort(key=lambda p: (p["name"], p["value"]))
    return document


def _is_of(component: Document, deb: Deb) -> bool:
    return (
        component["name"] == deb.package
        and component["version"] == deb.version
        and str(component["purl"]).endswith(f"arch={deb.arch}")
    )


def _component(
    found: Distribution, wheels: Mapping[tuple[str, str], Wheel], deb: Deb
) -> Document:  # fmt: skip
    wheel = wheels.get((found.name, found.version))
    component: Document = {
        "type": "library",
        "bom-ref": f"{found.purl}#{deb.package}{found.path}",
        "name": found.name,
        "version": found.version,
        "purl": found.purl,
        "scope": "required",
        "properties": [
            {"name": "debwright:package", "value": deb.package},
            {"name": "debwright:path", "value": found.path},
            {"name": "debwright:files", "value": str(found.files)},
            {"name": "debwright:files-sha256", "value": found.sha256},
        ],
    }
    if found.summary:
        component["description"] = " ".join(found.summary.split())
    if licences := _licences(found, wheel):
        component["licenses"] = licences
    if found.homepage:
        component["externalReferences"] = [{"type": "website", "url": found.homepage}]
    if wheel is not None:
        component["hashes"] = [{"alg": "SHA-256", "content": wheel.sha256}]
        component["properties"].append({"name": "debwright:archive", "value": wheel.file})
    return component


def _licences(found: Distribution, wheel: Wheel | None) -> list[Document]:
    text = found.licence or (wheel.licence if wheel else None)
    if not text:
        return []
    spdx = expression(text)
    if spdx is None:
        return [{"license": {"name": text}}]
    return [{"license": {"id": spdx}}] if is_single(spdx) else [{"expression": spdx}]
