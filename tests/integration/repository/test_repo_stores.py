"""Every store: pushed to, read by apt where that can be, and got back from."""
# ruff: noqa: PLR0917 - fixtures come by name

import base64
import getpass
import hmac
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.repository.s3_server import ACCESS, REGION, S3, SECRET
from tests.kit.copied import Tree as Source
from tests.kit.pages import TOP, blocks

from debwright.cli.app import call
from debwright.host.process import Interrupted, run
from debwright.host.retry import RetryPolicy
from debwright.keys.signing.gpg import GpgSigner
from debwright.model.errors import CheckError, DebwrightError, MissingError, UsageError
from debwright.repository import store as local
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.plan import load
from debwright.repository.publish import publish
from debwright.repository.sources import sources_text
from debwright.repository.stores import azure, objects, pages, s3
from debwright.repository.stores.base import Store, push_all
from debwright.repository.stores.directory import DirectoryStore
from debwright.repository.stores.pages import PagesStore
from debwright.repository.stores.restore import restore
from debwright.repository.stores.rsync import RsyncStore
from debwright.repository.stores.tree import Step, served_tree, step_of
from debwright.repository.verify.repository import CODES, verify_repository

pytestmark = [pytest.mark.minutes(0.1), pytest.mark.integration]

MakeDeb = Callable[..., Path]
Files = Callable[..., list[PackageFile]]


QUICK = RetryPolicy(attempts=5, first_pause=0.001, seconds=60)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("T_ACCESS", ACCESS), ("T_SECRET", SECRET), ("T_WRONG", "wrong")):
        monkeypatch.setenv(name, value)
    # Those of another account, which are not to be used.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another account")


def s3_store(server: S3, **changes: Any) -> Store:
    given: dict[str, Any] = {
        "bucket": "packages", "prefix": "apt/greeter", "region": REGION, "endpoint": server.url,
        "access_key_env": "T_ACCESS", "secret_key_env": "T_SECRET", "session_token_env": "T_TOKEN",
    } | changes  # fmt: skip
    return s3.S3(**given).open(policy=QUICK)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Callable[..., RsyncStore]]:
    """A real sshd of this machine, on a port of its own, and rsync on both sides."""
    if not Path("/usr/sbin/sshd").exists() or shutil.which("rsync") is None:
        pytest.skip("openssh-server or rsync is not installed")
    work = tmp_path / "ssh"
    work.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(work / name)], check=True
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (work / "authorized").write_text((work / "user.pub").read_text())
    (work / "known").write_text(f"[127.0.0.1]:{port} {(work / 'host.pub').read_text()}")
    (work / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {work}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {work}/authorized\nStrictModes no\nPasswordAuthentication no\n"
        "PermitRootLogin prohibit-password\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-e", "-f", str(work / "config")], stderr=subprocess.DEVNULL
    )
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)

    def make(path: Path, **changes: Any) -> RsyncStore:
        given = {"port": port, "identity": work / "user", "known_hosts": work / "known"} | changes
        return RsyncStore(f"{getpass.getuser()}@127.0.0.1:{path}", **given)

    yield make
    server.terminate()
    server.wait()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "pages.git"
    subprocess.run(["git", "init", "-q", "--bare", str(path)], check=True)
    return path


def round_trip(
    store: Store, tmp_path: Path, make_deb: MakeDeb, source_package: Path, signer: GpgSigner,
    settings: RepositorySettings, files: Files, keyring: Path,
) -> Path:  # fmt: skip
    """Push twice, get it back, publish from the copy; the first repository is then refused."""
    repo, copy = tmp_path / "repo", tmp_path / "copy"
    assert store.record() is None
    publish(repo, files(make_deb("greeter"), source_package), signer, settings)
    (done,) = push_all(repo, [store])
    assert (done.number, done.unchanged) == (1, False)
    assert push_all(repo, [store])[0].unchanged
    publish(repo, files(make_deb("greeter", "1.1-1"), suite="bookworm-nightly"), signer, settings)
    publish(repo, files(make_deb("a+b", "2:1.1~rc1+x-1")), signer, settings)
    assert push_all(repo, [store])[0].number == 3
    assert {p.name for p in local.private(repo).iterdir()} == {"cache", "lock"}

    assert restore(copy, store, keyring) == (3, True)
    assert restore(copy, store, keyring) == (3, False)
    assert verify_repository(copy, keyring) == []
    publish(copy, files(make_deb("other")), signer, settings)
    assert push_all(copy, [store])[0].number == 4
    with pytest.raises(DebwrightError, match=r"has publication 4 of .* this copy was not"):
        push_all(repo, [store])
    stranger = tmp_path / "stranger"
    publish(stranger, files(make_deb("greeter")), signer, settings)
    with pytest.raises(DebwrightError, match="of another repository") as caught:
        push_all(stranger, [store])
    assert "debwright repo pull" in caught.value.render()
    with pytest.raises(DebwrightError, match="has another repository"):
        restore(stranger, store, keyring)
    return copy


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


def installs_from(directory: Path, copy: Path, settings: RepositorySettings, make_apt: Any) -> None:
    """apt reads what a web server shows of `directory`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(directory)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served = settings.model_copy(update={"url": f"http://127.0.0.1:{server.server_address[1]}"})
    key = (directory / "key.asc").read_text()
    apt = make_apt(sources_text(served, copy, "bookworm", key=key, with_source=True))
    apt.get("update")
    apt.get("download", "greeter", "other", "a+b")
    apt.get("source", "--download-only", "greeter")
    server.shutdown()
    server.server_close()


def test_a_directory(
    tmp_path: Path, make_deb: MakeDeb, source_package: Path, signer: GpgSigner,
    settings: RepositorySettings, files: Files, keyring: Path, make_apt: Any,
) -> None:  # fmt: skip
    web = tmp_path / "www" / "apt"
    copy = round_trip(DirectoryStore(web), tmp_path, make_deb, source_package, signer, settings,
                      files, keyring)  # fmt: skip
    installs_from(web, copy, settings, make_apt)
    assert verify_repository(web, keyring) == []
    assert len(list(web.glob(".publication-*"))) == 2  # the current one, and that of its readers
    foreign = tmp_path / "foreign"
    (foreign / "dists").mkdir(parents=True)
    with pytest.raises(DebwrightError, match="was not made by debwright"):
        push_all(copy, [DirectoryStore(foreign)])
    (web / "notes.txt").write_text("of somebody else")
    (web / "photos").mkdir()
    assert restore(tmp_path / "again", DirectoryStore(web), keyring) == (4, True)
    got = {p.name for p in (tmp_path / "again/publications/0004").iterdir()}
    assert not got & {"notes.txt", "photos"}
    for wrong in (copy, copy / "below", tmp_path):
        with pytest.raises(UsageError, match="is the repository that is to be copied"):
            DirectoryStore(wrong).push(served_tree(copy))
    assert verify_repository(copy, keyring) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(DebwrightError, match="cannot be copied"):
        push_all(copy, [DirectoryStore(tmp_path / "file" / "below")])


def test_a_branch_of_github_pages(
    tmp_path: Path, make_deb: MakeDeb, source_package: Path, signer: GpgSigner, bare: Path,
    settings: RepositorySettings, files: Files, keyring: Path, make_apt: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    store = PagesStore(str(bare), "gh-pages")
    copy = round_trip(store, tmp_path, make_deb, source_package, signer, settings, files, keyring)
    web = tmp_path / "web"
    subprocess.run(["git", "clone", "-q", "-b", "gh-pages", str(bare), str(web)], check=True)
    assert (web / ".nojekyll").exists()
    count = subprocess.run(
        ["git", "-C", str(web), "rev-list", "--count", "HEAD"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert count.stdout == "1\n"  # no history that keeps old packages
    installs_from(web, copy, settings, make_apt)
    with pytest.raises(DebwrightError, match="git could not work on the branch"):
        PagesStore(str(tmp_path / "nowhere.git"), "gh-pages").record()
    # What GitHub would refuse is said before anything is sent.
    before = store.record()
    publish(copy, files(make_deb("more")), signer, settings)
    monkeypatch.setattr(pages, "FILE_LIMIT", 500)
    with pytest.raises(DebwrightError, match="too large for GitHub Pages") as caught:
        push_all(copy, [store])
    assert "another store" in caught.value.render()
    monkeypatch.setattr(pages, "FILE_LIMIT", 10**6)
    monkeypatch.setattr(pages, "SITE_LIMIT", 3000)
    with pytest.raises(DebwrightError, match="GitHub Pages takes 1 GB") as caught:
        push_all(copy, [store])
    assert "sources = false" in caught.value.render()
    assert store.record() == before


def test_packages_that_are_on_the_branch_are_neither_fetched_nor_sent(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, bare: Path, settings: RepositorySettings,
    files: Files, keyring: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    subprocess.run(["git", "-C", str(bare), "config", "uploadpack.allowFilter", "true"], check=True)
    repo, store = tmp_path / "repo", PagesStore(str(bare), "gh-pages")
    large = make_deb("greeter", content=os.urandom(150_000).hex())
    publish(repo, files(large), signer, settings)
    push_all(repo, [store])
    publish(repo, files(make_deb("other")), signer, settings)
    fetched: list[int] = []

    def watched(argv: list[str], **options: Any) -> Any:
        done = run(argv, **options)
        if "fetch" in argv or "cat-file" in argv:
            packs = Path(argv[2]).glob("objects/pack/*.pack")
            fetched.append(sum(p.stat().st_size for p in packs))
        return done

    monkeypatch.setattr(pages, "run", watched)
    before = sum(p.stat().st_size for p in bare.rglob("*") if p.is_file())
    push_all(repo, [store])
    after = sum(p.stat().st_size for p in bare.rglob("*") if p.is_file())
    assert max(fetched) < 50_000
    assert after - before < 100_000
    assert restore(tmp_path / "copy", store, keyring) == (2, True)


def test_the_users_settings_of_git_change_no_file(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, bare: Path, settings: RepositorySettings,
    files: Files, keyring: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    home = tmp_path / "home"
    home.mkdir()
    (home / "attributes").write_text("* text\n")
    (home / ".gitconfig").write_text(
        f"[core]\n\tautocrlf = input\n\tattributesFile = {home}/attributes\n"
    )
    monkeypatch.setenv("HOME", str(home))
    repo, store = tmp_path / "repo", PagesStore(str(bare), "gh-pages")
    publish(
        repo, files(make_deb("greeter", content="a\r\nb", compression="none")), signer, settings
    )
    push_all(repo, [store])
    monkeypatch.undo()
    web = tmp_path / "web"
    subprocess.run(["git", "clone", "-q", "-b", "gh-pages", str(bare), str(web)], check=True)
    assert verify_repository(web, keyring) == []


def test_a_large_source_can_be_left_out(
    tmp_path: Path, make_deb: MakeDeb, source_package: Path, signer: GpgSigner, bare: Path,
    settings: RepositorySettings, files: Files, keyring: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    repo, store = tmp_path / "repo", PagesStore(str(bare), "gh-pages")
    one = settings.model_copy(update={"keep": 1})
    large = make_deb("greeter")
    publish(repo, files(large, source_package), signer, one)
    monkeypatch.setattr(pages, "FILE_LIMIT", 20_000)
    (tarball,) = (repo / "pool").rglob("*.orig.tar.gz")
    with tarball.open("r+b") as file:
        file.truncate(30_000)
    with pytest.raises(DebwrightError, match="too large") as caught:
        push_all(repo, [store])
    assert "sources = false" in caught.value.render()
    publish(repo, [], signer, one.model_copy(update={"sources": False}))
    assert not tarball.exists()
    push_all(repo, [store])
    assert verify_repository(repo, keyring) == []


def test_a_host_by_rsync_and_a_real_sshd(
    tmp_path: Path, make_deb: MakeDeb, source_package: Path, signer: GpgSigner,
    sshd: Callable[..., RsyncStore], settings: RepositorySettings, files: Files, keyring: Path,
    make_apt: Any,
) -> None:  # fmt: skip
    web = tmp_path / "remote" / "apt"
    others = [web / "notes.txt", web / "photos" / "cat.jpg", web / "photos" / "pool" / "dog.jpg"]
    for other in others:
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_text("of somebody else")
    copy = round_trip(sshd(web), tmp_path, make_deb, source_package, signer, settings, files,
                      keyring)  # fmt: skip
    installs_from(web, copy, settings, make_apt)
    assert verify_repository(web, keyring) == []
    assert all(other.is_file() for other in others), "only what is ours is removed"
    assert restore(tmp_path / "again", sshd(web), keyring) == (4, True)
    got = {p.name for p in (tmp_path / "again/publications/0004").iterdir()}
    assert not got & {"notes.txt", "photos"}, "and got back"
    assert not list(web.glob("manifests/000[1-3]")), "and that is"
    foreign = tmp_path / "remote" / "foreign"
    (foreign / "dists" / "bookworm").mkdir(parents=True)
    with pytest.raises(DebwrightError, match="something else than a repository of debwright"):
        push_all(copy, [sshd(foreign)])
    (tmp_path / "nobody").write_text("")
    with pytest.raises(DebwrightError, match="rsync could not work") as caught:
        sshd(web, known_hosts=tmp_path / "nobody").record()
    assert "known_hosts" in caught.value.render()


def test_s3(
    tmp_path: Path, make_deb: MakeDeb, source_package: Path, signer: GpgSigner,
    settings: RepositorySettings, files: Files, keyring: Path, make_apt: Any,
) -> None:  # fmt: skip
    with S3("packages") as server:
        store = s3_store(server)
        # Folders of a console's making, and a file of somebody else.
        for key in ("apt/greeter/", "apt/greeter/pool/", "apt/greeter/notes/to-self.txt"):
            server.objects[key] = b""
        copy = round_trip(store, tmp_path, make_deb, source_package, signer, settings, files,
                          keyring)  # fmt: skip
        assert "apt/greeter/notes/to-self.txt" in server.objects, "left alone"
        web = tmp_path / "web"
        store.fetch(web)
        installs_from(web, copy, settings, make_apt)
        assert all(key.startswith("apt/greeter/") for key in server.objects)
        deb = next(k for k in server.objects if k.endswith("other_1.0-1_amd64.deb"))
        assert "immutable" in server.headers[deb]["cache-control"]
        assert server.headers["apt/greeter/index.html"]["content-type"].startswith("text/html")
        # The order of one push: what is named comes before what names it.
        server.log.clear()
        publish(copy, files(make_deb("last")), signer, settings)
        failing = iter([500, 503, None])
        server.before = lambda method, _: next(failing, None) if method == "PUT" else None
        push_all(copy, [store])
        steps = [step_of(k.removeprefix("apt/greeter/")) for m, k in server.log if m == "PUT"]
        assert steps == sorted(steps)
        assert steps[-1] is Step.RECORD
        puts = [k for m, k in server.log if m == "PUT"]
        assert len(set(puts[:3])) == 1  # sent at the third attempt
        assert steps.count(Step.POOL) == 1
        in_release = next(i for i, k in enumerate(puts) if k.endswith("dists/bookworm/InRelease"))
        assert all("InRelease" in k or "publication" in k for k in puts[in_release:])
        for broken, words in (
            ({"secret_key_env": "T_WRONG"}, "keys are wrong"),
            ({"region": "other"}, "keys are wrong"),
        ):
            with pytest.raises(DebwrightError) as caught:
                s3_store(server, **broken).record()
            assert words in caught.value.render()
            assert SECRET not in caught.value.render()
        server.objects = {"apt/greeter/dists/bookworm/Release": b"", "apt/greeter/pool/x": b""}
        with pytest.raises(DebwrightError, match="something else than a repository of debwright"):
            push_all(copy, [store])
        assert len(server.objects) == 2
        server.bucket = "elsewhere"
        with pytest.raises(DebwrightError, match="refused"):
            store.record()
        server.bucket = "packages"
        server.before = lambda _m, _k: 500
        with pytest.raises(MissingError, match="does not answer"):
            store.record()
        server.before = lambda _m, _k: 301
        with pytest.raises(DebwrightError) as caught:
            store.record()
        assert "in another region" in caught.value.render()


PLACES = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
AZURITE = os.environ.get("AZURITE") or shutil.which("azurite-blob", path=PLACES)
# The account and key that the emulator's own documentation gives.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@pytest.fixture
def azurite(tmp_path: Path) -> Iterator[str]:
    """Microsoft's own emulator of Azure's storage, with a container `packages`."""
    if AZURITE is None:
        pytest.skip("azurite is not installed (npm install azurite), nor in $AZURITE")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [AZURITE, "--blobPort", str(port), "--inMemoryPersistence", "--silent",
         "--disableTelemetry"], cwd=tmp_path, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}/{ACCOUNT}"
    path = f"/{ACCOUNT}/packages"
    for _ in range(300):
        date = formatdate(usegmt=True)
        text = "\n".join(["PUT", *[""] * 11, f"x-ms-date:{date}", "x-ms-version:2023-11-03",
                          f"/{ACCOUNT}{path}", "restype:container"])  # fmt: skip
        digest = hmac.digest(base64.b64decode(ACCOUNT_KEY), text.encode(), "sha256")
        said = {
            "x-ms-date": date, "x-ms-version": "2023-11-03",
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
        }  # fmt: skip
        try:
            made = httpx.put(f"{url}/packages?restype=container", headers=said)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            assert made.status_code == 201, made.text
            break
    yield url
    server.terminate()
    server.wait()


def test_a_container_of_azure(
    tmp_path: Path, make_deb: MakeDeb, source_package: Path, signer: GpgSigner, azurite: str,
    settings: RepositorySettings, files: Files, keyring: Path, make_apt: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("T_AZURE", ACCOUNT_KEY)

    def opened(prefix: str | None = None, container: str = "packages") -> Store:
        table = azure.Azure(
            account=ACCOUNT, container=container, prefix=prefix, endpoint=azurite,
            key_env="T_AZURE", sas_token_env="T_NONE",
        )  # fmt: skip
        return table.open(policy=QUICK)

    store = opened("apt/greeter")
    copy = round_trip(store, tmp_path, make_deb, source_package, signer, settings, files,
                      keyring)  # fmt: skip
    web = tmp_path / "web"
    store.fetch(web)
    installs_from(web, copy, settings, make_apt)
    with pytest.raises(DebwrightError, match="refused"):
        opened(container="elsewhere").record()
    monkeypatch.setenv("T_AZURE", base64.b64encode(b"x" * 64).decode())
    with pytest.raises(DebwrightError) as caught:
        opened().record()
    assert "keys are wrong" in caught.value.render()


def test_a_large_file_goes_to_s3_in_parts_and_leaves_none_behind(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Parts have S3's own least size: the stand-in refuses smaller ones, as the real one does."""
    monkeypatch.setattr(objects, "PIECE", 5 * 1024**2)
    repo = tmp_path / "repo"
    with S3("packages") as server:
        store = s3_store(server)
        publish(repo, files(make_deb("greeter")), signer, settings)
        (deb,) = (repo / "pool").rglob("*.deb")
        large = tmp_path / "large.bin"
        large.write_bytes(os.urandom(12 * 1024**2))
        tree = served_tree(repo)
        item = next(i for i in tree.items if i.file == deb)
        changed = replace(item, file=large, size=large.stat().st_size, sha256=None)
        tree = replace(tree, items=tuple(changed if i is item else i for i in tree.items))
        failing = iter([500, None])
        server.before = lambda _m, k: next(failing, None) if k.endswith(item.path) else None
        store.push(tree)
        key = f"apt/greeter/{item.path}"
        assert server.objects[key] == large.read_bytes()
        assert server.etags[key].endswith("-3")
        assert "immutable" in server.headers[key]["cache-control"]
        assert not server.uploads
        # Asked to stop in the middle: nothing of it is there, nor kept and paid for.
        server.objects.pop(key)
        monkeypatch.setattr(objects, "go_on", _stops_at(4))
        with pytest.raises(Interrupted):
            store.push(tree)
        assert key not in server.objects
        assert not server.uploads


def _stops_at(number: int) -> Callable[[], None]:
    left = [number]

    def go_on() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Interrupted("stopped")

    return go_on


def test_a_push_that_breaks_off_leaves_readers_the_old_publication(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    with S3("packages") as server:
        store, repo = s3_store(server), tmp_path / "repo"
        publish(repo, files(make_deb("greeter")), signer, settings)
        push_all(repo, [store])
        publish(repo, files(make_deb("greeter", "1.1-1")), signer, settings)
        total = len(server.log)
        server.log.clear()
        push_all(repo, [store])
        total = sum(1 for m, _ in server.log if m == "PUT")
        for turn, stop in enumerate(range(1, total, total // 7)):
            publish(repo, files(make_deb("greeter", f"2.{stop}-1")), signer, settings)
            left = [stop]

            def broken(method: str, _: str, left: list[int] = left) -> int | None:
                left[0] -= method == "PUT"
                return 403 if method == "PUT" and left[0] < 0 else None

            server.before = broken
            try:
                push_all(repo, [store])
            except DebwrightError:
                pass
            server.before = lambda _m, _k: None
            web = tmp_path / f"web{stop}"
            store.fetch(web)
            # What apt reads: InRelease, indices by hash, packages.
            must_be_readable(web, keyring, tmp_path / f"gpg{stop}")
            if turn % 2:
                assert not push_all(repo, [store])[0].unchanged
                continue
            # The machine may be gone, as in CI: another one goes on from what is there.
            fresh = tmp_path / f"fresh{stop}"
            number, _ = restore(fresh, store, keyring)
            assert verify_repository(fresh, keyring) == []
            assert pool_of(fresh) == named_by(fresh), "what nothing names is left behind"
            again = make_deb("greeter", f"2.{stop}-1", content="hallo")
            publish(fresh, files(again), signer, settings)
            (pushed,) = push_all(fresh, [store])
            assert pushed.number == number + 1
            # Built again it has the same name and size; what broke off must not take its place.
            key = next(k for k in server.objects if k.endswith(f"greeter_2.{stop}-1_amd64.deb"))
            assert server.objects[key] == again.read_bytes()
            repo = fresh


def pool_of(repo: Path) -> set[str]:
    return {p.relative_to(repo).as_posix() for p in (repo / "pool").rglob("*") if p.is_file()}


def named_by(repo: Path) -> set[str]:
    state = load(repo)
    assert state is not None
    return {e.path for manifest in state.suites.values() for e in manifest.entries}


def test_old_versions_leave_the_store_though_every_publisher_is_a_fresh_machine(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    newest = settings.model_copy(update={"keep_versions": 1})
    web = tmp_path / "www"
    store = DirectoryStore(web)
    for number in range(1, 6):
        repo = tmp_path / f"machine{number}"
        if number > 1:
            restore(repo, store, keyring)
        publish(repo, files(make_deb("greeter", f"{number}.0-1")), signer, newest)
        push_all(repo, [store])
        versions = {path.split("_")[1] for path in pool_of(web)}
        # That of readers who have not looked since, and no older one.
        assert versions == {f"{n}.0-1" for n in (number - 1, number) if n}
        assert len(list((web / "manifests").iterdir())) == 1


def test_a_directory_is_served_while_it_is_pushed_again(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    repo, web = tmp_path / "repo", tmp_path / "www"
    store = DirectoryStore(web)
    publish(repo, files(make_deb("greeter")), signer, settings)
    push_all(repo, [store])
    before = (web / "dists").resolve()
    (web / "publication.json").unlink()  # as when the push had been killed before its last act
    rename = Path.rename

    def watched(path: Path, target: Path) -> Path:
        assert before.is_dir(), "readers have it until the link points elsewhere"
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", watched)
    push_all(repo, [store])
    monkeypatch.undo()
    assert (web / "dists").resolve() != before
    assert verify_repository(web, keyring) == []


def must_be_readable(web: Path, keyring: Path, plain: Path) -> None:
    subprocess.run(
        ["gpgv", "--keyring", str(keyring), "--output", str(plain),
         str(web / "dists/bookworm/InRelease")], check=True, capture_output=True,
    )  # fmt: skip
    from debwright.repository.release import listed_files

    for name, size, sha256 in listed_files(plain.read_bytes()):
        path = web / "dists/bookworm" / Path(name).parent / "by-hash/SHA256" / sha256
        assert path.stat().st_size == size
        if name.endswith("/Packages"):
            for line in path.read_text().splitlines():
                if line.startswith("Filename: "):
                    assert (web / line.split()[1]).is_file()


def test_what_a_store_gives_back_is_not_believed(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    repo, web = tmp_path / "repo", tmp_path / "web"
    publish(repo, files(make_deb("greeter")), signer, settings)
    push_all(repo, [DirectoryStore(web)])

    def changed(number: int, path: str, old: str, new: str) -> Path:
        place = tmp_path / f"changed{number}"
        DirectoryStore(web).fetch(place)
        text = (place / path).read_text(errors="surrogateescape")
        assert old in text
        (place / path).write_text(text.replace(old, new), errors="surrogateescape")
        return place

    hashes = {p.read_bytes(): p for p in (web / "dists").rglob("by-hash/SHA256/*")}
    packages = str(hashes[(web / "dists/bookworm/main/binary-amd64/Packages").read_bytes()])
    packages = packages.removeprefix(f"{web}/")
    cases = [
        ("manifests/0001/bookworm/manifest.json", '"sha256":"', '"sha256":"0'),
        ("manifests/0001/bookworm/manifest.json", "1.0-1_amd64.deb", "1.0-2_amd64.deb"),
        ("manifests/0001/bookworm/manifest.json", "pool/main", "pool/../main"),
        ("manifests/0001/bookworm/manifest.json", "main/binary-amd64/by-hash", "../../by-hash"),
        ("publication.json", '"removed": []', '"removed": ["pool/../../../etc/passwd"]'),
        ("publication.json", '"bookworm"', '"../bookworm"'),
        ("manifests/0001/bookworm/Release", "main/binary-amd64/Packages\n", "../../../pool/x\n"),
        ("manifests/0001/bookworm/InRelease", "Greeter", "Gritter"),
        (packages, "says hello", "says evil"),
    ]
    for number, (path, old, new) in enumerate(cases):
        place = changed(number, path, old, new)
        target = tmp_path / f"target{number}"
        with pytest.raises(DebwrightError):
            restore(target, DirectoryStore(place), keyring)
        assert local.current_number(target) is None
        assert sorted(p.name for p in target.iterdir()) in ([".debwright"], [])
    # Whose time is over is no obstacle for its owner, who alone can sign it again.
    shutil.copytree(web, tmp_path / "over")
    monkeypatch.setattr(
        "debwright.repository.stores.restore.verify_repository",
        lambda *_: [CODES.found("repository/expired", "it is over")],
    )
    said: list[str] = []
    late = restore(tmp_path / "late", DirectoryStore(tmp_path / "over"), keyring, say=said.append)
    assert late == (1, True)
    assert "debwright repo renew" in said[0]
    monkeypatch.undo()
    (web / "pool/link").symlink_to("/etc/passwd")
    assert restore(tmp_path / "good", DirectoryStore(web), keyring) == (1, True)
    other = tmp_path / "other.gpg"
    subprocess.run(["gpg", "--batch", "--homedir", str(_empty_home(tmp_path)), "--dearmor",
                    "-o", str(other)], input=b"", check=False, capture_output=True)  # fmt: skip
    with pytest.raises((CheckError, DebwrightError)):
        restore(tmp_path / "never", DirectoryStore(web), other)


def _empty_home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


def test_the_commands(
    tmp_path: Path, make_deb: MakeDeb, key_home: Path, fingerprint: str, bare: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "debwright.toml").write_text(
            f'[signing]\nkey = "{fingerprint}"\nhome = "{key_home}"\n'
            f'[repository]\norigin = "Greeter"\n[repository.pages]\nremote = "{bare}"\n'
        )

    def repo(name: str, *arguments: str, code: int = 0) -> str:
        assert call(["-C", str(tmp_path / name), "repo", *arguments]) == code
        found = capsys.readouterr()
        return found.out + found.err

    assert "nothing is in branch gh-pages" in repo("two", "pull", code=1)
    assert "is the first" in repo("two", "pull", "--may-be-empty")
    said = repo("one", "add", "--suite", "bookworm", str(make_deb("greeter")))
    assert "publication 1, " in said
    assert "files sent" in said, "it reaches the store"
    assert "there already" in repo("one", "push")
    # What takes packages out again and goes back reaches it, too.
    repo("one", "add", "--suite", "bookworm", str(make_deb("bellhop")))
    assert "files sent" in repo("one", "remove", "--suite", "bookworm", "bellhop")
    assert "files sent" in repo("one", "rollback", "2")
    repo("two", "pull")
    assert "bellhop" in repo("two", "list", "--packages")
    assert "files sent" in repo("one", "rollback", "1")
    assert "is in" in repo("two", "pull")
    assert "greeter 1.0-1 amd64" in repo("two", "list", "--packages")
    text = (tmp_path / "one/debwright.toml").read_text()
    (tmp_path / "one/debwright.toml").write_text(text.split("[repository.pages]")[0])
    assert "names no store" in repo("one", "push", code=2)
    (tmp_path / "one/debwright.toml").write_text(
        text.split("[repository.pages]")[0] + '[repository.s3]\nbucket = "packages"\n'
    )
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    assert "AWS_ACCESS_KEY_ID is not set" in repo("one", "push", code=5)
    (tmp_path / "one/debwright.toml").write_text(
        text.split("[repository.pages]")[0] + '[repository.rsync]\nto = "-oProxyCommand=x:/a"\n'
    )
    assert "is not a place for rsync" in repo("one", "push", code=2)
    assert os.environ.get("GIT_CONFIG_COUNT") is None


def test_a_store_is_one_new_file(
    tmp_path: Path, make_deb: MakeDeb, key_home: Path, fingerprint: str
) -> None:
    """The example of docs/develop.md in a copy of debwright, which gets this file and no other."""
    (code,) = (
        b for b in blocks(TOP / "docs/develop.md") if (b.mark, b.value) == ("example", "store")
    )
    tree = Source.copy(tmp_path)
    (tree.package / "repository/stores/archive.py").write_text(code.text)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "debwright.toml").write_text(
            f'[signing]\nkey = "{fingerprint}"\nhome = "{key_home}"\n'
            f'[repository]\norigin = "Greeter"\n'
            f'[repository.archive]\npath = "{tmp_path}/apt.tar"\n'
        )
    added = tree.debwright(
        "repo", "add", "--suite", "bookworm", str(make_deb("greeter")), cwd=tmp_path / "one"
    )
    assert "publication 1" in tree.debwright("repo", "push", cwd=tmp_path / "one"), added
    assert "there already" in tree.debwright("repo", "push", cwd=tmp_path / "one")
    assert "publication 1" in tree.debwright("repo", "pull", cwd=tmp_path / "two")
    listed = tree.debwright("repo", "list", "--packages", cwd=tmp_path / "two")
    assert "greeter 1.0-1 amd64" in listed
    (tmp_path / "two/debwright.toml").write_text('[repository]\norigin = "Greeter"\n')
    assert "[repository.archive]" in tree.debwright("repo", "push", cwd=tmp_path / "two")
