"""A way of sending news is one new file: its table and secrets are known, and it sends."""

import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[4]

PIGEON = '''
"""News by pigeon."""

from pathlib import Path

from pydantic import Field

from debwright.config import values as v
from debwright.model.errors import DebwrightError
from debwright.observe.notify.base import Event, Notifier


class Pigeon(Notifier, table="notify.pigeon", optional=True):
    """A pigeon."""

    how = "by pigeon"

    loft: v.Line = Field(description="Where it lands.")
    ring_env: v.SecretVariable = Field(description="Name of the variable that holds its ring.")

    def send(self, event: Event) -> None:
        if not Path(self.loft).is_dir():
            raise DebwrightError("there is no loft")
        (Path(self.loft) / "letter").write_text(event.title)
'''

SEND = """
import sys
from pathlib import Path
from debwright.config import load
from debwright.config.section import secret_variables
from debwright.observe.notify.base import Event, tell_everyone

loaded = load(Path(sys.argv[1]))
print(secret_variables(loaded.config))
event = Event.released("demo", "1.0", "https://example.org", draft=False)
tell_everyone(loaded, event, print)
(Path(sys.argv[1]) / "loft").rename(Path(sys.argv[1]) / "gone")
tell_everyone(loaded, event, print)
tell_everyone(loaded, Event.failed("demo", "1.0", "why"), print)
"""


def test_a_new_way_is_one_new_file(tmp_path: Path) -> None:
    shutil.copytree(TOP / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "src/debwright/observe/notify/pigeon.py").write_text(PIGEON)
    (tmp_path / "loft").mkdir()
    (tmp_path / "debwright.toml").write_text(
        f'[notify.pigeon]\nloft = "{tmp_path}/loft"\nring_env = "RING"\non = ["release"]\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", SEND, str(tmp_path)], env={"PYTHONPATH": str(tmp_path / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    secrets, *said = done.stdout.splitlines()
    assert "RING" in secrets
    assert said == ["nobody was told by pigeon: there is no loft"]
    assert (tmp_path / "gone/letter").read_text() == "demo 1.0 is released"
