import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit import samples

from debwright.model.details import StageDetails
from debwright.observe.report import view
from debwright.observe.report.html import render
from debwright.observe.report.timeline import Color, timeline

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Elements and attributes of a page, and the text outside script and style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.words: list[str] = []
        self.raw: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack
        assert self.stack[-1] == tag, f"</{tag}> closes <{self.stack[-1]}>"
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        top = self.stack[-1] if self.stack else ""
        if top in ("script", "style"):
            self.raw[top] = self.raw.get(top, "") + data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]


@given(st.one_of(st.sampled_from(samples.HOSTILE), st.text(min_size=1, max_size=30)))
@settings(deadline=None, max_examples=60)
def test_hostile_text_changes_no_element_and_no_attribute_name(text: str) -> None:
    def shape(of: str) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attrs)) for tag, attrs in Page(render(samples.hostile(of))).elements]

    if text.strip():
        assert shape(text) == shape("x")


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_no_link_leads_out_of_the_report(text: str) -> None:
    html = render(samples.hostile(text), Path("/x/dist/1.0"))
    for tag, attributes in Page(html).elements:
        assert not any(name.startswith("on") for name in attributes), tag
        assert "style" not in attributes
        assert "src" not in attributes
        for name in ("href",):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "./", "../")) or target == "data:,"
    assert "\x1b" not in html
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", html)


@pytest.mark.parametrize(
    "sample",
    [
        samples.passing,
        samples.failing_build,
        samples.failing_check,
        samples.skipped,
        samples.cached,
    ],
)
def test_the_page_is_well_formed_and_keeps_its_own_policy(sample: samples.Sample) -> None:
    page = Page(render(sample()))
    assert page.stack == []
    meta = [a for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    policy = meta[0]["content"] or ""
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.raw[tag].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    tags = page.tags()
    assert {"header", "main", "footer", "h1"} <= set(tags)
    assert tags.count("h1") == 1
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for name in (attributes.get("aria-labelledby") or "").split():
            assert name in ids


def test_a_failure_is_told_first_with_its_evidence_and_commands(tmp_path: Path) -> None:
    text = Page(render(samples.failing_build(), tmp_path / "dist" / samples.VERSION)).text
    assert "1 of 2 targets failed" in text
    start = text.index("What failed")
    assert start < text.index("Targets")
    part = text[start : text.index("Where the time went")]
    assert "greeter did not build: the header zlib.h is missing" in part
    assert "1208src/fastgreet.c:3:10: fatal error: zlib.h: No such file" in part
    assert "add zlib1g-dev to Build-Depends" in part
    assert "debwright build -t bookworm-arm64" in part
    assert "debwright shell bookworm-arm64" in part


def test_the_log_is_linked_beside_the_report() -> None:
    page = Page(render(samples.failing_build(), Path("/x/dist") / samples.VERSION))
    assert "./bookworm-arm64/build.log" in [a.get("href") for _, a in page.elements]


def test_skipped_checks_are_shown_with_their_reason_and_not_as_passed() -> None:
    html = render(samples.skipped())
    text = Page(html).text
    assert "Not checked" in text
    assert "the archive of jammy cannot be reached from here" in text
    assert "1 of 2 targets not fully run, none failed" in text
    assert "not proven" in text


def test_sources_sums_and_signing_are_there() -> None:
    result = samples.passing()
    text = Page(render(result)).text
    assert "URIs: https://packages.example.org/greeter" in text
    assert "Signed with key 8F0A" in text
    assert "thrown away" in text
    for artifact in result.targets[0].artifacts:
        assert artifact.sha256 in text


@pytest.mark.parametrize(
    ("path", "href"),
    [
        ("1.0/t/build.log", "./t/build.log"),
        ("apt/pool/x.deb", "../apt/pool/x.deb"),
        ("javascript:alert(1)", "../javascript%3Aalert%281%29"),
        ("//evil.example/x", "../evil.example/x"),
        ("../../etc/passwd", "../etc/passwd"),
        ("1.0/a b?#.log", "./a%20b%3F%23.log"),
        ("1.0/\udc80", "./%3F"),
    ],
)
def test_link(path: str, href: str) -> None:
    assert view.link(path, "1.0") == href


COLORS = {"check": Color.GREEN, "source": Color.TEAL, "build": Color.BLUE}


def test_bars_have_their_stages_colours_in_the_stages_order() -> None:
    chart = timeline(samples.failing_check(), COLORS)
    known = [(name, color) for name, color in chart.legend if name in COLORS]
    assert known == [(name, color) for name, color in COLORS.items() if (name, color) in known]
    assert {color for name, color in chart.legend if name not in COLORS} <= {Color.GREY}
    bars = {bar.stage: bar.color for lane in chart.lanes for bar in lane.bars}
    assert bars["check"] is Color.GREEN
    page = render(samples.failing_check(), None, COLORS)
    assert 'class="bar-green"' in page or 'class="bar-blue"' in page
    assert all(f".bar-{color} " in page for color in Color)


def test_bars_stand_at_their_time_and_within_the_chart() -> None:
    chart = timeline(samples.failing_check(), COLORS)
    build, check = chart.lanes[2].bars
    assert build.x < check.x
    assert abs(build.x + build.width - check.x) < 0.3
    assert check.failed
    assert not build.failed
    for lane in chart.lanes:
        for bar in lane.bars:
            assert 0 <= bar.x <= 100
            assert bar.x + bar.width <= 100.01
    assert 3 <= len(chart.ticks) <= 8


@given(st.floats(min_value=0, max_value=1e6))
def test_any_length_has_a_readable_axis(seconds: float) -> None:
    chart = timeline(samples.passing().model_copy(update={"seconds": seconds}), COLORS)
    assert 2 <= len(chart.ticks) <= 9
    assert all(0 <= tick.x <= 100.01 for tick in chart.ticks)


def test_a_stage_that_does_not_say_when_it_started_follows_the_one_before() -> None:
    result = samples.passing()
    target = result.targets[0]
    stages = tuple(s.model_copy(update={"started": None}) for s in target.stages)
    moved = result.model_copy(
        update={"targets": (target.model_copy(update={"stages": stages}),), "stages": ()}
    )
    build, check = timeline(moved, {}).lanes[0].bars
    assert build.x == 0
    assert check.x == pytest.approx(build.width, abs=0.1)


def test_the_end_of_a_failed_stages_log_is_in_the_page(tmp_path: Path) -> None:
    result = samples.failing_check()
    home = tmp_path / "dist" / result.version
    failed = next(t for t in result.targets if not t.ok)
    (home / failed.target).mkdir(parents=True)
    lines = [f"line {n} <script>" for n in range(20_000)]
    (home / failed.target / "check.log").write_text("\n".join(lines))
    page = render(result, home)
    assert "line 19999 &lt;script&gt;" in page
    assert "line 19880 " in page
    assert "line 19800 " not in page


def test_a_log_outside_of_dist_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("do not show this")
    (tmp_path / "dist/1.0").mkdir(parents=True)
    result = samples.failing_check()
    stages = [
        s.model_copy(update={"details": StageDetails(log="../secret")})
        for s in result.targets[1].stages
    ]
    target = result.targets[1].model_copy(update={"stages": tuple(stages)})
    hostile = result.model_copy(update={"targets": (result.targets[0], target)})
    assert "do not show this" not in render(hostile, tmp_path / "dist/1.0")
