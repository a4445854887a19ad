"""Packages made by dpkg-deb itself in a fraction of a second, and the context to check them in."""

import subprocess
from pathlib import Path
from typing import Any

from debwright.checks.engine import policy
from debwright.checks.engine.base import CheckContext, FileCheck
from debwright.config import Config
from debwright.model.results import CheckResult
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.packages.unpacked import Unpacked
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots

CONTROL = """\
Package: {name}
Version: 1.0-1
Architecture: {arch}
Maintainer: Jo <jo@example.org>
Section: misc
Priority: optional
Description: a test
 of the checks
{more}"""

Content = bytes | str | tuple[bytes | str, int]


def build(
    directory: Path, files: dict[str, Content], *, name: str = "demo", arch: str = "amd64",
    more: str = "", compression: str = "xz",
) -> Path:  # fmt: skip
    """`dpkg-deb --build` of these files; a tuple gives a mode too."""
    tree = directory / f"{name}-tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(CONTROL.format(name=name, arch=arch, more=more))
    for path, content in files.items():
        data, mode = content if isinstance(content, tuple) else (content, 0o644)
        place = tree / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)
        place.chmod(mode)
    for made in [tree, *tree.rglob("*")]:
        if made.is_dir():
            made.chmod(0o755)
    deb = directory / f"{name}_1.0-1_{arch}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", f"-Z{compression}", "--build", str(tree), str(deb)],
        check=True, capture_output=True,
    )  # fmt: skip
    return deb


def context(directory: Path, *debs: Path, **config: Any) -> CheckContext:
    made = Config.model_validate(config)
    cache = Cache(directory / "cache")
    cache.prepare()
    spool = directory / "spool"
    spool.mkdir(exist_ok=True)
    return CheckContext(
        target=Target("bookworm", "amd64"), host_arch="amd64", config=made,
        debs=[read_deb(d) for d in debs], changes=None, roots=Roots(cache, made),
        output=directory, log=lambda _: None, activity=lambda _: None, project=directory,
        unpacked=Unpacked(spool),
    )  # fmt: skip


def judged(check: FileCheck, subject: CheckContext) -> CheckResult:
    """The check's result, as severe as the configuration has it."""
    return policy.judge(check.run(subject), check, subject.config, subject.target)
