"""What is kept of apt's downloads, against what another project may have put there."""

from pathlib import Path

from debwright.config import Config
from debwright.isolation.namespaces import Namespaces
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots

BOOKWORM = Target("bookworm", "amd64")


def test_a_kept_file_of_the_right_size_and_another_content_is_not_installed(
    tmp_path: Path,
) -> None:
    """apt looks at the size alone of what it finds among its archives."""
    roots = Roots(Cache(default_cache()), Config())
    parent = roots.base(BOOKWORM)
    kept = roots.debs(BOOKWORM)

    def install(inside: Namespaces, scratch: Path) -> None:
        roots.install(inside, scratch, ["install", "hello"], None, "hello")

    with roots.root_for_change(_empty(tmp_path / "first"), BOOKWORM, parent) as inside:
        install(inside, tmp_path / "first")
    (deb,) = kept.glob("hello_*.deb")
    good = deb.read_bytes()
    deb.write_bytes(b"x" * len(good))
    with roots.root_for_change(_empty(tmp_path / "second"), BOOKWORM, parent) as inside:
        install(inside, tmp_path / "second")
        assert "Hello" in inside.run(["hello"]).output
    assert deb.read_bytes() == good


def test_another_archive_or_key_has_downloads_of_its_own() -> None:
    cache = Cache(default_cache())
    usual = Roots(cache, Config()).debs(BOOKWORM)
    for suite in (
        {"mirror": "http://mirror.example.org/debian"},
        {"extra_sources": ["deb [trusted=yes] http://example.org/ ./"]},
        {"keyring": "/nonexistent.gpg"},
    ):
        config = Config.model_validate({"suites": {"bookworm": suite}})
        other = Roots(cache, config).debs(BOOKWORM)
        assert other != usual
        other.rmdir()


def _empty(path: Path) -> Path:
    path.mkdir()
    return path
