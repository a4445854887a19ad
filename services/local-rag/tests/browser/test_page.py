"""The web page in Chromium: asking, adding, managing, health; by mouse, keyboard and on a phone."""

import json
import textwrap
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from kit.browser import Page
from kit.faces import API, LEASE, LiveServer, QuotingGenerator, client_for, make_service
from kit.files import pdf
from local_rag.documents import formats
from local_rag.run.service import Service

QUESTION = "When does the lease of the garden end?"


def fill(server: LiveServer, folder: Path) -> None:
    """Import the files and wait."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        body = {"sources": [str(folder)]}
        job = client.post(f"{API}/imports", json=body).json()
        deadline = time.monotonic() + 20
        while client.get(f"{API}/imports/{job['id']}").json()["state"] not in ("done", "failed"):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def count(server: LiveServer) -> int:
    total: int = httpx.get(f"{server.url}{API}/documents", trust_env=False, timeout=60).json()[
        "total"
    ]
    return total


def test_an_empty_service_invites(page: Page) -> None:
    page.open()
    page.until(lambda: "No documents yet" in page.text("#ask-empty"))
    page.shoot("empty-desk")
    assert page.driver.switch_to.active_element.get_attribute("id") == "question"
    page.click("#ask-empty a")
    page.until(lambda: page.one("#view-documents").is_displayed())
    page.shoot("documents-empty-desk")


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_answer_streams_with_its_sources(
    page: Page, server: LiveServer, files: Path, generator: QuotingGenerator, size: str, theme: str
) -> None:
    generator.go.clear()
    generator.pieces = ["On **31 March 2031** ", "the lease of `the garden` ends ", "[1]", ". ",
                        "It was signed in 1999 by the mayor [1]."]  # fmt: skip
    fill(server, files)
    page.open("ask", size, theme=theme)
    page.until(lambda: "3 documents" in page.text("#ask-empty"))
    page.ask(QUESTION)
    page.until(lambda: page.one(".answer-text.streaming"))
    assert page.one("#ask-stop").is_displayed()
    generator.go.set()
    page.until(lambda: "2031" in page.text(".answer-text"))
    page.until(lambda: not page.all(".answer-text.streaming"))
    page.until(lambda: "source" in page.text(".sources h3"))
    assert LEASE.split(".")[0] in page.text(".answer-text blockquote")
    assert page.text(".answer-text strong") == "31 March 2031"
    assert page.text(".answer-text code") == "the garden"
    assert "mayor" not in page.text(".answer-text")
    assert page.text(".source-text mark") == LEASE.split(".")[0] + "."
    assert "Garden lease" in page.text(".source-title")
    assert "31 March 2031" in page.text(".source-text")
    page.shoot(f"answer-{size}-{theme}")
    page.all(".cite")[0].click()
    page.until(lambda: page.all(".source.lit"))
    page.click(".source-title")
    page.until(lambda: page.one("#document-dialog").is_displayed())
    assert LEASE in page.text(".doc-content")
    page.shoot(f"document-{size}-{theme}")
    assert page.complaints() == []


def test_an_answer_can_be_stopped(
    page: Page, server: LiveServer, files: Path, generator: QuotingGenerator
) -> None:
    generator.delay_s = 0.05
    generator.pieces = ["word "] * 400
    fill(server, files)
    page.open()
    page.ask(QUESTION)
    page.until(lambda: "31 March 2031" in page.text(".answer-text"))
    page.click("#ask-stop")
    page.until(lambda: "Stopped" in page.text(".answer-foot"))
    assert generator.stopped.wait(15)
    assert page.one("#ask-submit").is_displayed()


def test_what_is_not_there_is_said_plainly(page: Page, server: LiveServer, files: Path) -> None:
    fill(server, files)
    page.open()
    page.ask("zebra quantum xylophone")
    page.until(lambda: "not in your documents" in page.text(".callout").lower())
    assert page.all(".source") == []
    page.shoot("not-found-desk")


def test_without_a_language_model_passages_are_shown(
    chrome: Any, tmp_path: Path, files: Path
) -> None:
    with LiveServer(make_service(tmp_path, generator=False)) as server:
        fill(server, files)
        page = Page(chrome, server.url).open()
        page.until(lambda: page.text("#status-chip") == "Limited")
        page.ask(QUESTION)
        page.until(lambda: "no language model" in page.text(".answer-reason"))
        assert "31 March 2031" in page.text(".answer-text blockquote")
        assert "31 March 2031" in page.text(".source-text")
        page.shoot("retrieval-only-desk")
        page.click("#status-chip")
        page.until(lambda: "local-rag models pull" in page.text("#health"))
        page.shoot("system-degraded-desk")


def test_answers_are_text_and_never_markup(
    page: Page, server: LiveServer, tmp_path: Path, generator: QuotingGenerator
) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    evil = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"
    (folder / "<b>lease<b>.txt").write_text(f"{LEASE} {evil}")
    generator.pieces = [evil, " [1] [9] **<i>x</i>** [javascript:alert(1)]"]
    evil_question = "What does the script do onerror with the title owned?"
    fill(server, folder)
    page.open()
    page.ask(evil_question)
    page.until(lambda: not page.all(".answer-text.streaming") and page.all(".source-title"))
    assert "<img src=x" in page.text(".answer-text")
    assert page.all(".answer img, .answer script, .answer i:not(.dot), .answer b, .answer a") == []
    page.click(".source-title")
    page.until(lambda: page.one("#document-dialog").is_displayed())
    assert "<script>" in page.text(".doc-content")
    assert page.driver.title != "owned"


def test_files_are_chosen_uploaded_and_listed(page: Page, server: LiveServer, files: Path) -> None:
    page.open("documents")
    names = "\n".join(str(path) for path in sorted(files.iterdir()))
    known = {extension for kind in formats.FORMATS for extension in kind.extensions}
    page.until(lambda: set(page.one("#file-input").get_attribute("accept").split(",")) == known)
    assert page.text("#upload-formats") == formats.names()
    page.one("#file-input").send_keys(names)
    page.until(lambda: len(page.all("#uploads li")) == 3)
    page.until(lambda: len(page.all("#uploads li[data-state=done]")) == 3)
    page.shoot("uploads-desk")
    page.until(lambda: len(page.all("#documents-list tbody tr")) == 3)
    assert "3 documents" in page.text("#documents-count")
    assert count(server) == 3
    assert page.complaints() == []


DROP = """
const [name, text, done] = arguments;
const transfer = new DataTransfer();
transfer.items.add(new File([text], name, {type: "text/plain"}));
const fire = (type) => document.body.dispatchEvent(
  new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
fire("dragenter"); fire("dragover");
const shown = !document.getElementById("drop-overlay").hidden;
fire("drop");
setTimeout(() => done(shown), 50);
"""


def test_a_file_can_be_dropped_anywhere(page: Page, server: LiveServer) -> None:
    page.open("ask")
    shown = page.driver.execute_async_script(DROP, "dropped.txt", LEASE)
    assert shown
    page.until(lambda: page.one("#view-documents").is_displayed())
    page.until(lambda: page.all("#uploads li[data-state=done]"))
    assert count(server) == 1


def test_a_broken_file_says_why(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 none")
    page.open("documents")
    page.one("#file-input").send_keys(str(broken))
    page.until(lambda: page.all("#uploads li[data-state=failed]"))
    assert len(page.text("#uploads li .state")) > 10
    page.shoot("upload-failed-desk")


def test_a_file_over_the_limit_is_not_sent(chrome: Any, tmp_path: Path) -> None:
    big = tmp_path / "big.txt"
    big.write_bytes(b"x" * 1_200_000)
    with LiveServer(make_service(tmp_path, server={"max_upload_mb": 1})) as server:
        page = Page(chrome, server.url).open("documents")
        page.until(lambda: page.text("#upload-limit") == "1")
        page.one("#file-input").send_keys(str(big))
        page.until(lambda: "over the limit" in page.text("#uploads li .state"))


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_documents_are_filtered_deleted_restored_purged(
    page: Page, server: LiveServer, files: Path, size: str
) -> None:
    fill(server, files)
    page.open("documents", size)
    page.until(lambda: len(page.all("#documents-list tbody tr")) == 3)
    page.shoot(f"documents-{size}")
    page.one("#documents-filter").send_keys("lease")
    page.until(lambda: len(page.all("#documents-list tbody tr")) == 1)
    page.click("button[aria-label^=Delete]")
    page.until(lambda: "No document matches" in page.text("#documents-list"))
    assert count(server) == 2
    page.click("#documents-deleted")
    page.until(lambda: page.all("tr.gone"))
    page.shoot(f"documents-deleted-{size}")
    page.click("button[aria-label^=Restore]")
    page.until(lambda: count(server) == 3)
    page.until(lambda: page.all("button[aria-label^=Delete]"))
    page.click("button[aria-label^=Delete]")
    page.until(lambda: page.all("button[aria-label^=Purge]"))
    page.click("button[aria-label^=Purge]")
    page.until(lambda: page.one("#confirm-dialog").is_displayed())
    page.shoot(f"confirm-{size}")
    page.click("#confirm-dialog [value=cancel]")
    time.sleep(0.2)
    assert page.all("button[aria-label^=Purge]")
    page.click("button[aria-label^=Purge]")
    page.until(lambda: page.one("#confirm-dialog").is_displayed())
    page.click("#confirm-ok")
    page.until(lambda: not page.all("tr.gone"))


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_imports_show_progress_files_and_changes(
    page: Page, server: LiveServer, files: Path, size: str
) -> None:
    (files / "broken.pdf").write_bytes(b"%PDF-1.7 none")
    for number in range(60):
        (files / f"note {number}.txt").write_text(f"Note {number} about subject {number * 7}.")
    page.open("imports", size)
    page.one("#import-sources").send_keys(str(files))
    page.click("#import-form button[type=submit]")
    page.until(lambda: page.all(".job"))
    page.until(lambda: page.text(".job .tag") == "done")
    page.click(".job button[aria-expanded]")
    page.until(lambda: page.all(".job-items .why"))
    page.shoot(f"imports-{size}")
    (files / "Garden lease.md").write_text("# Garden lease\n\nIt never ends.")
    page.click("#updates-check")
    page.until(lambda: "changed" in page.text("#updates-result"))
    page.shoot(f"updates-{size}")
    page.click("#updates-apply")
    page.until(lambda: len(page.all(".job")) == 2)
    page.until(lambda: all(tag.text == "done" for tag in page.all(".job-head .tag")))
    assert page.complaints() == []


def test_a_wrong_path_is_explained(page: Page) -> None:
    page.open("imports")
    page.one("#import-sources").send_keys("/no/such/place")
    page.click("#import-form button[type=submit]")
    page.until(lambda: "/no/such/place" in page.text("#toasts"))
    assert page.one("#import-sources").get_attribute("value") == "/no/such/place"


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_system_page_shows_every_part(
    page: Page, server: LiveServer, files: Path, size: str, theme: str
) -> None:
    fill(server, files)
    page.open("system", size, theme=theme)
    page.until(lambda: len(page.all(".component")) >= 6)
    text = page.text("#health")
    for name in ("Index", "Language model", "Embedding model", "Disk", "Memory", "Temperature"):
        assert name in text
    assert "Version" in page.text("#system-version")
    page.shoot(f"system-{size}-{theme}")


def test_reset_needs_the_word(page: Page, server: LiveServer, files: Path) -> None:
    fill(server, files)
    page.open("system")
    page.click("#reset-button")
    page.until(lambda: page.one("#confirm-dialog").is_displayed())
    assert not page.one("#confirm-ok").is_enabled()
    page.one("#confirm-word").send_keys("reset")
    page.until(lambda: page.one("#confirm-ok").is_enabled())
    page.shoot("reset-desk")
    page.click("#confirm-ok")
    page.until(lambda: count(server) == 0)


def test_everything_works_by_keyboard(page: Page, server: LiveServer, files: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    fill(server, files)
    page.open()
    active = page.driver.switch_to
    page.until(lambda: active.active_element.get_attribute("id") == "question")
    active.active_element.send_keys("first line", Keys.SHIFT + Keys.ENTER)
    assert "\n" in page.one("#question").get_attribute("value")
    page.one("#question").clear()
    page.one("#question").send_keys(QUESTION, Keys.ENTER)
    page.until(lambda: page.all(".answer-text .cite"))
    page.until(lambda: not page.all(".answer-text.streaming"))
    cite = page.one(".answer-text .cite")
    page.driver.execute_script("arguments[0].focus()", cite)
    active.active_element.send_keys(Keys.ENTER)
    page.until(lambda: "source-title" in active.active_element.get_attribute("class"))
    active.active_element.send_keys(Keys.ENTER)
    page.until(lambda: page.one("#document-dialog").is_displayed())
    active.active_element.send_keys(Keys.ESCAPE)
    page.until(lambda: not page.one("#document-dialog").is_displayed())
    page.until(lambda: "source-title" in active.active_element.get_attribute("class"))


def test_the_keyboard_stays_in_the_list_when_that_is_drawn_anew(
    page: Page, server: LiveServer, files: Path
) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    def press_delete() -> None:
        first = "document.querySelector('button[aria-label^=Delete]').focus()"
        page.driver.execute_script(first)
        ActionChains(page.driver).send_keys(Keys.ENTER).perform()

    def active(name: str) -> str:
        return str(page.driver.switch_to.active_element.get_attribute(name))

    fill(server, files)
    page.open("documents")
    page.until(lambda: len(page.all("#documents-list tbody tr")) == 3)
    for left in (2, 1):
        press_delete()
        page.until(lambda left=left: len(page.all("#documents-list tbody tr")) == left)
        page.until(lambda: active("class") == "doc-title")
    (files / "late.txt").write_text("A late note about tulips.")
    page.one("#file-input").send_keys(str(files / "late.txt"))
    page.until(lambda: page.all("#uploads li[data-state=done]"))
    page.until(lambda: len(page.all("#documents-list tbody tr")) == 2)
    page.until(lambda: active("class") == "doc-title")
    for left in (1, 0):
        press_delete()
        page.until(lambda left=left: len(page.all("#documents-list tbody tr")) == left)
    page.until(lambda: active("id") == "documents-filter")


def test_tab_reaches_every_control_and_shows_where_it_is(page: Page) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    page.open("documents")
    page.driver.execute_script("document.activeElement.blur(); document.body.focus()")
    seen: list[str] = []
    for _ in range(24):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        element = page.driver.switch_to.active_element
        seen.append(element.get_attribute("id") or element.get_attribute("data-view")
                    or element.get_attribute("class"))  # fmt: skip
        style = page.driver.execute_script(
            "const n = document.activeElement; const s = getComputedStyle(n.type === 'file' ? "
            "n.parentElement : n); return s.outlineStyle",
        )
        if element.tag_name not in ("body", "html"):
            assert style != "none", seen
        if "documents-deleted" in seen:
            break
    for name in ("skip", "ask", "documents", "imports", "system", "theme-button", "file-input",
                 "folder-input", "documents-filter", "documents-deleted"):  # fmt: skip
        assert name in seen, (name, seen)


@pytest.mark.parametrize("view", ["ask", "documents", "imports", "system"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_nothing_sticks_out_and_everything_has_a_name(
    page: Page, server: LiveServer, tmp_path: Path, view: str, size: str
) -> None:
    folder = tmp_path / "long"
    folder.mkdir()
    (folder / ("averyveryverylongname" * 8 + ".txt")).write_text(LEASE + " " + "x" * 300)
    fill(server, folder)
    page.open(view, size)
    if view == "ask":
        page.ask("lease garden " + "y" * 300)
        page.until(lambda: page.all(".source, .callout"))
        page.until(lambda: not page.all(".answer-text.streaming"))
    page.until(lambda: page.text("#status-chip") != "Connecting")
    time.sleep(0.3)
    script = "return document.documentElement.scrollWidth - innerWidth"
    assert page.driver.execute_script(script) <= 0
    page.shoot(f"long-{view}-{size}")
    nameless = page.driver.execute_script(
        """
        return [...document.querySelectorAll("button, a, input, select, textarea")].filter((n) => {
          if (!n.offsetParent && getComputedStyle(n).position !== "fixed") return false;
          const label = n.labels && [...n.labels].map((l) => l.textContent).join("");
          return !(n.textContent.trim() || n.getAttribute("aria-label") || label || n.title);
        }).map((n) => n.outerHTML.slice(0, 120));
        """
    )
    assert nameless == []


CONTRAST = """
const luminance = (c) => { const [r, g, b] = c.map((v) => { v /= 255;
  return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const parse = (t) => { const m = t.match(/[\\d.]+/g).map(Number);
  return {c: m.slice(0, 3), a: m[3] ?? 1}; };
const ground = (n) => { for (; n; n = n.parentElement) {
  const b = parse(getComputedStyle(n).backgroundColor); if (b.a === 1) return b.c; }
  return parse(getComputedStyle(document.documentElement).backgroundColor).c; };
const bad = [];
for (const n of document.querySelectorAll("main *, header *")) {
  if (!n.offsetParent || n.closest(".sr-only, [disabled]")) continue;
  if (![...n.childNodes].some((k) => k.nodeType === 3 && k.textContent.trim())) continue;
  const a = luminance(parse(getComputedStyle(n).color).c), b = luminance(ground(n));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) bad.push([n.tagName, n.className, n.textContent.slice(0, 30), ratio.toFixed(2)]);
}
return bad;
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground(
    page: Page, server: LiveServer, files: Path, theme: str
) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    (files / "broken.pdf").write_bytes(b"%PDF-1.7 none")
    fill(server, files)
    for view in ("ask", "documents", "imports", "system"):
        page.open(view, theme=theme)
        if view == "ask":
            page.ask(QUESTION)
            page.until(lambda: page.all(".answer-text .cite"))
        time.sleep(0.4)
        assert page.driver.execute_script(CONTRAST) == [], view


def test_the_theme_can_be_chosen_and_is_kept(page: Page) -> None:
    page.open(theme="dark")
    ground = "return getComputedStyle(document.body).backgroundColor"
    dark = page.driver.execute_script(ground)
    page.click("#theme-button")
    light = page.driver.execute_script(ground)
    assert dark != light
    page.driver.refresh()
    assert page.driver.execute_script(ground) == light
    page.click("#theme-button")
    assert page.driver.execute_script(ground) == dark


def test_a_token_is_asked_for_once(chrome: Any, tmp_path: Path) -> None:
    token = "correct-horse-battery"
    with LiveServer(make_service(tmp_path, server={"token": token})) as server:
        page = Page(chrome, server.url).open()
        page.until(lambda: page.one("#token-dialog").is_displayed())
        page.shoot("token-desk")
        page.one("#token-input").send_keys(token + "\n")
        page.until(lambda: not page.one("#token-dialog").is_displayed())
        page.until(lambda: "No documents yet" in page.text("#ask-empty"))
        assert token not in page.driver.current_url


def test_a_service_that_ended_is_noticed(chrome: Any, tmp_path: Path) -> None:
    with LiveServer(make_service(tmp_path)) as server:
        page = Page(chrome, server.url).open()
        page.until(lambda: page.text("#status-chip") != "Connecting")
    page.ask(QUESTION)
    page.until(lambda: "does not answer" in page.text(".callout.bad"))
    page.shoot("gone-desk")


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_with_real_models(
    chrome: Any, tmp_path: Path, files: Path, embedding_gguf: Path, generator_gguf: Path, size: str
) -> None:
    """From an empty service to an answer of a real language model, in the page alone."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name, source in (("all-MiniLM-L6-v2", embedding_gguf), ("SmolLM2-135M", generator_gguf)):
        (folder / f"{name}.gguf").symlink_to(source)
    settings = make_service(
        tmp_path, storage={"model_dirs": [str(folder)]}, llm={"max_tokens": 60}
    ).settings
    with LiveServer(Service(settings)) as server:
        page = Page(chrome, server.url).open("documents", size)
        names = "\n".join(str(path) for path in sorted(files.iterdir()))
        page.one("#file-input").send_keys(names)
        page.until(lambda: len(page.all("#documents-list tbody tr")) == 3, 60)
        page.shoot(f"real-documents-{size}")
        page.click("[data-view=ask]")
        page.ask(QUESTION)
        page.until(lambda: page.all(".answer-foot .button"), 90)
        assert len(page.text(".answer-text")) > 10
        page.until(lambda: "Garden lease" in page.text(".sources .source-title"))
        page.shoot(f"real-answer-{size}")
        page.click("[data-view=system]")
        page.until(lambda: "SmolLM2-135M" in page.text("#models"))
        page.until(lambda: page.text("#status-chip") == "Ready")
        page.shoot(f"real-system-{size}")
        assert page.complaints() == []


def test_nothing_is_fetched_from_elsewhere(page: Page, server: LiveServer) -> None:
    page.open()
    for view in ("documents", "imports", "system"):
        page.one(f"[data-view={view}]").click()
        page.until(lambda view=view: page.one(f"#view-{view}").is_displayed())
    names = page.driver.execute_script(
        "return performance.getEntriesByType('resource').map((e) => e.name)"
    )
    assert names
    assert all(name.startswith(server.url) for name in names)
    assert page.complaints() == []


def test_the_page_and_the_interface_agree(tmp_path: Path) -> None:
    """Every path the scripts call is one the interface has."""
    import re

    from local_rag.api.app import WEB

    with client_for(make_service(tmp_path)) as client:
        paths = client.get(f"{API}/openapi.json").json()["paths"]
    known = [re.sub(r"\{[^}]+\}", "[^/]+", path.removeprefix(API)) for path in paths]
    called = set()
    for file in WEB.glob("*.js"):
        for match in re.finditer(r'["`](/[a-z][^"`?]*)', file.read_text()):
            called.add(re.sub(r"\$\{[^}]+\}", "x", match.group(1)))
    called = {path for path in called if not path.startswith(("/static", "/api"))}
    assert called
    for path in called:
        assert any(re.fullmatch(pattern, path) for pattern in known), (path, json.dumps(known))


@pytest.mark.parametrize("size", ["desk", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_citation_opens_its_document_at_the_passage(
    page: Page, files: Path, server: LiveServer, size: str, theme: str
) -> None:
    filling = "Nothing of interest stands on page {}. " * 40
    pages = [filling.replace("{}", str(number)) for number in range(1, 31)]
    pages[20] = "The quetzal nests in the old oak behind the mill."
    lines = ["\n".join(textwrap.wrap(text, 70)) for text in pages]
    (files / "birds.pdf").write_bytes(pdf(lines))
    fill(server, files)
    page.open("ask", size, theme=theme)
    page.ask("Where does the quetzal nest?")
    page.until(lambda: not page.all(".answer-text.streaming") and page.all(".source-title"))
    page.click(".source-title")
    page.until(lambda: page.all("#reader-text mark"))
    assert "The quetzal nests in the old oak" in page.text("#reader-text mark")
    assert page.one("#reader-text mark").is_displayed()
    top = page.driver.execute_script(
        "const box = document.querySelector('#reader-text').getBoundingClientRect();"
        "const mark = document.querySelector('#reader-text mark').getBoundingClientRect();"
        "return mark.top >= box.top && mark.bottom <= box.bottom"
    )
    assert top, "the passage is not in sight"
    page.shoot(f"reader-{size}-{theme}")
    assert "Page 21" in page.text("#reader-text")
    jump = page.one(".reader-jump input")
    jump.clear()
    jump.send_keys("2\n")
    page.until(lambda: page.text("#reader-text .reader-page") == "Page 2")
    page.click("#reader-bar button:nth-of-type(2)")  # later
    page.until(
        lambda: "of 30" in page.text("#reader-bar") and page.text(".reader-page") != "Page 2"
    )
    assert page.complaints() == []


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_a_chat_is_kept_named_and_deleted(
    page: Page, files: Path, server: LiveServer, size: str, theme: str
) -> None:
    fill(server, files)
    page.open("ask", size, theme=theme)
    page.ask(QUESTION)
    page.until(lambda: page.all(".answer-foot") and not page.all(".answer-text.streaming"))
    page.ask("And how much notice?")
    page.until(lambda: "Asked as: And how much notice? (" in page.text(".answer .answer-asked"))
    page.until(lambda: not page.all(".answer-text.streaming"))
    page.shoot(f"chat-{size}-{theme}")
    answers = [answer.text for answer in page.all(".answer .answer-text")]
    page.driver.refresh()
    page.until(lambda: len(page.all(".answer")) == 2)
    assert [answer.text for answer in page.all(".answer .answer-text")] == answers
    assert [q.text for q in page.all(".answer-question")] == ["And how much notice?", QUESTION]
    page.until(lambda: "(2 questions)" in page.text("#chat-select option:checked"))
    page.click("#chat-rename")
    box = page.one("#rename-input")
    box.clear()
    box.send_keys("The garden\n")
    page.until(lambda: "The garden" in page.text("#chat-select option:checked"))
    page.click("#chat-new")
    page.until(lambda: not page.all(".answer"))
    page.click("#chat-select option:nth-of-type(2)")
    page.until(lambda: len(page.all(".answer")) == 2)
    page.click("#chat-delete")
    page.until(lambda: page.one("#confirm-ok").is_displayed())
    page.click("#confirm-ok")
    page.until(lambda: not page.all(".answer"))
    chats = httpx.get(f"{server.url}{API}/chats", trust_env=False, timeout=60).json()
    assert chats["total"] == 0
    assert page.complaints() == []


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_a_collection_is_made_added_to_and_asked(
    page: Page, files: Path, server: LiveServer, size: str, theme: str
) -> None:
    page.open("documents", size, theme=theme)
    page.click("#collection-new")
    page.until(lambda: page.one("#collection-dialog").is_displayed())
    page.one("#collection-name").send_keys("Club")
    page.one("#collection-folder").send_keys(str(files))
    page.shoot(f"collection-dialog-{size}-{theme}")
    page.click("#collection-form .button.primary")
    page.until(lambda: "Watched:" in page.text("#collection-note"))
    page.until(lambda: len(page.all("#documents-list tbody tr")) == 3)
    page.shoot(f"collection-{size}-{theme}")
    listed = httpx.get(f"{server.url}{API}/collections", trust_env=False, timeout=60).json()
    assert [item["name"] for item in listed["items"]] == ["Club"]
    page.open("ask", size, theme=theme)
    page.until(lambda: page.one("#ask-collection-field").is_displayed())
    page.click("#ask-collection option:nth-of-type(2)")
    page.ask(QUESTION)
    page.until(lambda: page.all(".source-title") and not page.all(".answer-text.streaming"))
    assert "Garden lease" in page.text(".source-title")
    assert page.complaints() == []
