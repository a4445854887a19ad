"""`debwright release` from a tag to a published release, with a real package and a real key."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.kit.github import TOKEN, FakeGithub, Fault, serving
from werkzeug import Request, Response

from debwright.keys.create import new_key

CONTROL = """\
Source: memo
Section: misc
Priority: optional
Maintainer: Memo Authors <memo@example.org>
Build-Depends: debhelper-compat (= 13)
Standards-Version: 4.6.2
Rules-Requires-Root: no

Package: memo
Architecture: all
Depends: ${misc:Depends}
Description: a file with a memo
 It is there to be released.
"""
CONFIG = """\
[package]
version_from = "git"
[targets]
build = ["bookworm-amd64"]
[checks]
lintian = "off"
[signing]
key = "FINGERPRINT"
key_env = "MEMO_KEY"
passphrase_env = "MEMO_PASS"
[repository]
url = "https://packages.example.org/apt"
[release]
repository = "example/greeter"
[[release.documents]]
template = "install.md.j2"
output = "dist/install.md"
"""
PREVIOUS = "v1.0.0"
PASSPHRASE = "what nobody may see 17"


@dataclass
class Project:
    """A repository with a tag, and a maintainer who types commands in it."""

    directory: Path
    hub: FakeGithub
    environment: dict[str, str]

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.directory, check=True, capture_output=True, text=True,
            env={**os.environ, **self.environment},
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def tag(self, name: str) -> None:
        self.git("tag", "-a", "-m", name, name)
        self.hub.tags[name] = self.git("rev-parse", f"refs/tags/{name}")

    def __call__(self, *arguments: str, expect: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "debwright", *arguments], cwd=self.directory,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=900,
            env={**os.environ, **self.environment, **environment},
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == expect, said
        assert "Traceback" not in said
        for secret in (TOKEN, *secrets_of(self.environment["MEMO_KEY"])):
            assert secret not in said
        return said


def secrets_of(key: str) -> list[str]:
    """What must be nowhere: the passphrase and each line of the secret key."""
    lines = [line for line in key.splitlines() if len(line) > 20 and "-----" not in line]
    assert len(lines) > 3
    return [PASSPHRASE, *lines]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    base = tmp_path_factory.mktemp("release")
    tree, home = base / "memo", base / "gnupg"
    (tree / "debian/source").mkdir(parents=True)
    key = new_key(
        home, "Memo <memo@example.org>", algorithm="ed25519", days=100,
        passphrase=PASSPHRASE.encode(),
    )  # fmt: skip
    (base / "key.asc").write_text(exported(home, "--export"))
    secret = exported(home, "--export-secret-keys")
    files = {
        "memo.txt": "buy milk\n", "debian/control": CONTROL,
        "debian/rules": "#!/usr/bin/make -f\n%:\n\tdh $@\n",
        "debian/memo.install": "memo.txt usr/share/memo\n",
        "debian/source/format": "3.0 (quilt)\n",
        "debian/changelog": "memo (0.1-1) unstable; urgency=medium\n\n  * First.\n\n"
        " -- Memo Authors <memo@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n",
        "install.md.j2": "newest: {{ release.version if release else 'none' }}\n"
        "{% if release %}{% for f in release.files %}{{ f.name }} {{ f.sha256 }}\n{% endfor %}"
        "{% endif %}",
        "debwright.toml": CONFIG.replace("FINGERPRINT", key.fingerprint), ".gitignore": "dist/\n",
    }  # fmt: skip
    for name, text in files.items():
        (tree / name).write_text(text)
    (tree / "debian/rules").chmod(0o755)
    environment = {
        "GIT_CONFIG_GLOBAL": "/dev/null", "GITHUB_TOKEN": TOKEN, "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org", "MEMO_KEY": secret, "MEMO_PASS": PASSPHRASE,
    }  # fmt: skip
    without_agent(home)  # the variable is the only place that has the key
    with serving(FakeGithub()) as hub:
        made = Project(tree, hub, {**environment, "GITHUB_API_URL": hub.url})
        made.git("init", "-q")
        made.commit("feat: a memo")
        made.tag(PREVIOUS)
        made.commit("feat!: another memo\n\nBREAKING CHANGE: the old memo is gone\nCloses: #3")
        yield made
    assert hub.wrong == []
    # Not even in a log below dist/, nor in what was sent.
    written = [p for p in tree.rglob("*") if p.is_file() and not p.is_symlink()]
    for content in [*(p.read_bytes() for p in written), *hub.contents.values()]:
        assert not any(part.encode() in content for part in secrets_of(secret))


def without_agent(home: Path) -> None:
    """Remove a GnuPG home whose agent may take its own sockets away at the same time."""
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    deadline = time.monotonic() + 10
    while home.exists():
        assert time.monotonic() < deadline, sorted(home.rglob("*"))
        shutil.rmtree(home, ignore_errors=True)


def exported(home: Path, what: str) -> str:
    argv = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback"]
    done = subprocess.run(
        [*argv, "--passphrase-fd", "0", "--armor", what], input=PASSPHRASE, text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_everything_is_looked_at_before_anything_is_built(project: Project) -> None:
    assert "no release tag on this commit" in project("release", expect=2)
    said = project("release", "--tag", "v2.0.0", expect=5)
    assert "GitHub does not have the tag v2.0.0" in said
    assert "stands for 2.0.0" in said
    assert "no token" in project("release", "--tag", "v2.0.0", expect=5, GITHUB_TOKEN="")
    (project.directory / "memo.txt").write_text("buy bread\n")
    said = project("release", "--tag", "v2.0.0", expect=5, MEMO_KEY="")
    assert "not committed" in said
    assert "MEMO_KEY is not set" in said
    project.git("checkout", "--", ".")
    said = project("release", "--tag", "v2.0.0", expect=5, MEMO_PASS="wrong")
    assert "passphrase" in said
    project.hub.permissions = {"push": False}
    assert "may not write" in project("release", "--tag", "v2.0.0", expect=5)
    project.hub.permissions = None
    assert not (project.directory / "dist").exists(), "nothing was built"
    assert not [r for r in project.hub.requests if not r.startswith("GET")], "nothing was sent"


def test_a_release_from_its_tag_to_its_publication(project: Project, tmp_path: Path) -> None:
    project.tag("v2.0.0-rc1")
    # The first attempt loses its connection in the middle of the uploads, for good.
    project.hub.faults += [broken_after(3) for _ in range(4)]
    project("release", expect=1)
    project.hub.faults.clear()
    broken = set(project.hub.files_of("v2.0.0-rc1"))
    assert 0 < len(broken) < 5
    sent_before = project.hub.requests.count("POST /repos/example/greeter/releases/101/assets")
    said = project("--json", "release")
    result = json.loads(said[said.index("{") :])
    assert result["draft"]
    assert result["prerelease"], "a tag with -rc1 is one"
    assert result["sent"] == len(result["assets"]) - len(broken), "what was there stayed"
    assert sent_before >= len(broken)
    release = project.hub.draft_of("v2.0.0-rc1")
    assert release["name"] == "memo 2.0.0-rc1"
    assert release["body"].index("## Breaking changes") < release["body"].index("## Install")
    assert "[#3](https://github.com/example/greeter/issues/3)" in release["body"]

    files = project.hub.files_of("v2.0.0-rc1")
    names = {n for n in files if not n.endswith(".asc")}
    assert {n.rpartition("_")[2] for n in names if n.endswith(".deb")} == {"all.deb"}
    assert "memo_2.0.0.rc1-1_all.deb" in names, "GitHub would rename ~ itself"
    for kind in (
        ".cdx.json",
        ".spdx.json",
        ".dsc",
        ".orig.tar.xz",
        ".debian.tar.xz",
        ".changes",
        ".buildinfo",
        "SHA256SUMS",
    ):
        assert any(n.endswith(kind) for n in names), kind
    assert set(files) == names | {f"{n}.asc" for n in names}

    download = tmp_path / "download"
    download.mkdir()
    for name, content in files.items():
        (download / name).write_bytes(content)
    key = project.directory.parent / "key.asc"
    checked = project("--json", "verify", "--key", str(key), str(download))
    assert json.loads(checked)["ok"]
    shutil.copy(key, tmp_path / "key.asc")
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=download, capture_output=True,
        check=True,
    )  # fmt: skip
    assert done.returncode == 0

    said = project("release", "--publish")
    assert "0 sent now" in said, "signatures of an unchanged release stay as they are"
    assert not project.hub.draft_of("v2.0.0-rc1")["draft"]
    before = dict(project.hub.files_of("v2.0.0-rc1"))
    assert "is released already" in project("release", expect=1)
    assert project.hub.files_of("v2.0.0-rc1") == before
    assert len(project.hub.releases) == 1

    written = project.directory / "dist/install.md"
    assert written.read_text() == "newest: none\n", "a pre-release is not what users install"
    (number,) = project.hub.releases
    project.hub.releases[number]["prerelease"] = False
    project.hub.releases[number]["tag_name"] = "v2.0.0"
    assert "install.md: written" in project("documents", "--check", expect=4)
    project("documents", "--check")
    text = written.read_text()
    deb = next(n for n in files if n.endswith(".deb"))
    assert "newest: 2.0.0\n" in text
    assert f"{deb} {hashlib.sha256(files[deb]).hexdigest()}\n" in text
    assert ".asc" not in text
    project.hub.releases[number] |= {"prerelease": True, "tag_name": "v2.0.0-rc1"}


def test_the_repository_gets_a_keyring_package_once(project: Project) -> None:
    project("publish")
    repo = project.directory / "dist/apt"
    found = sorted(p.name for p in (repo / "pool").rglob("*-archive-keyring_*.deb"))
    assert len(found) == 1
    assert found[0].startswith("memo-archive-keyring_20")
    (path,) = (repo / "pool").rglob(found[0])
    listing = subprocess.run(["dpkg-deb", "-c", path], check=True, capture_output=True, text=True)
    assert "/etc/apt/sources.list.d/memo.sources" in listing.stdout
    project("publish")
    assert sorted(p.name for p in (repo / "pool").rglob("*-archive-keyring_*.deb")) == found
    key = str(project.directory.parent / "key.asc")
    assert json.loads(project("--json", "verify", "--key", key, "dist/apt"))["ok"]


def broken_after(uploads: int) -> Fault:
    """Lets some uploads pass and answers later ones with an error."""
    seen = 0

    def fault(request: Request) -> Response | None:
        nonlocal seen
        if request.method == "POST" and request.path.endswith("/assets"):
            seen += 1
            if seen > uploads:
                return Response(status=502)
        return None

    return fault
