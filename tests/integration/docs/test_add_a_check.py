"""A check on files is one file, one on a booted system a line more: what docs/develop.md says."""

import json
from pathlib import Path

import pytest
from tests.kit.copied import Tree
from tests.kit.debs import build

pytestmark = pytest.mark.integration

CONFIG = '[targets]\nbuild = ["bookworm-amd64"]\n[checks]\nlintian = "off"\ninstall = "off"\n{}'


def test_the_example_is_run_by_debwright_check(tmp_path: Path) -> None:
    tree = Tree.copy(tmp_path)
    tree.add("check", "checks/files/manual.py")
    deb = build(tmp_path, {"/usr/bin/bad": ("#!/bin/sh\n", 0o755)})
    (tmp_path / "debwright.toml").write_text(CONFIG.format('manual = "warn"\n'))
    said = tree.debwright("check", "-t", "bookworm-amd64", str(deb), cwd=tmp_path)
    assert "1 warning" in said, said
    (report,) = tmp_path.glob("dist/check/*/bookworm-amd64/check.json")
    assert '"manual/missing"' in report.read_text()
    (sarif,) = tmp_path.glob("dist/check/*/report.sarif")
    assert "A program has no manual page." in sarif.read_text(), "SARIF has its sentence"
    (tmp_path / "debwright.toml").write_text(CONFIG.format('manual = "off"\n'))
    tree.debwright("check", "-t", "bookworm-amd64", str(deb), cwd=tmp_path)
    assert '"manual/missing"' not in report.read_text(), "[checks] knows it"


UNIT = """[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
"""


def test_a_live_check_is_a_file_and_a_line(tmp_path: Path) -> None:
    tree = Tree.copy(tmp_path)
    tree.add("live check", "checks/live/unprivileged.py")
    registry = tree.package / "checks/registry.py"
    text = registry.read_text()
    line = "    SmokeCheck(),\n"
    assert text.count(line) == 1
    text = text.replace(line, f"{line}    UnprivilegedCheck(),\n")
    imported = "from debwright.checks.live.unprivileged import UnprivilegedCheck\n"
    registry.write_text(
        text.replace("from debwright.model import", f"{imported}from debwright.model import")
    )
    deb = build(
        tmp_path,
        {
            "/lib/systemd/system/bell.service": UNIT,
            "DEBIAN/postinst": "#!/bin/sh\nset -e\nsystemctl enable --now bell.service\n",
            "DEBIAN/prerm": "#!/bin/sh\nsystemctl disable --now bell.service\n",
        },
        name="bell",
    )
    config = CONFIG.replace('install = "off"\n', "") + '[service]\nunit = "bell.service"\n'
    off = "".join(f'{name} = "off"\n' for name in ("steady", "crash", "reboot", "minimum"))
    (tmp_path / "debwright.toml").write_text(config.format(off))
    said = tree.debwright("check", "-t", "bookworm-amd64", str(deb), cwd=tmp_path)
    (report,) = tmp_path.glob("dist/check/*/bookworm-amd64/check.json")
    checks = {c["name"]: c for c in json.loads(report.read_text())["checks"]}
    assert checks["service"]["status"] == "passed", said
    assert [f["code"] for f in checks["unprivileged"]["findings"]] == ["unprivileged/root"]
    names = list(checks)
    assert names.index("unprivileged") == names.index("smoke") + 1
