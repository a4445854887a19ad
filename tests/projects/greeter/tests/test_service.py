import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import greeter
from greeter import _tally

# A package build sets a proxy that refuses everything, to show up tests that use the network.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Service(unittest.TestCase):
    """The real process, told to stop and to reload by signals as systemd does."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.config = self.directory / "greeter.toml"
        self.config.write_text("[server]\nport = 0\n")
        self.state = self.directory / "state.json"
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notices.close)
        self.notices.bind(str(self.directory / "notify"))
        self.notices.settimeout(60)
        self.process = None
        self.addCleanup(self.stop)

    def start(self):
        package = Path(greeter.__file__).parent.parent
        self.process = subprocess.Popen(
            [sys.executable, "-m", "greeter", "serve", "--config", self.config,
             "--state", self.state],
            env={**os.environ, "NOTIFY_SOCKET": str(self.directory / "notify"),
                 "PYTHONPATH": str(package)},
            stderr=subprocess.PIPE,
            text=True,
        )
        notice = self.notices.recv(4096).decode()
        self.assertIn("READY=1", notice)
        self.url = "http://" + notice.rpartition("STATUS=listening on ")[2]

    def stop(self):
        if self.process is None:
            return ""
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
        self.assertEqual("STOPPING=1", self.notices.recv(4096).decode())
        self.assertEqual(process.returncode, 0, error)
        return error

    def get(self, path):
        try:
            with DIRECT.open(self.url + path, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def test_greets_counts_and_remembers(self):
        self.start()
        for name in ("Ada", "Grace", "Ada"):
            status, body = self.get("/greet?" + urllib.parse.urlencode({"name": name}))
            self.assertEqual((status, body["greeting"]), (200, f"Hello, {name}!"))
        self.assertEqual(body["count"], 3)
        self.stop()
        self.start()
        status, body = self.get("/health")
        self.assertEqual(status, 200)
        self.assertEqual(
            body,
            {"status": "ok", "version": greeter.__version__, "architecture": _tally.MACHINE,
             "count": 3, "names": 2},
        )

    def test_bad_requests(self):
        self.start()
        for path, status in (
            ("/", 404), ("/greet", 400), ("/greet?name=", 400), ("/greet?name=" + "x" * 101, 400),
            ("/greet?" + "&".join(["a=1"] * 50), 400),
        ):
            with self.subTest(path=path[:20]):
                got, body = self.get(path)
                self.assertEqual(got, status)
                self.assertIn("error", body)
        self.get("/greet?name=%0ainjected%1b[31m")
        self.assertEqual(self.get("/health")[1]["count"], 1)
        self.assertNotIn("\x1b", self.stop())

    def test_reload(self):
        self.start()
        self.config.write_text('[greeting]\ntemplate = "Hi, {name}."\n')
        self.reload()
        self.assertEqual(self.get("/greet?name=Ada")[1]["greeting"], "Hi, Ada.")
        self.config.write_text("[nonsense]\n")
        self.reload()
        self.assertEqual(self.get("/greet?name=Ada")[1]["greeting"], "Hi, Ada.")
        self.assertIn("settings kept as they were", self.stop())

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        self.assertIn("RELOADING=1", self.notices.recv(4096).decode())
        self.assertEqual("READY=1", self.notices.recv(4096).decode())

    def test_exit_status(self):
        command = [sys.executable, "-m", "greeter"]
        env = {**os.environ, "PYTHONPATH": str(Path(greeter.__file__).parent.parent)}
        for arguments, status, text in (
            (["--version"], 0, f"greeter {greeter.__version__}"),
            (["check-config", "--config", str(self.config)], 0, "good"),
            (["check-config", "--config", "/nowhere"], 2, "/nowhere"),
            (["serve", "--config", str(self.config), "--state", "/dev/null"], 1, "/dev/null"),
        ):
            done = subprocess.run(
                command + arguments, env=env, capture_output=True, text=True, check=False
            )
            self.assertEqual(done.returncode, status, done)
            self.assertIn(text, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
