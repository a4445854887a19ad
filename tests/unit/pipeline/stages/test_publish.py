"""The publish stage: what is refused before anything is built."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.kit.stages import Heard, Version, plan

from debwright.model.errors import UsageError
from debwright.pipeline.stages.base import Job
from debwright.pipeline.stages.publish import require_newer
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots


class Planned(Version):
    upstream, distance = "1", 0

    def __init__(self, debian: str) -> None:
        self.debian = debian


def job(tmp_path: Path, version: str, *, force: bool = False) -> Job:
    made = plan(tmp_path, version=Planned(version))
    return Job(made, tmp_path / "dist", Roots(Cache(tmp_path), made.config), Heard(), force=force)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository with demo 2:1.0-1~deb12u1, and something else that is higher."""
    (tmp_path / "dist/apt").mkdir(parents=True)
    (tmp_path / "dist/apt/dists").symlink_to("1")
    entries = [
        SimpleNamespace(source=name, version=version, kind="deb", path=f"pool/{name}.deb")
        for name, version in (("demo", "2:1.0-1~deb12u1"), ("other", "9:9"))
    ]
    monkeypatch.setattr("debwright.repository.plan.load", lambda _: None)
    monkeypatch.setattr("debwright.repository.plan.entries_of", lambda _: {"bookworm": entries})


@pytest.mark.usefixtures("published")
def test_a_version_below_the_published_one_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"1\.1\.0-1.* is below 2:1\.0-1~deb12u1") as caught:
        require_newer(job(tmp_path, "1.1.0-1"))
    assert "no epoch" in (caught.value.cause or "")
    assert "pool/demo.deb" in str(caught.value.evidence[0].file)


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("version", ["2:1.0-1", "2:1.1.0-1", "3:0.1-1"])
def test_the_same_version_and_higher_ones_are_not(tmp_path: Path, version: str) -> None:
    require_newer(job(tmp_path, version))


@pytest.mark.usefixtures("published")
def test_who_insists_publishes_it_all_the_same(tmp_path: Path) -> None:
    require_newer(job(tmp_path, "1.1.0-1", force=True))


def test_nothing_is_published_yet(tmp_path: Path) -> None:
    require_newer(job(tmp_path, "0.1-1"))
