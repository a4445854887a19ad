"""Locks of npm, pnpm and yarn give the tree that node looks through."""

import json
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.model.errors import ConfigError
from debwright.source.carriers.npm.locks import find_lock, layout, read_tree
from debwright.source.carriers.npm.model import Locked, NpmError, Platform, Tree, integrity

SHA = "sha512-" + "A" * 86 + "=="
HEX = "0" * 128
PACKAGE = {
    "dependencies": {"a": "^1.0.0", "alias": "npm:@s/real@^2.0.0"},
    "devDependencies": {"tool": "1.0.0"},
}
"""`a` needs b 1, `tool` needs b 2, and optionally a program for one machine."""

NPM = json.dumps({"lockfileVersion": 3, "packages": {
    "": {}, "packages/member": {},
    "node_modules/a": {"version": "1.0.0", "integrity": SHA},
    "node_modules/alias": {"name": "@s/real", "version": "2.0.0", "integrity": SHA},
    "node_modules/b": {"version": "1.1.0", "integrity": SHA},
    "node_modules/tool": {"version": "1.0.0", "integrity": SHA, "dev": True},
    "node_modules/tool/node_modules/b": {"version": "2.0.0", "integrity": SHA, "dev": True},
    "node_modules/tool-linux-x64": {"version": "1.0.0", "integrity": SHA, "dev": True,
                                    "optional": True, "os": ["linux"], "cpu": ["x64"]},
    "node_modules/member": {"resolved": "packages/member", "link": True},
    "node_modules/a/node_modules/inside": {"version": "9.0.0", "inBundle": True},
}})  # fmt: skip
NPM_1 = json.dumps({"lockfileVersion": 1, "dependencies": {
    "a": {"version": "1.0.0", "integrity": SHA},
    "alias": {"version": "npm:@s/real@2.0.0", "integrity": SHA},
    "b": {"version": "1.1.0", "integrity": SHA},
    "tool": {"version": "1.0.0", "integrity": SHA, "dev": True, "dependencies": {
        "b": {"version": "2.0.0", "integrity": SHA, "dev": True}}},
    "tool-linux-x64": {"version": "1.0.0", "integrity": SHA, "dev": True, "optional": True},
}})  # fmt: skip
PNPM_9 = dedent(f"""
    lockfileVersion: '9.0'
    importers:
      .:
        dependencies:
          a: {{specifier: ^1.0.0, version: 1.0.0(b@1.1.0)}}
          alias: {{specifier: 'npm:@s/real@^2.0.0', version: '@s/real@2.0.0'}}
        devDependencies:
          tool: {{specifier: 1.0.0, version: 1.0.0}}
    packages:
      a@1.0.0: {{resolution: {{integrity: {SHA}}}}}
      '@s/real@2.0.0': {{resolution: {{integrity: {SHA}}}}}
      b@1.1.0: {{resolution: {{integrity: {SHA}}}}}
      b@2.0.0: {{resolution: {{integrity: {SHA}}}}}
      tool@1.0.0: {{resolution: {{integrity: {SHA}}}}}
      tool-linux-x64@1.0.0: {{resolution: {{integrity: {SHA}}}, os: [linux], cpu: [x64]}}
    snapshots:
      a@1.0.0(b@1.1.0): {{dependencies: {{b: 1.1.0}}}}
      '@s/real@2.0.0': {{}}
      b@1.1.0: {{}}
      b@2.0.0: {{}}
      tool@1.0.0: {{dependencies: {{b: 2.0.0}}, optionalDependencies: {{tool-linux-x64: 1.0.0}}}}
      tool-linux-x64@1.0.0: {{optional: true}}
    """)
PNPM_6 = dedent(f"""
    lockfileVersion: '6.0'
    dependencies:
      a: {{specifier: ^1.0.0, version: 1.0.0}}
      alias: {{specifier: 'npm:@s/real@^2.0.0', version: /@s/real@2.0.0}}
    devDependencies:
      tool: {{specifier: 1.0.0, version: 1.0.0}}
    packages:
      /a@1.0.0: {{resolution: {{integrity: {SHA}}}, dependencies: {{b: 1.1.0}}}}
      /@s/real@2.0.0: {{resolution: {{integrity: {SHA}}}}}
      /b@1.1.0: {{resolution: {{integrity: {SHA}}}}}
      /b@2.0.0: {{resolution: {{integrity: {SHA}}}}}
      /tool@1.0.0:
        resolution: {{integrity: {SHA}}}
        dependencies: {{b: 2.0.0}}
        optionalDependencies: {{tool-linux-x64: 1.0.0}}
      /tool-linux-x64@1.0.0: {{resolution: {{integrity: {SHA}}}, os: [linux], cpu: [x64]}}
    """)
YARN_1 = dedent(f"""
    # yarn lockfile v1


    a@^1.0.0:
      version "1.0.0"
      resolved "https://registry.yarnpkg.com/a/-/a-1.0.0.tgz#{"0" * 40}"
      integrity {SHA}
      dependencies:
        b "1.1.0"

    "alias@npm:@s/real@^2.0.0":
      version "2.0.0"
      integrity {SHA}

    b@1.1.0, "b@>= 1.0.0 < 2":
      version "1.1.0"
      integrity {SHA}

    b@^2.0.0:
      version "2.0.0"
      integrity {SHA}

    tool-linux-x64@1.0.0:
      version "1.0.0"
      integrity {SHA}

    tool@1.0.0:
      version "1.0.0"
      integrity {SHA}
      dependencies:
        b "^2.0.0"
      optionalDependencies:
        tool-linux-x64 "1.0.0"
    """)
YARN_4 = dedent("""
    __metadata:
      version: 8

    "a@npm:^1.0.0":
      version: 1.0.0
      resolution: "a@npm:1.0.0"
      dependencies:
        b: "npm:1.1.0"
      checksum: 10c0/00

    "alias@npm:@s/real@^2.0.0":
      version: 2.0.0
      resolution: "@s/real@npm:2.0.0"

    "b@npm:1.1.0, b@npm:>= 1.0.0 < 2":
      version: 1.1.0
      resolution: "b@npm:1.1.0"

    "b@npm:^2.0.0":
      version: 2.0.0
      resolution: "b@npm:2.0.0"

    "project@workspace:.":
      version: 0.0.0-use.local
      resolution: "project@workspace:."

    "tool-linux-x64@npm:1.0.0":
      version: 1.0.0
      resolution: "tool-linux-x64@npm:1.0.0"
      conditions: os=linux & cpu=x64

    "tool@npm:1.0.0":
      version: 1.0.0
      resolution: "tool@npm:1.0.0"
      dependencies:
        b: "npm:^2.0.0"
        tool-linux-x64: "npm:1.0.0"
      dependenciesMeta:
        tool-linux-x64:
          optional: true
    """)
LOCKS = {
    "npm": ("package-lock.json", NPM),
    "npm 1": ("package-lock.json", NPM_1),
    "pnpm 9": ("pnpm-lock.yaml", PNPM_9),
    "pnpm 6": ("pnpm-lock.yaml", PNPM_6),
    "yarn 1": ("yarn.lock", YARN_1),
    "yarn 4": ("yarn.lock", YARN_4),
}


def tree(kind: str) -> Tree:
    name, text = LOCKS[kind]
    return read_tree(name, text, PACKAGE)


@pytest.mark.parametrize("kind", LOCKS)
def test_each_lock_gives_the_same_tree(kind: str) -> None:
    found = {p.path: (p.name, p.version, p.dev, p.optional) for p in tree(kind).packages}
    assert found == {
        "node_modules/a": ("a", "1.0.0", False, False),
        "node_modules/alias": ("@s/real", "2.0.0", False, False),
        "node_modules/b": ("b", "1.1.0", False, False),
        "node_modules/tool": ("tool", "1.0.0", True, False),
        "node_modules/tool/node_modules/b": ("b", "2.0.0", True, False),
        "node_modules/tool-linux-x64": ("tool-linux-x64", "1.0.0", True, True),
    }


@pytest.mark.parametrize("kind", LOCKS)
def test_what_is_hashed_and_for_which_machine(kind: str) -> None:
    by_path = {p.path: p for p in tree(kind).packages}
    assert by_path["node_modules/a"].integrity == (None if kind == "yarn 4" else integrity(SHA))
    platform = by_path["node_modules/tool-linux-x64"].platform
    # Locks of npm 6 and yarn 1 do not say it: the registry has to be asked.
    says = kind not in ("npm 1", "yarn 1")
    assert (platform == Platform(os=("linux",), cpu=("x64",))) is says
    assert (platform is None) is not says


def test_members_of_a_workspace_are_links_and_bundled_packages_come_with_their_parent() -> None:
    (link,) = tree("npm").links
    assert (link.path, link.target) == ("node_modules/member", "packages/member")


def test_resolutions_of_yarn_put_another_range_in_place() -> None:
    package = {"dependencies": {"a": "^1.0.0 || ^0.9", "alias": "npm:@s/real@^2.0.0"}}
    found = read_tree("yarn.lock", YARN_4, package)
    assert "node_modules/a" in {p.path for p in found.packages}


@pytest.mark.parametrize(
    "entry",
    [
        {"version": "1.0.0", "resolved": "git+ssh://git@host.example/a.git#0123"},
        {"version": "1.0.0", "resolved": "file:../a.tgz"},
        {"resolved": "../outside", "link": True},
    ],
)
def test_what_is_no_tarball_of_a_registry_is_refused_by_name(entry: dict[str, object]) -> None:
    lock = json.dumps({"packages": {"node_modules/left-pad": entry}})
    with pytest.raises(NpmError, match="left-pad comes from") as caught:
        read_tree("package-lock.json", lock, {})
    assert caught.value.code == "npm/lock"


@pytest.mark.parametrize(
    "path", ["node_modules/../../etc/cron.d/x", "/node_modules/x", "node_modules/x/../../../y"]
)
def test_a_lock_cannot_lead_out_of_the_tree(path: str) -> None:
    lock = json.dumps({"packages": {path: {"version": "1.0.0", "integrity": SHA, "name": "x"}}})
    with pytest.raises(NpmError):
        read_tree("package-lock.json", lock, {})


@pytest.mark.parametrize(
    ("name", "text"),
    [("package-lock.json", "{"), ("pnpm-lock.yaml", "- 1"), ("yarn.lock", "__metadata:\n  - x: ["),
     ("package-lock.json", '{"packages": {"node_modules/a": 1}}'), ("go.sum", "")],
)  # fmt: skip
def test_what_is_no_lock_is_a_mistake_in_the_configuration(name: str, text: str) -> None:
    with pytest.raises(ConfigError):
        read_tree(name, text, PACKAGE)


def test_npm_s_shrinkwrap_wins(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("locks")
    assert find_lock(home) is None
    (home / "yarn.lock").touch()
    assert find_lock(home) == "yarn.lock"
    (home / "npm-shrinkwrap.json").touch()
    assert find_lock(home) == "npm-shrinkwrap.json"


KEYS = [f"{name}@{number}" for name in "abcd" for number in (1, 2, 3)]
NEEDS = st.dictionaries(st.sampled_from(KEYS), st.sets(st.sampled_from(KEYS), max_size=4))


@given(needs=NEEDS, wanted=st.sets(st.sampled_from(KEYS), min_size=1, max_size=4))
def test_node_finds_exactly_what_was_resolved(needs: dict[str, set[str]], wanted: set[str]) -> None:
    """Held against node's own way of looking: node_modules here, then in each directory above."""

    def aliases(keys: set[str]) -> dict[str, str]:
        return {key[0]: key for key in sorted(keys)}

    nodes = {
        key: layout.Node(
            package=Locked(
                path="", name=key[0], version=f"{key[2]}.0.0", url=None, integrity=None
            ),
            needs=aliases(needs.get(key, set())),
        )
        for key in KEYS
    }  # fmt: skip
    made = layout.laid_out(nodes, aliases(wanted), {}, {})
    found = {p.path: f"{p.name}@{p.version[0]}" for p in made.packages}
    links = {link.path: link.target for link in made.links}

    def seen_from(path: str, alias: str) -> str | None:
        while True:
            place = f"{path}/node_modules/{alias}".lstrip("/")
            # Node goes on from where a link leads.
            if (key := found.get(links.get(place, place))) is not None:
                return key
            if not path:
                return None
            path = path.rpartition("/node_modules/")[0] if "/node_modules/" in path else ""

    for alias, key in aliases(wanted).items():
        assert seen_from("", alias) == key
    for path, key in found.items():
        for alias, other in nodes[key].needs.items():
            assert seen_from(path, alias) == other
