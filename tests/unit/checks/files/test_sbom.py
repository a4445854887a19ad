"""Bills of materials: complete, valid by the formats' own validators, the same bytes each time."""

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.kit.debs import build
from tests.kit.packages import context

from debwright.checks.files.sbom import SbomCheck
from debwright.model.results import Status
from debwright.packages.debs import Deb, read_deb
from debwright.packages.sbom.licences import expression
from debwright.packages.sbom.make import make_sboms
from debwright.packages.sbom.wheels import read_manifest

WHEEL_SHA = hashlib.sha256(b"wheel").hexdigest()
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2026 Jo
License: Apache-2.0
 on Debian systems, see /usr/share/common-licenses/Apache-2.0
"""


def info(name: str, version: str, *lines: str) -> dict[str, Any]:
    base = f"/usr/lib/demo/{name}-{version}.dist-info"
    text = "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines])
    return {
        f"{base}/METADATA": text + "\n\nbody\n",
        f"{base}/RECORD": f"{name}.py,,\n../../../etc/passwd,,\n{base[14:]}/RECORD,,\n",
        f"/usr/lib/demo/{name}.py": "x = 1\n",
    }  # fmt: skip


def packages(directory: Path) -> list[Deb]:
    files = {
        "/usr/share/doc/demo/copyright": COPYRIGHT,
        **info("Acme_Tools", "1.4", "License-Expression: MIT OR Apache-2.0", "Summary: tools",
               "Project-URL: Homepage, https://acme.example"),
        **info("plain", "2.0", "License: The MIT License"),
        **info("odd", "3.0", "License: Acme Licence, see LICENSE"),
        "/usr/lib/demo/broken-1.dist-info/METADATA": "no fields here\n",
    }  # fmt: skip
    main = build(directory, files, more="Depends: python3 (>= 3.11), libc6\n")
    data = build(directory, {"/usr/share/demo-data/x": "x"}, name="demo-data", arch="all",
                 more="Source: demo\n")  # fmt: skip
    return [read_deb(main), read_deb(data)]


def wheelhouse(directory: Path) -> Path:
    path = directory / "demo_1.0.orig-wheelhouse.tar.gz"
    manifest = {"format": 1, "files": [
        {"name": "acme-tools", "version": "1.4", "file": "acme_tools-1.4-py3-none-any.whl",
         "sha256": WHEEL_SHA, "use": "run", "interpreters": ["amd64/3.11", "arm64/3.11"]},
        {"name": "acme-tools", "version": "1.4", "file": "aaa-other.whl",
         "sha256": "0" * 64, "use": "run", "interpreters": ["amd64/3.13"]},
        {"name": "plain", "version": "2.0", "file": "plain-2.0.whl",
         "sha256": "1" * 64, "use": "build", "interpreters": ["amd64/3.11"]},
    ]}  # fmt: skip
    data = json.dumps(manifest).encode()
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("wheelhouse/manifest.json")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return path


def make(directory: Path, name: str = "out") -> tuple[dict[str, Any], dict[str, Any], list[Path]]:
    source = directory / f"{name}-in"
    source.mkdir()
    debs = packages(source)
    out, scratch = directory / name, directory / f"{name}-scratch"
    out.mkdir()
    scratch.mkdir()
    bill = make_sboms(
        debs,
        out,
        arch="amd64",
        vendor="debian",
        scratch=scratch,
        beside=[wheelhouse(source)],
        python="3.11",
    )
    cdx, spdx = (json.loads(p.read_text()) for p in bill.paths)
    return cdx, spdx, bill.paths


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, Any], dict[str, Any], list[Path]]:
    return make(tmp_path_factory.mktemp("sbom"))


Made = tuple[dict[str, Any], dict[str, Any], list[Path]]


def test_cyclonedx_is_valid_by_its_schema(made: Made) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    document = made[2][0].read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document) is None


def test_spdx_is_valid_by_its_own_tools(made: Made) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = parse_file(str(made[2][1]))
    assert validate_full_spdx_document(document) == []


def test_cyclonedx_lists_packages_and_what_they_bundle(made: Made) -> None:
    cdx = made[0]
    by_purl = {c["purl"]: c for c in cdx["components"]}
    assert set(by_purl) == {
        "pkg:deb/debian/demo@1.0-1?arch=amd64", "pkg:deb/debian/demo-data@1.0-1?arch=all",
        "pkg:deb/debian/demo@1.0-1?arch=source", "pkg:pypi/acme-tools@1.4", "pkg:pypi/plain@2.0",
        "pkg:pypi/odd@3.0",
    }  # fmt: skip
    acme = by_purl["pkg:pypi/acme-tools@1.4"]
    assert acme["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert acme["hashes"] == [{"alg": "SHA-256", "content": WHEEL_SHA}]
    assert by_purl["pkg:pypi/plain@2.0"]["licenses"] == [{"license": {"id": "MIT"}}]
    odd = by_purl["pkg:pypi/odd@3.0"]["licenses"]
    assert odd == [{"license": {"name": "Acme Licence, see LICENSE"}}]
    deb = by_purl["pkg:deb/debian/demo@1.0-1?arch=amd64"]
    assert deb["hashes"][0]["content"] in {d.sha256 for d in packages_of(made)}
    depends = {d["ref"]: d.get("dependsOn", []) for d in cdx["dependencies"]}
    assert acme["bom-ref"] in depends[deb["bom-ref"]]
    assert cdx["metadata"]["component"]["type"] == "application"
    assert {"name": "debwright:files", "value": "2"} in acme["properties"]


def packages_of(made: Made) -> list[Deb]:
    source = made[2][0].parent.with_name(f"{made[2][0].parent.name}-in")
    return [read_deb(p) for p in source.glob("*.deb")]


def test_spdx_lists_the_same(made: Made) -> None:
    spdx = made[1]
    licences = {p["name"]: p["licenseDeclared"] for p in spdx["packages"]}
    assert licences["acme-tools"] == "MIT OR Apache-2.0"
    assert licences["plain"] == "MIT"
    assert licences["odd"] == "NOASSERTION"
    contained = [r for r in spdx["relationships"] if r["relationshipType"] == "CONTAINS"]
    assert len(contained) == 3
    assert {r["spdxElementId"] for r in contained} == {"SPDXRef-demo-amd64"}


def test_the_same_packages_give_the_same_bytes(made: Made, tmp_path: Path) -> None:
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    out.mkdir()
    scratch.mkdir()
    source = made[2][0].parent.with_name("out-in")
    copied = [Path(shutil.copy(p, tmp_path)) for p in sorted(source.glob("*.deb"), reverse=True)]
    debs = sorted((read_deb(p) for p in copied), key=lambda d: d.package)
    again = make_sboms(
        debs, out, arch="amd64", vendor="debian", scratch=scratch,
        beside=source.glob("*.tar.gz"), python="3.11",
    )  # fmt: skip
    assert [p.read_bytes() for p in again.paths] == [p.read_bytes() for p in made[2]]


def test_the_check_wants_both_and_of_these_packages(made: Made, tmp_path: Path) -> None:
    debs = [d.path for d in packages_of(made)]
    subject = context(tmp_path, *debs)
    assert SbomCheck().run(subject).status is Status.SKIPPED
    for path in made[2]:
        shutil.copy(path, tmp_path)
    result = SbomCheck().run(subject)
    assert result.status is Status.PASSED
    assert result.measurements["components"] >= 6
    other = build(tmp_path, {"/usr/bin/x": "x"}, name="other", arch="all")
    foreign = SbomCheck().run(context(tmp_path, *debs, other))
    assert {f.code for f in foreign.findings} == {"sbom/other-package"}
    (tmp_path / made[2][0].name).write_text("{")
    assert [f.code for f in SbomCheck().run(subject).findings] == ["sbom/unreadable"]
    (tmp_path / made[2][0].name).unlink()
    assert [f.code for f in SbomCheck().run(subject).findings] == ["sbom/missing"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("MIT", "MIT"),
        ("Apache Software License", "Apache-2.0"),
        ("MIT AND BSD-3-Clause", "MIT AND BSD-3-Clause"),
        ("BSD", None),
        ("Dual License", None),
        ("", None),
        (None, None),
        ("((", None),
    ],
)
def test_licences_as_spdx_says_them(text: str | None, wanted: str | None) -> None:
    assert expression(text) == wanted


@pytest.mark.parametrize("document", [None, 3, "x", {"a": 1}, [1, {}], {"files": [{"name": "x"}]}])
def test_a_manifest_of_any_form_is_read_without_harm(document: object) -> None:
    assert read_manifest(document) == []
