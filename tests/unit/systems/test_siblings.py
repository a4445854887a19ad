"""What lies in a layer as files, to be installed on the system that was chosen and nowhere else."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from debwright.host.process import Completed
from debwright.isolation.namespaces import Namespaces
from debwright.packages.debs import Deb
from debwright.systems import siblings

_KNOWN = """\
Package: lexicon-data
Source: lexicon-data

Package: reader
Depends: lexicon-data

Package: libfoo1
Source: foo
"""


class Root:
    """Answers as apt-cache does."""

    def run(self, argv: Sequence[str], **_: Any) -> Completed:
        assert argv[0] == "apt-cache"
        return Completed(argv=tuple(argv), returncode=0, output=_KNOWN)


def deb(source: str) -> Deb:
    return cast(Deb, SimpleNamespace(package=source, source=source, relations={}))


def chosen(companions: Sequence[Deb]) -> list[str]:
    others = ["lexicon-data=1", "reader=1", "libfoo1=1"]
    return siblings.choose(cast(Namespaces, Root()), others, [deb("lexicon")], companions)


def test_a_companion_and_what_needs_it_come_with_the_packages() -> None:
    assert chosen([deb("lexicon-data")]) == ["lexicon-data=1", "reader=1"]


def test_what_is_the_archives_is_of_the_layer() -> None:
    assert chosen([]) == []
