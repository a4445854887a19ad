"""Where packages are checked: the kind of system, and further targets to install them on."""

from typing import Annotated

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Section
from debwright.model.errors import UsageError
from debwright.model.targets import Target
from debwright.systems.kinds import kind_of, kinds


def _sandbox(text: str) -> str:
    if kind_of(text) is None:
        raise ValueError(f"one of {', '.join(k.form for k in kinds())} is wanted")
    return text


def _targets(images: dict[str, str]) -> dict[str, str]:
    for name in images:
        try:
            Target.parse(name)
        except UsageError as problem:
            raise v.refused(
                problem.what, expected="SUITE-ARCH, as jammy-amd64", fix=problem.fix
            ) from problem
    return images


# Docker's grammar of references: registry, path, tag and digest; nothing that reads as an option.
Image = Annotated[
    str,
    v.matching(
        r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}", "a name as `docker pull` takes it, as ubuntu:22.04"
    ),
]


class Environments(Section, table="environments"):
    """The systems that packages are installed, started and removed on."""

    sandbox: Annotated[v.Line, AfterValidator(_sandbox)] = Field(
        "nspawn",
        description="What the live checks run in: `debwright check --help` lists the kinds, and "
        "`--sandbox` takes another for once.",
    )
    install_on: Annotated[list[v.Line], AfterValidator(v.no_repeats)] = Field(
        [],
        description="Further targets on which packages are installed and checked, as "
        "trixie-amd64: those of the first target in targets.build with the same architecture. "
        "One whose archive cannot be reached is skipped, and the report says why.",
    )
    images: Annotated[dict[str, Image], AfterValidator(_targets)] = Field(
        {},
        description="For docker and podman: the image a target's system is made of, pulled by its "
        'name, as jammy-amd64 = "ubuntu:22.04", instead of a root of debwright\'s own. One that '
        "was only made here will do.",
    )
    ssh_config: v.Line | None = Field(
        None,
        description="Configuration file for ssh instead of ~/.ssh/config, relative to this file: "
        "keys, known hosts, jump hosts (ssh_config(5)). One of the project may name no programs.",
    )
