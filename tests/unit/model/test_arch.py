"""The rows of architectures: as dpkg and the kernel's headers have them; a new one is one row."""

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.kit.copied import Tree
from tests.unit.ci.test_collect import project  # noqa: F401

from debwright.model.arch import ARCHITECTURES, BY_ELF, BY_KERNEL, Architecture
from debwright.source.wheelhouse.carried.helper import machines
from debwright.source.wheelhouse.component import helper_files

ROWS = pytest.mark.parametrize("row", ARCHITECTURES.values(), ids=ARCHITECTURES)
LOONG64 = """
            Architecture(
                name="loong64", gnu="loongarch64-linux-gnu", elf=ElfKind(bits=64, machine=258),
                qemu="loongarch64", kernel=("loongarch64",), pivot_root=41, go="loong64",
                node="loong64",
                debian=14, ubuntu=False,
            ),
"""


@ROWS
@pytest.mark.skipif(shutil.which("dpkg-architecture") is None, reason="no dpkg-dev here")
def test_triplets_are_those_of_dpkg(row: Architecture) -> None:
    def asked(variable: str) -> str:
        words = ["dpkg-architecture", f"-a{row.name}", f"-q{variable}"]
        return subprocess.check_output(words, text=True, stderr=subprocess.DEVNULL).strip()

    assert row.gnu == asked("DEB_HOST_GNU_TYPE")
    assert row.libraries == asked("DEB_HOST_MULTIARCH")
    assert row.elf.bits == int(asked("DEB_HOST_ARCH_BITS"))
    assert {1: "little", 2: "big"}[row.elf.order] == asked("DEB_HOST_ARCH_ENDIAN")


@ROWS
def test_pivot_root_is_the_kernels(row: Architecture) -> None:
    """Where the headers of that architecture are installed: linux-libc-dev, or its -cross."""
    names = {32: ("unistd_32.h", "unistd-eabi.h"), 64: ("unistd_64.h",)}[row.elf.bits]
    homes = (f"/usr/include/{row.libraries}/asm", f"/usr/{row.gnu}/include/asm")
    headers = [p for home in homes for name in names if (p := Path(home, name)).exists()]
    if not headers:  # The newer architectures share one table.
        generic = (Path(home).parent / "asm-generic/unistd.h" for home in homes)
        headers = [p for p in generic if p.exists() and row.elf.bits == 64]
    for header in headers:
        found = re.search(r"__NR_pivot_root \D*(\d+)", header.read_text())
        assert found
        assert row.pivot_root == int(found[1]), header
    if not headers:
        pytest.skip(f"no headers of {row.name} here")


def test_no_two_rows_have_a_name_in_common() -> None:
    rows = ARCHITECTURES.values()
    assert list(ARCHITECTURES) == [row.name for row in rows]
    assert len(BY_ELF) == len(rows)
    assert len(BY_KERNEL) == sum(len(row.kernel) for row in rows)
    assert len({row.qemu for row in rows}) == len({row.gnu for row in rows}) == len(rows)


def test_a_source_package_carries_the_table_of_elf_machines() -> None:
    """As a literal: where a package is built there is no debwright."""
    carried = dict(helper_files())["helper/machines.py"].decode()
    assert ast.literal_eval(carried.partition("MACHINES = ")[2]) == machines.MACHINES
    assert not any(b"import debwright" in c or b"from debwright" in c for _, c in helper_files())


@pytest.mark.timeout(180)
def test_a_new_architecture_is_one_row(tmp_path: Path, project: Path) -> None:  # noqa: F811
    """plan, doctor and the matrix of the workflows know it; nothing else was changed."""
    tree = Tree.copy(tmp_path)
    rows = tree.package / "model/arch.py"
    before, last, after = rows.read_text().rpartition("        )\n    }\n)  # fmt: skip")
    rows.write_text(before.rstrip() + LOONG64 + last + after)
    settings = project / "debwright.toml"
    settings.write_text(settings.read_text().replace("bookworm-arm64", "sid-loong64"))

    (plan,) = (
        t for t in json.loads(tree.debwright("plan", "--json", cwd=project))["targets"]
        if t["target"] == "sid-loong64"
    )  # fmt: skip
    assert plan["strategy"] in {"cross", "emulated"}
    assert "emulation of loong64" in tree.debwright("doctor", cwd=project)
    assert "sid-loong64  on ubuntu-24.04" in tree.debwright("workflows", "matrix", cwd=project)
    old = tree.debwright("plan", "-t", "bookworm-loong64", cwd=project)
    assert "no target matches `bookworm-loong64`" in old
