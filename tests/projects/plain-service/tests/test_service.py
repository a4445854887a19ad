import json
import threading
import unittest
import urllib.request
from http.server import ThreadingHTTPServer

from plain_service.main import Handler


class Service(unittest.TestCase):
    def test_health_and_echo(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        # A package build sets a proxy that refuses everything.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for path, body in (("/health", {"status": "ok"}), ("/echo/a%20b", {"text": "a b"})):
            with opener.open(f"http://127.0.0.1:{server.server_port}{path}") as answer:
                self.assertEqual(json.load(answer), body)


if __name__ == "__main__":
    unittest.main()
