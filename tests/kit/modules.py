"""A proxy of Go modules and a directory of crates, made of sources that Debian's packages have."""

import base64
import hashlib
import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

DATE = (1980, 1, 1, 0, 0, 0)


def add_module(proxy: Path, module: str, version: str, source: Path) -> str:
    """Put `source` into `proxy` (the Go modules reference, "GOPROXY protocol").

    Returns the lines of go.sum for it ("Hash1" of golang.org/x/mod/sumdb/dirhash).
    """
    home = proxy / module / "@v"
    home.mkdir(parents=True)
    mod = source / "go.mod"
    text = mod.read_text() if mod.exists() else f"module {module}\n"
    files = {str(p.relative_to(source)): p.read_bytes() for p in _files(source)}
    files["go.mod"] = text.encode()
    with zipfile.ZipFile(home / f"{version}.zip", "w") as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"{module}@{version}/{name}", DATE), data)
    (home / f"{version}.mod").write_text(text)
    (home / f"{version}.info").write_text(json.dumps({"Version": version}))
    (home / "list").write_text(f"{version}\n")
    whole = _hash1({f"{module}@{version}/{name}": data for name, data in files.items()})
    own = _hash1({"go.mod": text.encode()})
    return f"{module} {version} {whole}\n{module} {version}/go.mod {own}\n"


def add_crate(registry: Path, source: Path) -> str:
    """Put a crate's source, as a librust-*-dev package has it, into a directory of sources.

    Returns its entry of Cargo.lock (the Cargo book, "Source Replacement"), with the checksum of
    crates.io that the package has kept.
    """
    target = registry / source.name
    subprocess.run(["cp", "-a", f"{source}/", target], check=True)
    checksum = json.loads((target / ".cargo-checksum.json").read_text())["package"]
    name, _, version = source.name.rpartition("-")
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
        'source = "registry+https://github.com/rust-lang/crates.io-index"\n'
        f'checksum = "{checksum}"\n'
    )


def _files(directory: Path) -> Iterator[Path]:
    return (p for p in sorted(directory.rglob("*")) if p.is_file() and not p.is_symlink())


def _hash1(files: dict[str, bytes]) -> str:
    lines = (
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    )
    digest = hashlib.sha256("".join(lines).encode()).digest()
    return "h1:" + base64.b64encode(digest).decode()
