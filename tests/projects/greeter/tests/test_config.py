import tempfile
import unittest
from pathlib import Path

from greeter import config


class Settings(unittest.TestCase):
    def load(self, text):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "greeter.toml"
            path.write_text(text)
            return config.load(path)

    def test_empty_gives_the_defaults(self):
        self.assertEqual(self.load(""), config.Config())

    def test_values_are_taken(self):
        got = self.load('[server]\nport = 0\n[greeting]\ntemplate = "Hi {name}"\n')
        self.assertEqual((got.server.port, got.greeting.template), (0, "Hi {name}"))

    def test_bad_settings_are_named(self):
        for text, message in (
            ("[serve]\n", r"unknown table \[serve\]"),
            ("[server]\nprot = 1\n", "unknown setting server.prot"),
            ('[server]\nport = "80"\n', "server.port must be of type int"),
            ("[server]\nport = true\n", "server.port must be of type int"),
            ("[server]\nport = 65536\n", "server.port must be between"),
            ('[greeting]\ntemplate = "Hi"\n', "greeting.template must contain"),
            ("[state]\nflush_seconds = 0\n", "flush_seconds must be at least 1"),
            ("server = 1\n", "server must be a table"),
            ("[server\n", "greeter.toml: "),
        ):
            with self.subTest(text=text), self.assertRaisesRegex(config.ConfigError, message):
                self.load(text)

    def test_a_missing_file_is_named(self):
        with self.assertRaisesRegex(config.ConfigError, "/nowhere/greeter.toml: No such file"):
            config.load(Path("/nowhere/greeter.toml"))


if __name__ == "__main__":
    unittest.main()
