"""Limits of Python distributions, and the versions that are there."""

from email.parser import HeaderParser

from debwright.checks.live.distributions import Own, unmet

FACTS = {"python_version": "3.11", "sys_platform": "linux", "extra": ""}
SAID = """Name: demo
Version: 1
Requires-Dist: FastAPI (<0.100)
Requires-Dist: pydantic>=2
Requires-Dist: old-thing>=9; python_version < "3.8"
Requires-Dist: only.extra>=9; extra == "all"
Requires-Dist: not-there>=1
Requires-Dist: @@nonsense
Requires-Dist: pre>=1.0
"""


def test_limits_that_are_not_met() -> None:
    one = Own(path="/x/demo-1.dist-info/METADATA", name="demo", version="1",
              said=HeaderParser().parsestr(SAID))  # fmt: skip
    there = {"fastapi": "0.110.1", "pydantic": "2.6", "old-thing": "1", "only-extra": "1",
             "pre": "1.1b2"}  # fmt: skip
    found = [(r.name, version) for r, version in unmet(one, there, FACTS)]
    assert found == [("FastAPI", "0.110.1")]


def test_the_directory_of_a_distribution() -> None:
    said = HeaderParser().parsestr("")
    for path in ("/x/y/a-1.dist-info/METADATA", "/x/y/a.egg-info/PKG-INFO", "/x/y/a.egg-info"):
        assert Own(path=path, name="a", version="1", said=said).home == "/x/y"
