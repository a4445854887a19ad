"""Cargo.toml and Cargo.lock, where programs listen, where crates come from, and what is built."""
# ruff: noqa: E501 - lines of other languages are not broken

from pathlib import Path

import pytest

from debwright.init.ecosystems.rust import ECOSYSTEM, supply
from debwright.init.ecosystems.rust.crates import packaged
from debwright.init.ecosystems.rust.libraries import packages_for
from debwright.init.ecosystems.rust.listening import LANGUAGE
from debwright.init.ecosystems.rust.lock import read_lock
from debwright.init.ecosystems.rust.manifest import Dependency, read_workspace
from debwright.init.ecosystems.rust.requirements import compatible, meets
from debwright.init.ecosystems.rust.toolchain import Need, choose, need
from debwright.init.hints import Source
from debwright.init.listening import find_listener
from debwright.init.model import Project
from debwright.model.errors import UsageError

MANIFEST = '[package]\nname = "bell"\nversion = "1.2.3"\nedition = "2021"\nlicense = "MIT"\n'
SERVER = 'fn main() { let s = tiny_http::Server::http("127.0.0.1:8199").unwrap(); }\n'
LOCK = (
    'version = 3\n\n[[package]]\nname = "bell"\nversion = "1.2.3"\n\n[[package]]\nname = "openssl-sys"\n'
    'version = "0.9.80"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\n'
)


def tree(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def project(directory: Path, files: dict[str, str]) -> Project:
    return ECOSYSTEM.read(tree(directory, {"Cargo.toml": MANIFEST, "src/main.rs": SERVER, **files}))


@pytest.mark.parametrize(
    ("found", "requirement", "answer"),
    [
        ("0.12.0", "0.12", True), ("0.13.0", "0.12", False), ("0.12.9", "0.12.3", True),
        ("0.12.1", "0.12.3", False), ("1.24.2", "1", True), ("2.0.0", "1", False),
        ("1.24.2", "1.25", False), ("0.0.3", "0.0.3", True), ("0.0.4", "0.0.3", False),
        ("1.2.9", "~1.2", True), ("1.3.0", "~1.2", False), ("1.2.3", "=1.2.3", True),
        ("1.2.4", "=1.2.3", False), ("1.5.0", ">=1.2, <1.6", True), ("1.6.0", ">=1.2, <1.6", False),
        ("9.9.9", "*", True), ("1.7.0", "1.*", True), ("2.0.0", "1.*", False),
        ("1.2.0", ">1.2", False), ("1.3.0", ">1.2", True), ("1.2.9", "<=1.2", True),
        ("1.0.0", "1.0.0-rc.1", True), ("1.0.0", "nonsense", False), ("0.8.5", "^0.8", True),
    ],
)  # fmt: skip
def test_requirements_are_those_of_cargo(found: str, requirement: str, answer: bool) -> None:
    assert meets(found, requirement) is answer


def test_compatible_versions_have_the_first_number_that_counts() -> None:
    assert [compatible(v) for v in ("1.24.2", "0.12.0", "0.0.7")] == ["1", "0.12", "0.0.7"]


def test_debians_crates_are_named_by_feature() -> None:
    wanted = [
        Dependency(name="tiny_http", requirement="0.12"),
        Dependency(name="tokio", requirement="1", features=("rt-multi-thread", "macros")),
        Dependency(name="serde", requirement="1", default_features=False),
    ]
    found = packaged(wanted)
    assert found.suite == "bookworm"
    assert found.missing == ()
    assert found.packages == (
        "librust-serde-1-dev:native",
        "librust-tiny-http-0.12+default-dev:native",
        "librust-tokio-1+default-dev:native",
        "librust-tokio-1+macros-dev:native",
        "librust-tokio-1+rt-multi-thread-dev:native",
    )


def test_the_suite_is_the_first_that_has_them_all() -> None:
    assert packaged([Dependency(name="axum", requirement="0.7")]).suite == "trixie"
    missing = packaged([Dependency(name="no-such-crate-anywhere", requirement="3")])
    assert missing.missing == ("no-such-crate-anywhere 3",)
    assert packaged(
        [Dependency(name="serde", requirement="1", elsewhere="https://x/y.git")]
    ).missing


LISTENERS = [
    ('tiny_http::Server::http("127.0.0.1:8199").unwrap();', "127.0.0.1", "8199"),
    ('let l = tokio::net::TcpListener::bind("0.0.0.0:3000").await; axum::serve(l, app);', "*", "3000"),
    ("let addr = SocketAddr::from(([127, 0, 0, 1], 3001)); axum::Server::bind(&addr);", "127.0.0.1", "3001"),
    ('HttpServer::new(|| actix_web::App::new()).bind(("0.0.0.0", 8081))', "*", "8081"),
    ("warp::serve(routes).run(([0, 0, 0, 0], 3030)).await;", "*", "3030"),
    ('let port = env::var("PORT").unwrap_or_else(|_| "9090".to_string());\n'
     'let l = TcpListener::bind(format!("0.0.0.0:{}", port)); axum::serve(l, app);', "*", "9090"),
    ('#[arg(long, default_value = "127.0.0.1:7000")]\nlisten: SocketAddr,\naxum::Server::bind(&a.listen)', "127.0.0.1", "7000"),
    ('#[arg(long, default_value_t = 7001)]\nport: u16,\nTcpListener::bind((Ipv4Addr::LOCALHOST, a.port)); hyper::x', "127.0.0.1", "7001"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "address", "port"), LISTENERS)
def test_where_it_listens(code: str, address: str, port: str) -> None:
    found = find_listener([Source(name="src/main.rs", text=code)], LANGUAGE)
    assert found is not None
    assert found.health is not None
    assert (found.address, found.port.value) == (address, port)


def test_without_a_lock_the_crates_are_debians(tmp_path: Path) -> None:
    made = project(tmp_path, {"Cargo.toml": f'{MANIFEST}[dependencies]\ntiny_http = "0.12"\n'})
    assert "librust-tiny-http-0.12+default-dev:native" in made.build_depends
    assert made.targets == ("bookworm-amd64", "bookworm-arm64")
    assert "Cargo.lock" in made.clean
    assert "/usr/share/cargo/registry" in str(made.rules)
    assert "cargo" not in made.settings
    (linked,) = (o for o in made.rules.overrides if "gencontrol" in o.target)
    names = r"""$$(sed -n 's/^name = "\(.*\)"/librust-\1-dev librust-\1-[0-9]*-dev/p' Cargo.lock | tr _ -)"""
    assert names in linked.commands[0]
    assert any("they come from Debian" in note for note in made.notes)


def test_without_a_lock_and_without_debians_crates_the_lock_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no Cargo\.lock") as caught:
        project(tmp_path, {"Cargo.toml": f'{MANIFEST}[dependencies]\nno-such-crate = "3"\n'})
    assert "no-such-crate 3" in str(caught.value.cause)
    assert str(caught.value.fix) == "cargo generate-lockfile"


def test_with_a_lock_the_crates_are_carried(tmp_path: Path) -> None:
    made = project(tmp_path, {"Cargo.lock": LOCK})
    assert made.settings["cargo"] == {"toolchain": "cargo-web"}
    assert {"libssl-dev", "pkgconf", "rustc-web:native | rustc:native"} <= set(made.build_depends)
    rules = str(made.rules)
    assert "cargo build --release --workspace --locked --bin bell" in rules
    assert "vendor/.debwright.toml" in rules
    assert "dh_clean -Xvendor/" in rules


@pytest.mark.parametrize("answer", [True, False])
def test_with_a_lock_and_no_registry_debians_crates_are_better_than_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(supply, "answers", lambda _: answer)
    manifest = f'{MANIFEST}[dependencies]\nopenssl-sys = "0.9"\n'
    made = project(tmp_path, {"Cargo.toml": manifest, "Cargo.lock": LOCK})
    assert ("cargo" in made.settings) == answer
    assert ("/usr/share/cargo/registry" in str(made.rules)) != answer
    # The lock is of crates.io: it is laid aside while Debian's crates are built, and comes back.
    assert ("mv Cargo.lock debian/cargo/" in str(made.rules)) != answer
    assert any("does not answer" in note for note in made.notes) != answer
    assert "libssl-dev" in made.build_depends


def test_crates_in_the_tree_are_used(tmp_path: Path) -> None:
    made = project(tmp_path, {"Cargo.lock": LOCK, "vendor/a/Cargo.toml": ""})
    assert "cargo" not in made.settings
    assert 'directory = "$(CURDIR)/vendor"' in str(made.rules)
    said = '[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "vendor"\n'
    own = project(tmp_path, {".cargo/config.toml": said})
    assert "$(CURDIR)/vendor" not in str(own.rules)


@pytest.mark.parametrize(
    ("manifest", "lock", "rust"),
    [
        (MANIFEST, None, (1, 56)),
        (MANIFEST + 'rust-version = "1.70"\n', None, (1, 70)),
        (MANIFEST.replace("2021", "2024"), None, (1, 85)),
        (MANIFEST, LOCK.replace("version = 3", "version = 4", 1), (1, 78)),
        (MANIFEST + 'rust-version = "1.99"\n', None, (1, 99)),
    ],
)
def test_what_rust_is_needed(
    tmp_path: Path, manifest: str, lock: str | None, rust: tuple[int, int]
) -> None:
    locked = {"Cargo.lock": lock} if lock else {}
    tree(tmp_path, {"Cargo.toml": manifest, "src/main.rs": "", **locked})
    needed = need(read_workspace(tmp_path), read_lock(tmp_path))
    assert needed.rust == rust
    assert bool(choose(needed).note) == (rust > (1, 85))


def test_the_compiler_and_its_library_are_of_one_kind() -> None:
    for packages in choose(Need(rust=(1, 56), because="")).packages:
        first, second = packages.split(" | ")
        assert "-web" in first
        assert "-web" not in second


WORKSPACE = {
    "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\nresolver = "2"\n'
    '[workspace.package]\nversion = "2.0.0"\n[workspace.dependencies]\nserde = { version = "1", features = ["derive"] }\n',
    "crates/belld/Cargo.toml": '[package]\nname = "belld"\nversion.workspace = true\nedition = "2021"\n'
    '[dependencies]\nserde = { workspace = true, features = ["rc"] }\nbells = { path = "../bells" }\n',
    "crates/belld/src/main.rs": "fn main() { bells::run() }\n",
    "crates/belld/src/bin/bellctl.rs": "#[derive(clap::Parser)]\nfn main() {}\n",
    "crates/bells/Cargo.toml": '[package]\nname = "bells"\nversion = "0.1.0"\n',
    "crates/bells/src/lib.rs": 'pub fn run() { rouille::start_server("0.0.0.0:8000", f) }\n',
}


def test_a_workspace_with_several_programs(tmp_path: Path) -> None:
    made = ECOSYSTEM.read(tree(tmp_path, WORKSPACE))
    assert (made.name, made.version) == ("belld", "2.0.0")
    assert made.programs == ("belld", "bellctl")
    assert {"librust-serde-1+derive-dev:native", "librust-serde-1+rc-dev:native"} <= set(
        made.build_depends
    )
    assert not any("bells" in p for p in made.build_depends)
    assert made.service is not None
    assert made.service.name == "belld.service"


def test_a_library_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a library"):
        ECOSYSTEM.read(tree(tmp_path, {"Cargo.toml": MANIFEST, "src/lib.rs": ""}))


@pytest.mark.parametrize(
    "text", ["[", "\x00", "", "workspace = 3\n", '[workspace]\nmembers = ["../x", "/etc"]\n']
)
def test_broken_manifests_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        read_workspace(tree(tmp_path, {"Cargo.toml": text}))


DEB = """
[package.metadata.deb]
maintainer = "Ada Lovelace <ada@example.org>"
section = "admin"
depends = "$auto, ca-certificates, evil; rm"
features = ["tls"]
conf-files = ["/etc/bell/bell.toml"]
assets = [
  ["target/release/bell", "usr/sbin/", "755"],
  ["conf/bell.toml", "etc/bell/", "644"],
  ["share/*.txt", "usr/share/bell/", "644"],
  ["../secret", "usr/share/bell/", "644"],
]
"""


def test_what_cargo_deb_is_told_holds(tmp_path: Path) -> None:
    made = project(
        tmp_path / "bell",
        {"Cargo.toml": MANIFEST + DEB, "conf/bell.toml": "", "share/a.txt": "", "../secret": "s"},
    )
    assert made.author is not None
    assert (made.author.email, made.section) == ("ada@example.org", "admin")
    assert made.depends == ("${shlibs:Depends}", "ca-certificates")
    assert made.config_files == ("conf/bell.toml",)
    assert made.install == (
        ("debian/cargo/target/*/release/bell", "usr/sbin"), ("share/a.txt", "usr/share/bell"),
    )  # fmt: skip
    assert "--features tls" in str(made.rules)


def test_libraries_of_the_system() -> None:
    assert packages_for(["openssl-sys", "serde"]) == ("libssl-dev", "pkgconf")
    assert packages_for(["rusqlite"]) == ("libsqlite3-dev", "pkgconf")
    assert packages_for(["serde"]) == ()


def test_rocket_listens_where_its_guide_says(tmp_path: Path) -> None:
    code = "#[macro_use] extern crate rocket;\n#[launch]\nfn r() -> _ { rocket::build() }\n"
    made = project(tmp_path, {"src/main.rs": code})
    assert made.service is not None
    assert made.service.health is not None
    assert made.service.health.url.startswith("http://127.0.0.1:8000/")


def test_an_option_for_settings_gets_its_file_in_etc(tmp_path: Path) -> None:
    code = (
        '#[derive(clap::Parser)]\nstruct A {\n    #[arg(short, long, default_value = "conf/bell.toml")]\n'
        "    config_file: PathBuf,\n}\n"
    )
    made = project(tmp_path, {"src/main.rs": code + SERVER, "conf/bell.toml": "a = 1\n"})
    assert made.service is not None
    assert made.service.command == "/usr/bin/bell --config-file /etc/bell/bell.toml"
    assert made.config_files == ("conf/bell.toml",)
    positional = code.replace("short, long, ", "")
    again = project(tmp_path / "again", {"src/main.rs": positional + SERVER, "conf/bell.toml": ""})
    assert again.service is not None
    assert again.service.command == "/usr/bin/bell"
