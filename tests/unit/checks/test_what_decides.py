"""What the check stage takes for its inputs: all that decides what the checks say."""

import re
from pathlib import Path

from debwright.checks import run
from debwright.config import Config
from debwright.pipeline.stages.check import CONFIGURED

CHECKS = Path(run.__file__).parents[1]
# Of another stage; what `also_on` is made of, whose targets are inputs by name; and how old a root
# may be, which is an input by its id.
OTHERWISE = {"equivalence", "targets", "roots"}


def test_every_setting_that_a_check_reads_is_an_input() -> None:
    """Or another setting would be answered with what was found under the old one."""
    sources = "\n".join(p.read_text() for p in CHECKS.rglob("*.py"))
    read = {name for name in Config.model_fields if re.search(rf"\bconfig\.{name}\b", sources)}
    assert {"service", "smoke", "minimum"} < read, "the search finds what is there"
    assert read - OTHERWISE <= CONFIGURED
    assert set(Config.model_fields) >= CONFIGURED
