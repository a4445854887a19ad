"""What `debwright doctor` says of the pipeline: a real key, a real repository, real HTTP.

GitHub alone is stood in for: its description that the tests have (tests/reference) has neither
secrets nor runners, so the answers here are written by hand, as its documentation shows them.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug import Request, Response
from werkzeug.serving import make_server

from debwright.config import load
from debwright.doctor import Health, hosted, project
from debwright.keys.signing.gpg import GpgSigner
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.publish import publish

MakeDeb = Callable[..., Path]
Files = Callable[..., list[PackageFile]]


@contextmanager
def answering(answer: Callable[[Request], Response]) -> Iterator[str]:
    @Request.application
    def application(request: Request) -> Response:
        return answer(request)

    served = make_server("127.0.0.1", 0, application)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{served.server_port}"
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


def configured(directory: Path, text: str) -> Any:
    (directory / "debwright.toml").write_text(text)
    return load(directory)


def only(found: Iterator[Health]) -> Health:
    (item,) = found
    return item


def test_a_mirror_that_answers_and_others(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(request.path)
        return Response(status=200 if request.path.startswith("/debian/") else 404)

    targets = '[targets]\nbuild = ["bookworm-amd64", "bookworm-arm64"]\n[suites.bookworm]\n'
    with answering(answer) as url:
        good = only(project.mirrors(configured(tmp_path, f'{targets}mirror = "{url}/debian/"\n')))
        assert (good.ok, good.found) == (True, "127.0.0.1 answers")
        assert asked == ["/debian/dists/bookworm/InRelease"], "once for both architectures"
        gone = only(project.mirrors(configured(tmp_path, f'{targets}mirror = "{url}/moved"\n')))
    assert (gone.ok, gone.needed) == (False, False)
    assert "HTTP status 404" in gone.found
    assert "[suites.bookworm] mirror" in str(gone.fix)
    silent = only(project.mirrors(configured(tmp_path, f'{targets}mirror = "{url}/debian"\n')))
    assert not silent.ok
    assert "refused" in silent.found


def test_a_cache_that_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = only(project.cache())
    assert found.ok
    assert found.found.startswith("empty")


def test_keys(tmp_path: Path, key_home: Path, fingerprint: str, monkeypatch: Any) -> None:
    none = only(project.keys(configured(tmp_path, "")))
    assert (none.ok, none.needed, none.fix) == (True, False, None), (
        "a key is made when it is needed"
    )
    there = configured(tmp_path, f'[signing]\nkey = "{fingerprint}"\nhome = "{key_home}"\n')
    good = only(project.keys(there))
    assert good.ok, good
    assert fingerprint[-16:] in good.name
    other = "0" * 40
    lost = only(
        project.keys(configured(tmp_path, f'[signing]\nkey = "{other}"\nhome = "{key_home}"\n'))
    )
    assert not lost.ok
    assert lost.fix == "debwright keys list"
    secret = configured(tmp_path, f'[signing]\nkey = "{fingerprint}"\nkey_env = "SIGNING_KEY"\n')
    monkeypatch.delenv("SIGNING_KEY", raising=False)
    assert only(project.keys(secret)).found == "SIGNING_KEY is not set here"
    monkeypatch.setenv("SIGNING_KEY", "the secret itself")
    said = only(project.keys(secret))
    assert said.ok
    assert "the secret itself" not in str(said)


def test_a_repository_fresh_stale_and_tampered_with(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings, files: Files
) -> None:
    loaded, dist = configured(tmp_path, ""), tmp_path / "dist"
    assert "nothing has been published" in only(project.repository(loaded, dist)).found
    repo = dist / loaded.config.repository.path
    publish(repo, files(make_deb("greeter")), signer, settings)
    fresh = only(project.repository(loaded, dist))
    assert (fresh.ok, fresh.found) == (True, "signed; published today")
    published = (repo / "dists").resolve()
    old = time.time() - 91 * 86400
    os.utime(published, (old, old))
    stale = only(project.repository(loaded, dist))
    assert (stale.ok, stale.needed) == (False, False)
    assert "91 days ago" in stale.found
    release = repo / "dists/bookworm/InRelease"
    release.write_text(release.read_text().replace("Greeter", "Grinder"))
    wrong = only(project.repository(loaded, dist))
    assert not wrong.ok
    assert wrong.needed, "doctor ends with 5"
    assert str(wrong.fix).startswith("debwright verify ")
    for key in repo.glob("*.gpg"):
        key.unlink()
    assert "no key to verify it with" in only(project.repository(loaded, dist)).found


def test_settings_and_runners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = configured(
        tmp_path,
        '[release]\nrepository = "example/greeter"\n[notify.webhook]\nurl_env = "HOOK"\n'
        f'[signing]\nkey = "{"A" * 40}"\nkey_env = "SIGNING_KEY"\n',
    )
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.delenv("GH_TOKEN", raising=False)
    assert {h.found for h in hosted.github(loaded)} == {
        "not looked at: no GITHUB_TOKEN or GH_TOKEN"
    }
    runners = [
        {"id": 1, "name": "pi5", "os": "linux", "status": "offline", "busy": False},
        {"id": 2, "name": "big", "os": "linux", "status": "online", "busy": True},
    ]

    def answer(request: Request) -> Response:
        import json

        there: Any = {"total_count": 2, "runners": runners}
        if request.path.endswith("/environments/release/secrets"):
            there = {"total_count": 1, "secrets": [{"name": "HOOK"}]}
        elif request.path.endswith("/secrets"):
            there = {"total_count": 0, "secrets": []}
        return Response(json.dumps(there), content_type="application/json")

    monkeypatch.setenv("GITHUB_TOKEN", "t")
    with answering(answer) as url:
        monkeypatch.setenv("GITHUB_API_URL", url)
        found = {h.name: h for h in hosted.github(loaded)}
    assert found["secret HOOK of release"].ok
    assert not found["secret SIGNING_KEY of release"].ok
    assert str(found["secret SIGNING_KEY of release"].fix).endswith(
        "gh secret set SIGNING_KEY --env release --repo example/greeter"
    )
    assert (found["runner pi5"].ok, found["runner big"].ok) == (False, True)
    assert found["runner big"].found == "online, busy"
    forbidden = Response('{"message": "Resource not accessible"}', 403)
    with answering(lambda _: forbidden) as url:
        monkeypatch.setenv("GITHUB_API_URL", url)
        unseen = list(hosted.github(loaded))
    assert {"secret HOOK of release", "environment release", "runners"} <= {h.name for h in unseen}
    assert all(not h.ok and "not looked at" in h.found and not h.needed for h in unseen)
