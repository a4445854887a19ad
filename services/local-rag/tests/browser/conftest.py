"""Chromium, headless, against a running service."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.browser import Page
from kit.faces import BEES, BREAD, LEASE, LiveServer, QuotingGenerator, make_service

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser for all tests, with a profile of its own."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("chromium and chromedriver are not installed: apt install chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    found.set_script_timeout(20)
    yield found
    found.quit()


@pytest.fixture
def generator() -> QuotingGenerator:
    return QuotingGenerator()


@pytest.fixture
def server(tmp_path: Path, generator: QuotingGenerator) -> Iterator[LiveServer]:
    with LiveServer(make_service(tmp_path, generator=generator)) as server:
        yield server


@pytest.fixture
def page(chrome: Any, server: LiveServer) -> Iterator[Page]:
    chrome.get_log("browser")
    found = Page(chrome, server.url)
    yield found
    chrome.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": server.url,
                                                         "storageTypes": "all"})  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "Garden lease.md").write_text(f"# Garden lease\n\n{LEASE}\n")
    (folder / "Rye bread.txt").write_text(BREAD)
    (folder / "Bees in winter.txt").write_text(BEES)
    return folder
