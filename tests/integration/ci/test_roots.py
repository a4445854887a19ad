"""Roots from one machine's cache into another's, with all that an overlay's layer has."""

import os
import shutil
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debwright.model.errors import DebwrightError
from debwright.model.manifest import Manifest
from debwright.roots.cache import Cache
from debwright.roots.pack import layers_for, pack, unpack
from debwright.roots.store import LayerStore

OPAQUE = "trusted.overlay.opaque"


def made(path: Path) -> Cache:
    cache = Cache(path)
    cache.prepare()
    return cache


def layer(cache: Cache, name: str, parent: Manifest | None = None, **fields: str) -> Manifest:
    manifest = Manifest(
        name=name, target="bookworm-amd64", parent=parent.id if parent else None,
        inputs={"of": name}, packages=("a:amd64=1",), created=datetime.now(UTC),
    )  # fmt: skip
    home = cache.layers / fields.get("at", "bookworm-amd64") / f"{name}-{manifest.id}"
    (home / "tree/etc").mkdir(parents=True)
    (home / "tree/etc/file").write_text(name)
    (home / "lock").touch()
    (home / "manifest.json").write_text(manifest.model_dump_json())
    return manifest


@pytest.fixture
def there(tmp_path: Path) -> Cache:
    cache = made(tmp_path / "there")
    base = layer(cache, "base")
    build = layer(cache, "build", base)
    tree = cache.layers / "bookworm-amd64" / f"build-{build.id}/tree"
    os.mknod(tree / "gone", stat.S_IFCHR, os.makedev(0, 0))
    os.setxattr(tree / "etc", OPAQUE, b"y")
    os.chown(tree / "etc/file", 1234, 5678)
    (tree / "etc/file").chmod(0o4711)
    (tree / "link").symlink_to("/etc/passwd")
    (cache.root / "wheelhouse/compiled").mkdir(parents=True)
    (cache.root / "wheelhouse/compiled/x.whl").write_bytes(b"wheel")
    return cache


def test_a_layer_arrives_as_it_was(there: Cache, tmp_path: Path) -> None:
    layers = layers_for(LayerStore(there), ["bookworm-amd64"])
    assert len(layers) == 2
    assert pack(there, layers, tmp_path / "pack") > 0
    here = made(tmp_path / "here")
    taken = unpack(here, tmp_path / "pack")
    assert len(taken.layers) == 2
    found = {m.name: (path, m) for path, m in LayerStore(here).all()}
    assert found["build"][1].parent == found["base"][1].id
    tree = found["build"][0] / "tree"
    gone, file = (tree / "gone").stat(), (tree / "etc/file").stat()
    assert stat.S_ISCHR(gone.st_mode)
    assert gone.st_rdev == 0
    assert os.getxattr(tree / "etc", OPAQUE) == b"y"
    assert (file.st_uid, file.st_gid, stat.S_IMODE(file.st_mode)) == (1234, 5678, 0o4711)
    assert (here.root / "wheelhouse/compiled/x.whl").read_bytes() == b"wheel"
    assert list(here.scratches.iterdir()) == []
    again = unpack(here, tmp_path / "pack")
    assert (again.layers, again.known) == ((), 2)


def test_what_is_no_layer_is_not_taken(there: Cache, tmp_path: Path) -> None:
    """The cache of a workflow may have been written by others."""
    evil = made(tmp_path / "evil")
    layer(evil, "moved", at="trixie-amd64")
    base = layer(evil, "renamed")
    home = evil.layers / "bookworm-amd64"
    (home / f"renamed-{base.id}").rename(home / "renamed-0000000000000000")
    linked = layer(evil, "linked")
    shutil.rmtree(home / f"linked-{linked.id}/tree")
    (home / f"linked-{linked.id}/tree").symlink_to("/etc")
    (evil.root / "wheelhouse").symlink_to("/etc")
    subprocess.run(
        ["tar", "-C", evil.root, "--zstd", "-cf", tmp_path / "pack", "layers", "wheelhouse"],
        check=True,
    )
    here = made(tmp_path / "here")
    assert unpack(here, tmp_path / "pack").layers == ()
    assert list(here.layers.iterdir()) == []
    assert not (here.root / "wheelhouse").exists()


def test_nothing_is_written_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    subprocess.run(
        ["tar", "-C", tmp_path, "--zstd", "-cf", tmp_path / "pack", "-P",
         "--transform=s,^secret,../../../stolen,", "secret"],
        check=True,
    )  # fmt: skip
    here = made(tmp_path / "here/cache")
    with pytest.raises(DebwrightError, match="tar failed"):
        unpack(here, tmp_path / "pack")
    assert not list(tmp_path.rglob("stolen"))


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_broken_pack_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pack").write_bytes(content)
    here = made(tmp_path / "here")
    with pytest.raises(DebwrightError, match="tar failed"):
        unpack(here, tmp_path / "pack")
    assert list(here.scratches.iterdir()) == []
    assert list(here.layers.iterdir()) == []


def test_a_pack_that_fails_is_not_there(there: Cache, tmp_path: Path) -> None:
    layers = layers_for(LayerStore(there), ["bookworm-amd64"])
    shutil.rmtree(layers[1][0] / "tree")
    (layers[1][0] / "manifest.json").unlink()
    shutil.move(layers[0][0] / "tree", tmp_path / "away")
    broken = [(there.layers / "bookworm-amd64/no-such", layers[0][1])]
    with pytest.raises((DebwrightError, FileNotFoundError)):
        pack(there, broken, tmp_path / "pack")
    assert not (tmp_path / "pack").exists()
