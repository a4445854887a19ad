from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit import samples

from debwright.model.results import RunResult
from debwright.observe.report.junit import TEXT_LIMIT, render


def parse(result: RunResult) -> ET.Element:
    return ET.fromstring(render(result))  # noqa: S314 - our own output


def test_suites_cases_and_counts() -> None:
    root = parse(samples.failing_check())
    assert [s.get("name") for s in root] == ["run", "bookworm-amd64", "bookworm-arm64"]
    broken = root[2]
    assert broken.get("failures") == "3"  # the check stage, service and purge
    assert broken.get("skipped") == "2"
    assert broken.get("tests") == "9"
    failure = broken.find("testcase[@name='service']/failure")
    assert failure is not None
    assert failure.get("type") == "service/unhealthy"
    assert "PermissionError: [Errno 13]" in (failure.text or "")
    assert "debian/greeter.service:17: StateDirectory=greeterd" in (failure.text or "")
    skipped = broken.find("testcase[@name='upgrade']/skipped")
    assert skipped is not None
    assert skipped.get("message") == "no earlier release of greeter to upgrade from"


def test_a_target_that_did_not_build_is_a_failure_too() -> None:
    root = parse(samples.failing_build())
    assert root.get("failures") == "1"
    assert root.find("testsuite/testcase[@name='build']/failure") is not None


def test_warnings_do_not_fail_a_case() -> None:
    root = parse(samples.passing())
    assert root.get("failures") == "0"
    out = root.find("testsuite/testcase[@name='lintian']/system-out")
    assert out is not None
    assert "initial-upload-closes-no-bugs" in (out.text or "")


@given(st.one_of(st.sampled_from(samples.HOSTILE), st.text(max_size=30)))
def test_any_text_gives_well_formed_xml_of_the_same_shape(text: str) -> None:
    def shape(of: str) -> list[str]:
        return [e.tag for e in parse(samples.hostile(of)).iter()]

    assert shape(text) == shape("x")


@pytest.mark.parametrize("size", [TEXT_LIMIT + 5])
def test_long_text_is_cut_and_that_is_said(size: int) -> None:
    root = parse(samples.hostile("y" * size))
    message = root.find("testsuite/testcase/failure")
    assert message is not None
    assert "more characters left out" in (message.text or "")
