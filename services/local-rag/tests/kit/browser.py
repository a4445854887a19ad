"""The web page as a person sees it, through WebDriver."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIZES = {"desk": (1280, 720), "phone": (390, 844)}


class Page:
    """The page as a person sees it."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, view: str = "ask", size: str = "desk", *, theme: str | None = None) -> "Page":
        self.resize(size)
        scheme = [{"name": "prefers-color-scheme", "value": theme or "light"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        self.driver.get("about:blank")
        self.complaints()  # those of the page before
        self.driver.get(f"{self.url}/#{view}")
        self.until(lambda: self.one(f"#view-{view}").is_displayed())
        return self

    def resize(self, size: str) -> None:
        width, height = SIZES[size]
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": width,
                "height": height,
                "deviceScaleFactor": 1,
                "mobile": size == "phone",
            },
        )

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def text(self, selector: str) -> str:
        return self.one(selector).text

    def until(self, condition: Callable[[], Any], timeout_s: float = 15) -> Any:
        from selenium.common.exceptions import (
            NoSuchElementException,
            StaleElementReferenceException,
        )
        from selenium.webdriver.support.ui import WebDriverWait

        waiter = WebDriverWait(
            self.driver,
            timeout_s,
            poll_frequency=0.05,
            ignored_exceptions=[NoSuchElementException, StaleElementReferenceException],
        )
        return waiter.until(lambda _: condition())

    def click(self, selector: str) -> None:
        """Click as a person would: what the fixed bar at the foot covers is scrolled out first."""
        element = self.one(selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def ask(self, question: str) -> None:
        box = self.one("#question")
        box.clear()
        box.send_keys(question + "\n")

    def shoot(self, name: str) -> None:
        """Keep a picture when $LOCAL_RAG_SCREENSHOTS names a folder."""
        folder = os.environ.get("LOCAL_RAG_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(Path(folder) / f"{name}.png"))

    def complaints(self) -> list[str]:
        """Return what the browser had to complain about, such as a breach of the policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]  # fmt: skip
