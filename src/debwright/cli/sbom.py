"""debwright sbom FILE...: bills of materials of packages that were built anywhere."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from debwright.cli.common import Options, emit
from debwright.model.errors import UsageError


@click.command("sbom")
@click.option(
    "--vendor", type=click.Choice(["debian", "ubuntu"]), default="debian",
    help="The distribution the packages are for, as package URLs name it.",
)  # fmt: skip
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.pass_obj
def make_bills(options: Options, files: Sequence[Path], vendor: str) -> int:
    """Write CycloneDX and SPDX bills of materials of FILES (.deb) next to them.

    With --output, into that directory. `debwright build` makes them for what it builds.
    """
    from debwright.packages.debs import read_deb
    from debwright.packages.sbom.make import make_sboms
    from debwright.pipeline.run import heal

    for path in files:
        if path.suffix != ".deb":
            raise UsageError(f"{path} is not a .deb file", fix="debwright sbom PACKAGE.deb ...")
    debs = [read_deb(path.absolute()) for path in files]
    arches = {d.arch for d in debs} - {"all"}
    if len(arches) > 1:
        raise UsageError(
            f"the packages are of several architectures: {', '.join(sorted(arches))}",
            fix=f"debwright sbom {shlex.quote(str(files[0]))}, once for each architecture",
        )
    output = (options.output or debs[0].path.parent).absolute()
    output.mkdir(parents=True, exist_ok=True)
    cache = options.cache()
    heal(cache)
    with cache.scratch("sbom") as scratch:
        bill = make_sboms(
            debs, output, arch=next(iter(arches), "all"), vendor=vendor, scratch=scratch,
            beside=sorted(debs[0].path.parent.glob("*.orig-wheelhouse.tar.*")),
        )  # fmt: skip
    data = {
        "cyclonedx": str(bill.cyclonedx), "spdx": str(bill.spdx), "components": bill.components,
        "bundled": [{"name": d.name, "version": d.version, "path": d.path} for d in bill.bundled],
    }  # fmt: skip
    text = "\n".join(
        [*(str(p) for p in bill.paths),
         f"{bill.components} components, {len(bill.bundled)} of them bundled Python distributions"]
    )  # fmt: skip
    emit(options, data, text)
    return 0
