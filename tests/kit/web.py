"""A web server that counts what it sends."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Web:
    """Serves a directory from its construction until `server.shutdown()`."""

    def __init__(self, directory: Path) -> None:
        self._sent: dict[str, int] = {}
        sent = self._sent

        class Counting(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

            def copyfile(self, source: Any, outputfile: Any) -> None:
                data = source.read()
                sent[self.path] = len(data)
                outputfile.write(data)

        handler = partial(Counting, directory=str(directory))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def fetched(self) -> dict[str, int]:
        """Bytes by path that were sent since the last time, without what is signed."""
        found = {p: n for p, n in self._sent.items() if not p.endswith(("Release", ".gpg"))}
        self._sent.clear()
        return found
