"""What of a project can be imported: its packages and modules at the top."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from debwright.init.ecosystems.python.tables import dig, text_of

ROOTS = ("src", "lib", "python", "")
"""Where projects have their packages."""
_EXTENSION = re.compile(r"""\bExtension\(\s*(?:name\s*=\s*)?["']([\w.]+)["']""")
_LIBRARY = re.compile(r"""^\[lib\]$[^\[]*?^name\s*=\s*["']([\w-]+)["']""", re.S | re.M)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NOT_INSTALLED = frozenset({
    "tests", "test", "testing", "docs", "doc", "examples", "example", "benchmarks", "benchmark",
    "scripts", "tools", "tasks", "debian", "build", "dist", "setup", "conftest", "noxfile",
    "fabfile", "versioneer", "node_modules", "vendor", "target", "ci",
})  # fmt: skip
"""Names at the top of a project that tools of its developers have (as setuptools leaves out)."""


def top_modules(directory: Path, project: str) -> tuple[str, ...]:
    """What the project installs, as far as its tree says: the one of its own name first.

    Several without that name are nobody's guess, and none is given.
    """
    own = re.sub(r"[-.]+", "_", project)
    for root in ROOTS:
        found = sorted(set(_inside(directory / root, packages_only=root in ("lib", ""))))
        for name in (own, own.lower()):
            if name in found or (directory / root / f"{name}.py").is_file():
                return (name,)
        if found:
            return tuple(found)
    return ()


def compiled_module(directory: Path, data: Mapping[str, Any]) -> str:
    """The module of a project that is all compiled: maturin's, or the first of setup.py."""
    said = dig(data, "tool", "maturin").get("module-name")
    text = str(said) if isinstance(said, str) else ""
    if not text and (match := _LIBRARY.search(text_of(directory, "Cargo.toml"))):
        text = match[1].replace("-", "_")
    if not text and (match := _EXTENSION.search(text_of(directory, "setup.py"))):
        text = match[1]
    top = text.partition(".")[0]
    return top if _NAME.fullmatch(top) else ""


def _inside(folder: Path, *, packages_only: bool) -> Iterator[str]:
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        name = path.stem if path.suffix == ".py" else path.name
        if not _NAME.fullmatch(name) or name.lower() in _NOT_INSTALLED:
            continue
        if (path / "__init__.py").is_file() or (path.suffix == ".py" and not packages_only):
            yield name
