"""The pictures of the pages: what a browser shows of a run, and of the dashboard after it.

`make pictures` keeps them in docs/images, with what they show in pictures.json.
"""

import hashlib
import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Debwright, Run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
KEPT = os.environ.get("DEBWRIGHT_PICTURES")
"""A directory to put them into."""
WIDTH = 1280
HEIGHTS = {"report": 930, "dashboard": 1420}
BLANK = 15_000
"""Bytes; an empty page of this size is a third of that."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def photograph(page: Path, picture: Path, height: int, profile: Path) -> None:
    assert CHROMIUM is not None
    subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1",
         "--virtual-time-budget=10000", f"--user-data-dir={profile}",
         f"--window-size={WIDTH},{height}", f"--screenshot={picture}", f"{page.as_uri()}#days=7"],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height. Source: PNG, IHDR chunk."""
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def shown(report: dict[str, Any]) -> dict[str, Any]:
    """What the pictures are of."""
    return {
        "started": report["started"][:10],
        "targets": [t["target"] for t in report["targets"]],
        "checks": sorted({c["name"] for t in report["targets"] for c in t["checks"]}),
    }


def test_pictures_of_a_real_run(greeter_run: tuple[Debwright, Run], tmp_path: Path) -> None:
    debwright, run = greeter_run
    assert run.code == 0, run.said
    made = debwright("dashboard")
    assert made.code == 0, made.said
    (report,) = run.dist.glob("*/report.html")
    record: dict[str, Any] = {**shown(run.report()), "sha256": {}}
    for name, page in (("report", report), ("dashboard", run.dist / "dashboard/index.html")):
        picture = tmp_path / f"{name}.png"
        photograph(page, picture, HEIGHTS[name], tmp_path / "profile")
        assert size_of(picture) == (WIDTH, HEIGHTS[name])
        assert picture.stat().st_size > BLANK
        record["sha256"][picture.name] = hashlib.sha256(picture.read_bytes()).hexdigest()
    if KEPT:
        for name in record["sha256"]:
            shutil.copy(tmp_path / name, Path(KEPT) / name)
        (Path(KEPT) / "pictures.json").write_text(json.dumps(record, indent=2) + "\n")
