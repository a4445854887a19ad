"""The pages of a service that answers HTTP: none of them is an error of the server's own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit, urlunsplit

from debwright.checks.engine import health, probes
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.checks.engine.trouble import last_words
from debwright.config import Service
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding

MOST = 20
"""Pages of one service that are asked for."""
EACH_SECONDS = 5.0
ALL_SECONDS = 30.0
_REDIRECT = "a redirection"
_SERVER_ERROR = 500
_CLIENT_ERROR = 400
_REDIRECTED = range(301, 309)
_LINKS = {"a": "href", "link": "href", "script": "src", "img": "src", "iframe": "src",
          "frame": "src"}  # fmt: skip
# Asking for a page should change nothing; some do all the same, and say so in their names.
_CHANGING = (
    "logout", "signout", "sign-out", "shutdown", "stop", "restart", "reboot", "kill", "delete",
    "remove", "reset", "clear", "purge", "unsubscribe",
)  # fmt: skip

CODES = Codes(
    {
        "pages/error": Code(
            ERROR,
            "A page of the service is answered with an error; a warning for one of a server behind "
            "it (501 to 599).",
            or_else=(WARNING,),
        )
    }
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page to ask for; `linked_from` is the one that leads there."""

    url: str
    wanted: bool = False
    """Whether debwright.toml names it: any error counts then."""
    linked_from: str | None = None


class PagesCheck(LiveCheck):
    """Asks for `/`, for what that links to on the same server, and for `[service] pages`."""

    name = "pages"
    codes = CODES
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        if reason := health.why_not(session):
            return skipped(self.name, reason)
        started = time.monotonic()
        web = [(s, base) for s in health.running(session) if (base := _base(s)) is not None]
        if not web:
            return skipped(self.name, "no service is asked by HTTP")
        asked = 0
        findings: list[Finding] = []
        for service, base in web:
            for page, answer in _visited(session, service, base):
                asked += 1
                if (finding := _judge(session, service, page, answer)) is not None:
                    findings.append(finding)
        return conclude(self.name, started, findings, measurements={"pages": float(asked)})


def _base(service: Service) -> str | None:
    """The root of the server that the service's health URL is on; None where it is not HTTP."""
    url = service.asked.url if service.asked else None
    if url is None or not url.startswith("http"):
        return None
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "/", "", ""))


def _visited(session: Session, service: Service, base: str) -> Iterator[tuple[Page, probes.Answer]]:
    """Each page with its answer: the root, what it leads to, and what debwright.toml names."""
    asked = service.asked
    assert asked is not None
    waiting = [Page(url=base)]
    waiting += [Page(url=_joined(base, path), wanted=True) for path in service.pages]
    seen = {page.url for page in waiting}
    end = time.monotonic() + session.patience(ALL_SECONDS)
    number = 0
    while number < min(len(waiting), MOST) and time.monotonic() < end:
        page, number = waiting[number], number + 1
        answer = probes.page(session, page.url, session.patience(EACH_SECONDS), asked)
        yield page, answer
        if page.url != base and page.linked_from != _REDIRECT:
            continue
        led = answer.location if answer.status in _REDIRECTED else None
        targets = [led] if led else links(answer.body)
        more = [u for u in same_server(base, page.url, targets) if u not in seen]
        waiting += [Page(url=url, linked_from=_REDIRECT if led else page.url) for url in more]
        seen.update(more)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        target = said.get(_LINKS.get(tag, ""))
        if target and "nofollow" not in (said.get("rel") or ""):
            self.found.append(target)


def links(body: str) -> list[str]:
    """What a page of HTML links to and loads, in its order."""
    if "<" not in body:
        return []
    parser = _Links()
    parser.feed(body)
    return parser.found


def same_server(base: str, page: str, targets: list[str]) -> list[str]:
    """Those on the server itself, each path once; without what says that it changes something."""
    found: dict[str, str] = {}
    root = urlsplit(base)
    for target in targets:
        try:
            url = urldefrag(_joined(page, target.strip())).url
            parts = urlsplit(url)
        except ValueError:
            continue
        if (parts.scheme, parts.netloc) != (root.scheme, root.netloc) or not url.isascii():
            continue
        if any(word in url.lower() for word in _CHANGING) or any(c.isspace() for c in url):
            continue
        found.setdefault(parts.path, url)
    return list(found.values())


def _joined(base: str, target: str) -> str:
    """The absolute URL; urllib joins no paths of a scheme that it does not know."""
    scheme = "http+unix:"
    if not base.startswith(scheme):
        return urljoin(base, target)
    made = urljoin(f"http:{base.removeprefix(scheme)}", target)
    return scheme + made.removeprefix("http:") if made.startswith("http:") else made


def _judge(session: Session, service: Service, page: Page, answer: probes.Answer) -> Finding | None:
    status = answer.status or 0
    refused = page.wanted and (status >= _CLIENT_ERROR or answer.error is not None)
    if status < _SERVER_ERROR and not refused:
        return None  # what is not answered in time may be a stream, which has no end
    linked = f", which {page.linked_from} links to," if page.linked_from else ""
    said = f"with status {status}" if answer.status else "not at all"
    return CODES.found(
        "pages/error",
        f"{page.url}{linked} is answered {said}, while {service.unit} counts as healthy",
        evidence=(
            Evidence(text=f"GET {page.url}: {answer.describe()}"),
            *last_words(session, service.unit),
        ),
        fix="correct the page; or name a health URL under [service] that fails when the page does",
        severity=None if status == _SERVER_ERROR or refused else WARNING,
    )  # fmt: skip
