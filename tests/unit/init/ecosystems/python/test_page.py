"""The project of docs/ecosystems/python.md, as far as `init`; tests/ecosystems builds it."""

import tomllib
from pathlib import Path

from tests.kit.pages import TOP, blocks
from tests.kit.wheels import Index

from debwright.init import scaffold


def test_what_the_page_promises(tmp_path: Path, index: Index) -> None:
    for name, version in (
        ("fastapi", "0.120"), ("uvicorn", "0.35"), ("python-ulid", "3.0"), ("hatchling", "1.28"),
    ):  # fmt: skip
        index.add_wheel(name, version)
    page = TOP / "docs/ecosystems/python.md"
    for block in blocks(page):
        if block.mark == "example":
            path = tmp_path / block.value
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
    notes = " ".join(scaffold(tmp_path).notes)
    assert "fastapi>=0.115: bookworm has 0.92.0" in notes
    config = tomllib.loads((tmp_path / "debwright.toml").read_text())
    assert config["service"]["health_url"] == "http://127.0.0.1:8123/healthz"
    unit = (tmp_path / "debian/parcels.service").read_text()
    assert "ExecStart=/usr/lib/parcels/bin/uvicorn --host 127.0.0.1 --port 8123 parcels:app" in unit
    assert "Environment=PARCELS_CONFIG=/etc/parcels/config.toml" in unit
    assert "config.toml etc/parcels" in (tmp_path / "debian/parcels.install").read_text()
    assert "fastapi==0.120" in (tmp_path / "debian/requirements.lock").read_text()
