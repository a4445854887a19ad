import json
import tempfile
import unittest
from pathlib import Path

from greeter.state import Memory, StateError


class State(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "state.json"

    def test_survives_a_restart(self):
        memory = Memory(self.path)
        for name in ("Ada", "Grace", "Ada", "\u0141ukasz", "\udcff"):
            memory.meet(name)
        memory.flush()
        self.assertEqual(Memory(self.path).summary(), (5, 4))
        self.assertEqual([self.path], list(self.path.parent.iterdir()))

    def test_writes_only_what_changed(self):
        Memory(self.path).flush()
        self.assertFalse(self.path.exists())

    def test_a_failed_write_keeps_the_old_file(self):
        memory = Memory(self.path)
        memory.meet("Ada")
        memory.flush()
        self.path.with_suffix(".new").mkdir()
        memory.meet("Grace")
        with self.assertRaises(OSError):
            memory.flush()
        self.assertEqual(Memory(self.path).summary(), (1, 1))

    def test_a_spoilt_file_is_refused_by_name(self):
        for text in ("", "{}", "[]", '{"count": "x"}', json.dumps({"count": 1, "registers": "AA=="})):
            with self.subTest(text=text):
                self.path.write_text(text)
                with self.assertRaisesRegex(StateError, "state.json"):
                    Memory(self.path)


if __name__ == "__main__":
    unittest.main()
