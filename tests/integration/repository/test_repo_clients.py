"""apt of the roots that are here: indices of pieces, patches of them, and phased updates."""
# ruff: noqa: PLR0917 - fixtures come by name

import hashlib
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.kit.web import Web

from debwright.config import Config
from debwright.isolation.namespaces import Bind, Namespaces
from debwright.keys.signing.gpg import GpgSigner
from debwright.repository import acceptance, diffs, indices
from debwright.repository.index_parts import split_records
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.publish import publish
from debwright.repository.tables import Layout
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import opened, throwaway

pytestmark = [pytest.mark.minutes(0.5), pytest.mark.integration]

MakeDeb = Callable[..., Path]
Files = Callable[..., list[PackageFile]]
CONF = """\
Dir::State "/probe/state"; Dir::State::status "/probe/status"; Dir::Cache "/probe/cache";
Dir::Etc::sourcelist "/probe/r.sources"; Dir::Etc::sourceparts "/dev/null";
APT::Architecture "amd64"; APT::Architectures { "amd64"; }; APT::Sandbox::User "root";
APT::Update::Error-Mode "any"; Acquire::Languages "none";
"""
INSTALLED = """\
Package: greeter
Status: install ok installed
Version: 1.0-1
Architecture: amd64
Maintainer: Greeter <greeter@example.org>
Description: says hello
 It does.

"""


@pytest.fixture(params=["bookworm", "trixie"])
def apt(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Path, Namespaces]]:  # fmt: skip
    """A root of the suite, and a directory that it has as /probe."""
    cache = Cache(default_cache())
    layers, missing = acceptance.roots_of(Roots(cache, Config()), [request.param])
    if missing:
        pytest.skip(f"there is no root of {request.param} here")
    with throwaway(cache, layers[request.param], "probe") as overlay:
        work = overlay.directory / "probe"
        for name in ("state/lists/partial", "cache/archives/partial"):
            (work / name).mkdir(parents=True)
        (work / "apt.conf").write_text(CONF)
        (work / "status").write_text(INSTALLED)
        bind = Bind(source=work, target="/probe", read_only=False)
        with opened(overlay, network=True, binds=[bind]) as inside:
            yield work, inside


def test_a_client_of_each_suite(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, apt: tuple[Path, Namespaces], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(indices, "RECORDS", Layout(average=4, split=split_records))
    monkeypatch.setattr(diffs, "FROM_PACKAGES", 10)
    work, inside = apt
    repo = tmp_path / "repo"
    debs = [
        make_deb(f"p{n}", fields=f"X-Words: {random.Random(n).randbytes(90).hex()}\n")
        for n in range(40)
    ]
    publish(repo, files(*debs, make_deb("greeter")), signer, settings)
    web = Web(repo)
    text = (repo / "greeter-bookworm.sources").read_text()
    (work / "r.sources").write_text(re.sub(r"^URIs: .*$", f"URIs: {web.url}", text, flags=re.M))
    for path in [work, *work.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)

    def run(*argv: str) -> str:
        done = inside.run(
            argv, env={"APT_CONFIG": "/probe/apt.conf"}, merge=True, check=False, network=True
        )
        assert done.returncode == 0, done.output
        assert not re.search(r"^[WE]: ", done.output, re.M), done.output
        return done.output

    run("apt-get", "-q", "update")
    whole = web.fetched()
    assert any(path.startswith("/dists/bookworm/main/binary-amd64/by-hash/") for path in whole)
    assert len(re.findall(r"^Package: ", run("apt-cache", "dumpavail"), re.M)) >= 41
    publish(repo, files(make_deb("greeter", "2.0-1")), signer, settings, percent=30)
    run("apt-get", "-q", "update")
    patched = web.fetched()
    assert any(".diff/0" in path for path in patched)
    assert not any("/by-hash/" in path and ".diff/" not in path for path in patched)
    upgraded = [
        "Inst greeter" in run("apt-get", "-q", "-s", "-o", f"APT::Machine-ID={machine}", "upgrade")
        for machine in (hashlib.md5(str(n).encode()).hexdigest() for n in range(20))  # noqa: S324
    ]
    assert 1 <= sum(upgraded) <= 12, "30 % of the machines"
    web.server.shutdown()
