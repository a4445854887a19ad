"""A registry of npm on this machine, with packages that a test makes, and locks that name them."""

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Made:
    """A package as it is published."""

    name: str
    version: str = "1.0.0"
    files: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    """More keys of its package.json."""

    @property
    def tarball(self) -> bytes:
        described = {"name": self.name, "version": self.version, **self.more}
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, text in {"package.json": json.dumps(described), **self.files}.items():
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size, entry.mode = len(text.encode()), 0o755
                tar.addfile(entry, io.BytesIO(text.encode()))
        # gzip writes the time of day into its header (RFC 1952, 2.3.1).
        content = bytearray(out.getvalue())
        content[4:8] = b"\0\0\0\0"
        return bytes(content)

    @property
    def integrity(self) -> str:
        return "sha512-" + base64.b64encode(hashlib.sha512(self.tarball).digest()).decode()

    @property
    def path(self) -> str:
        return f"/{self.name}/-/{self.name.rpartition('/')[2]}-{self.version}.tgz"


def package_lock(packages: Mapping[str, Made | Mapping[str, Any]]) -> str:
    """A lock of npm, version 3: places below node_modules, and what is there; what is no package is
    an entry of its own."""
    entries: dict[str, Any] = {"": {}}
    for place, one in packages.items():
        if isinstance(one, Made):
            kept = {k: one.more[k] for k in ("os", "cpu", "dev", "optional") if k in one.more}
            entries[f"node_modules/{place}"] = {
                "version": one.version, "integrity": one.integrity, **kept
            }  # fmt: skip
        else:
            entries[f"node_modules/{place}"] = dict(one)
    return json.dumps({"lockfileVersion": 3, "packages": entries})


@contextmanager
def registry(packages: Sequence[Made]) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Its address, and what it was asked: the path, and the Authorization header."""
    asked: list[tuple[str, str | None]] = []
    tarballs = {p.path: p.tarball for p in packages}
    described = {
        f"/{p.name}/{p.version}": json.dumps(
            {"dist": {"integrity": p.integrity}, **p.more}
        ).encode()
        for p in packages
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.replace("%2f", "/").replace("%2F", "/")
            asked.append((path, self.headers.get("Authorization")))
            content = tarballs.get(path) or described.get(path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/", asked
        running.shutdown()
        thread.join()
