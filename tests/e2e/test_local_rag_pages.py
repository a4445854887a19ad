"""The pages on using local-rag and on moving to its package, typed on the package just built.

Among the other tests they are skipped where no package has been built; here one has.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from debwright.systems.nspawn import NspawnSandbox
from tests.integration.docs import test_commands


@pytest.fixture(scope="module")
def rag(local_rag_dist: Path) -> Iterator[NspawnSandbox]:
    with test_commands.installed(local_rag_dist) as system:
        yield system


def test_it_is_used(rag: NspawnSandbox) -> None:
    test_commands.test_local_rag_is_used(rag)


def test_from_development_to_production_and_back(rag: NspawnSandbox) -> None:
    test_commands.test_from_development_to_production(rag)
