"""Rust crates: docs/ecosystems/rust.md."""

from pathlib import Path

import pytest

from tests.ecosystems.conftest import Packaged, Unpacked, passed
from tests.kit.modules import add_crate, lock_entry, lock_file
from tests.kit.pages import TOP, blocks

pytestmark = [pytest.mark.apart, pytest.mark.minutes(3)]
PAGE = TOP / "docs/ecosystems/rust.md"
SERVES = ("service", "steady", "restart", "reboot", "purge", "lintian", "hardening")

WORKSPACE = {
    "Cargo.toml": '[workspace]\nmembers = ["bells", "cli"]\nresolver = "2"\n',
    "bells/Cargo.toml": '[package]\nname = "bells"\nversion = "0.2.0"\nedition = "2021"\n',
    "bells/src/lib.rs": """\
pub fn rung(times: usize) -> String {
    "ding ".repeat(times)
}

#[test]
fn it_rings() {
    assert_eq!(rung(2), "ding ding ");
}
""",
    "cli/Cargo.toml": '[package]\nname = "bellring"\nversion = "0.2.0"\nedition = "2021"\n'
    'description = "Rings bells"\n[dependencies]\nbells = { path = "../bells" }\n',
    "cli/src/main.rs": """\
fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("--version") => println!("{}", env!("CARGO_PKG_VERSION")),
        _ => println!("{}", bells::rung(1)),
    }
}
""",
}


def example() -> dict[str, str]:
    return {b.value: b.text for b in blocks(PAGE) if b.mark == "example"}


def test_the_example_of_the_page(packaged: Packaged) -> None:
    """Without a lock the crates are Debian's."""
    passed(packaged("thermo", example()), *SERVES)


def test_crates_are_carried(
    packaged: Packaged, unpacked: Unpacked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("ascii", "cfg-if", "chunked-transfer", "httpdate", "log", "tiny-http")
    entries = [lock_entry("thermo", "0.3.1", ["tiny_http"])]
    for name in names:
        registry = unpacked(f"librust-{name}-dev") / "usr/share/cargo/registry"
        (source,) = registry.glob(f"{name.replace('-', '?')}-[0-9]*")
        entries.append(add_crate(tmp_path / "registry", source))
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(
        '[source.crates-io]\nreplace-with = "mine"\n'
        f'[source.mine]\ndirectory = "{tmp_path}/registry"\n'
    )
    monkeypatch.setenv("CARGO_HOME", str(home))
    passed(packaged("thermo", {**example(), "Cargo.lock": lock_file(entries)}), *SERVES)


def test_a_workspace_with_a_command(packaged: Packaged) -> None:
    passed(packaged("bellring", WORKSPACE), "lintian", "hardening", "smoke", "purge")
