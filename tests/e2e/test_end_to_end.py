"""From an empty directory to users who upgrade, and a broken release that never reaches them.

`make e2e` runs it, for Debian 12 and 13 on both architectures, or for the targets that E2E_TARGETS
names, separated by spaces.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from debwright.model.targets import Target
from debwright.systems.nspawn import NspawnSandbox
from tests.e2e.notebook import write_version
from tests.e2e.people import Installed, Packager, booted
from tests.kit.github import TOKEN, FakeGithub, serving
from tests.kit.installing import with_install

ALL = "bookworm-amd64 bookworm-arm64 trixie-amd64 trixie-arm64"
TARGETS = (os.environ.get("E2E_TARGETS") or ALL).split()
SETTINGS = """
[signing]
key = "{key}"
home = "{home}"

[repository]
url = "http://127.0.0.1:8399/apt"

[release]
repository = "example/greeter"

[notify.webhook]
url_env = "HOOK"
"""


class Maintainer(Packager):
    """Whoever types the commands, in the service's directory; with a key and a place on GitHub."""

    def __init__(self, work: Path, hub: FakeGithub, hook: str) -> None:
        super().__init__(
            work / "notebook", {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": hub.url, "HOOK": hook}
        )
        self.hub, self.home = hub, work / "gnupg"

    def publication(self) -> int:
        """The number of the repository's current state."""
        return int(json.loads(self("--json", "repo", "list"))["current"])

    def set_targets(self) -> None:
        path = self.tree / "debwright.toml"
        text = path.read_text()
        wanted = json.dumps(TARGETS)
        text = text.replace('build = ["bookworm-amd64", "bookworm-arm64"]', f"build = {wanted}")
        text = text.replace('version_from = "changelog"', 'version_from = "git"')
        assert wanted in text
        path.write_text(text)

    def release(
        self, version: str, subject: str, *, expect: int = 0, workflow: bool = False
    ) -> str:
        """Commit, tag, draft, here or by the workflow; and when that is well, publish both."""
        write_version(self.tree, version)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)
        tag = f"v{version}"
        self.git("tag", "-a", "-m", tag, tag)
        self.hub.tags[tag] = self.git("rev-parse", f"refs/tags/{tag}")
        said = self._by_workflow(tag) if workflow else self("release", expect=expect)
        if expect == 0:
            assert self.hub.draft_of(tag)["draft"], "a person looks at it first"
            self("release", "--publish")
            assert not self.hub.draft_of(tag)["draft"]
            self("publish")
        return said

    def _by_workflow(self, tag: str) -> str:
        """What GitHub does for a tag: the release workflow, job by job."""
        payload = self.tree.parent / "event.json"
        payload.write_text(json.dumps({"ref": f"refs/tags/{tag}"}))
        said = self("--json", "ci", "release", "--event", "push", "--payload", str(payload))
        jobs = json.loads(said[: said.rindex("}") + 1])["jobs"]
        assert len(jobs) == 4 + 2 * len(TARGETS), jobs
        assert all(job["ok"] for job in jobs), jobs
        return said


class Machine(Installed):
    """A user's booted system."""

    def __init__(self, system: NspawnSandbox, target: Target) -> None:
        super().__init__(system, target)
        # The system has no network: the web server of the repository is on it.
        self.run("systemd-run --unit=web python3 -m http.server -b 127.0.0.1 -d /srv 8399")

    def ask(self, path: str, body: str | None = None) -> Any:
        """One request to the service, tried until it is up."""
        data = "None" if body is None else repr(body.encode())
        code = (
            "import urllib.request as u; print(u.urlopen(u.Request("
            f"'http://127.0.0.1:8391{path}', data={data}), timeout=20).read().decode())"
        )
        said = ""
        for _ in range(40):
            done = self.system.run(["python3", "-c", code], merge=True, check=False, timeout=120)
            if done.returncode == 0:
                return json.loads(done.output)
            said = done.output
            time.sleep(0.5)
        raise AssertionError(f"{self.target}: {said}")


@contextmanager
def machine(deb: Path, target: Target) -> Iterator[Machine]:
    with booted(deb, target) as system:
        yield Machine(system, target)


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """A chat's webhook: its address, and the messages."""
    messages: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            messages.append(json.loads(body)["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: pytest shows what is printed."""

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", messages
    finally:
        server.shutdown()
        server.server_close()


def test_from_an_empty_directory_to_users(tmp_path: Path) -> None:
    with ExitStack() as stack:
        hook, messages = stack.enter_context(listening())
        hub = stack.enter_context(serving(FakeGithub()))
        ada = Maintainer(tmp_path, hub, hook)
        begin(ada)
        ada.release("1.0.0", "feat: keep notes", workflow=True)
        first = ada.publication()
        targets = [Target.parse(name) for name in TARGETS]
        # The package is for every architecture: one target of a suite has built it.
        debs = [next(ada.tree.glob(f"dist/*/{t.suite}-*/*.deb")) for t in targets]
        machines = [
            stack.enter_context(machine(deb, t)) for deb, t in zip(debs, targets, strict=True)
        ]
        for user in machines:
            first_installation(user, ada.tree / "dist/apt")
        old_key = ada("keys", "list")
        ada("keys", "rotate", "--no-passphrase", "--overlap-days", "90")
        assert ada("keys", "list") != old_key
        ada.release("1.1.0", "feat: a table of notes\n\nThe data are brought along.")
        for user in machines:
            upgrade(user, ada.tree / "dist/apt")
        second = ada.publication()
        ada("repo", "rollback", str(first))
        for user in machines:
            back(user, ada.tree / "dist/apt")
        ada("repo", "rollback", str(second))
        for user in machines:
            forth(user, ada.tree / "dist/apt")
        messages.clear()
        broken_release(ada, messages)
        for user in machines:
            user.mirror(ada.tree / "dist/apt")
            user.apt("update")
            user.apt("upgrade")
            assert "1.1.0" in user.run("dpkg-query -W -f '${Version}' notebook")
            assert user.ask("/health")["status"] == "ok"
    assert hub.wrong == [], "GitHub's own description is kept to"


def begin(ada: Maintainer) -> None:
    """An empty repository becomes a project."""
    ada.git("init", "-q", "-b", "main")
    write_version(ada.tree, "1.0.0")
    ada("init")
    (ada.tree / "debian/notebook.install").write_text("notebook.toml etc/\n")
    ada.set_targets()
    config = ada.tree / "debwright.toml"
    text = config.read_text()
    text = with_install(text)
    config.write_text(text + SETTINGS.format(key="0" * 40, home=ada.home))
    said = json.loads(
        ada("--json", "keys", "new", "Notebook <notebook@example.org>", "--no-passphrase")
    )
    config.write_text(text + SETTINGS.format(key=said["fingerprint"], home=ada.home))
    ada("workflows", "sync")
    ada("workflows", "check")


def first_installation(user: Machine, repository: Path) -> None:
    user.mirror(repository)
    user.run(f"cp /srv/apt/notebook-{user.target.suite}.sources /etc/apt/sources.list.d/")
    user.apt("update")
    user.apt("install", "notebook", "notebook-archive-keyring")
    # From now on the keyring package's own entry counts, which a change of keys goes through.
    user.run(f"test ! -e /etc/apt/sources.list.d/notebook-{user.target.suite}.sources")
    user.apt("update")
    assert user.ask("/health") == {"status": "ok", "title": "Notes"}
    assert user.ask("/notes", "water the garden") == ["water the garden"]
    user.run("sed -i 's/title = .*/title = \"Mine\"/' /etc/notebook.toml")
    assert user.ask("/health")["title"] == "Mine"


def upgrade(user: Machine, repository: Path) -> None:
    user.mirror(repository)
    user.apt("update")
    user.apt("-o Dpkg::Options::=--force-confold", "upgrade")
    assert "1.1.0" in user.run("dpkg-query -W -f '${Version}' notebook")
    assert user.ask("/notes") == ["water the garden"], "the data were brought along"
    assert '"version": 2' in user.run("cat /var/lib/notebook/notes-2.json")
    assert user.ask("/health")["title"] == "Mine", "the edited configuration stayed"
    assert "most = 1000" in user.run("cat /etc/notebook.toml.dpkg-dist"), "the new one is beside it"


def back(user: Machine, repository: Path) -> None:
    """The repository has gone back to the release before; a user asks for that, too."""
    user.mirror(repository)
    user.apt("update")
    versions = user.run("apt-cache madison notebook | awk '{ print $3 }' | sort -u").split()
    (old,) = versions
    assert old.startswith("1.0.0"), "nobody is offered the newer one any more"
    user.apt("upgrade")
    assert "1.1.0" in user.run("dpkg-query -W -f '${Version}' notebook"), "nothing happens unasked"
    user.apt(
        "-o Dpkg::Options::=--force-confold", "--allow-downgrades", "install", f"notebook={old}"
    )
    assert user.ask("/notes") == ["water the garden"]
    assert user.ask("/health")["title"] == "Mine"


def forth(user: Machine, repository: Path) -> None:
    user.mirror(repository)
    user.apt("update")
    user.apt("-o Dpkg::Options::=--force-confold", "upgrade")
    assert "1.1.0" in user.run("dpkg-query -W -f '${Version}' notebook")
    assert user.ask("/notes", "call the tenant") == ["water the garden", "call the tenant"]


def broken_release(ada: Maintainer, messages: list[str]) -> None:
    """Its service is not healthy: it is stopped, explained, told of, and shown."""
    ada.release("1.2.0", "feat: a mistake", expect=4)
    assert not [r for r in ada.hub.releases.values() if r["tag_name"] == "v1.2.0"], "no draft"
    assert not list((ada.tree / "dist/apt/pool").rglob("notebook_1.2.0*")), "not in the repository"
    (home,) = (ada.tree / "dist").glob("1.2.0*")
    said = json.loads(ada("--json", "diagnose", str(home)))
    assert "unhealthy" in json.dumps(said), said
    assert len(messages) == 1
    assert "1.2.0" in messages[0]
    ada("dashboard")
    page = (ada.tree / "dist/dashboard/index.html").read_text()
    assert "1.2.0" in page
    assert "failed" in page
