"""Scripts and built programs: docs/ecosystems/files.md."""

import pytest

from tests.ecosystems.conftest import Packaged, passed
from tests.kit.pages import TOP, blocks

pytestmark = [pytest.mark.apart, pytest.mark.minutes(3)]
PAGE = TOP / "docs/ecosystems/files.md"


def test_the_example_of_the_page(packaged: Packaged) -> None:
    files = {b.value: b.text for b in blocks(PAGE) if b.mark == "example"}
    run = packaged("watchload", files)
    passed(run, "service", "steady", "restart", "reboot", "purge", "lintian")


def test_commands_settings_and_directories(packaged: Packaged) -> None:
    """What [package] files can say, without a service."""
    files = {
        "bin/greet": "#!/bin/sh\n. /etc/greet/greet.conf\necho hello $WHO\n",
        "greet.conf": "WHO=you\n",
        "greet.1": ".TH GREET 1\n.SH NAME\ngreet \\- greets whoever asks\n",
        "debwright.toml": """\
smoke = ["test $(stat -c %G /etc/greet/greet.conf) = adm", "greet", "hi"]

[package]
files = [
  { src = "bin/greet", dst = "/usr/bin/greet", mode = "0755" },
  { src = "greet", dst = "/usr/bin/hi", type = "symlink" },
  { src = "greet.conf", dst = "/etc/greet/", type = "config", mode = "0644" },
  { src = "greet.1", dst = "/usr/share/man/man1/" },
  { dst = "/var/spool/greet", type = "dir", mode = "0750", group = "adm" },
]
""",
    }
    files["debwright.toml"] = files["debwright.toml"].replace(
        '"test $(stat -c %G /etc/greet/greet.conf) = adm", ',
        '"test $(stat -c %G /var/spool/greet) = adm", ',
    )
    passed(packaged("greet", files), "install", "purge", "lintian")
