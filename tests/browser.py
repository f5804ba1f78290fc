"""Debian's Chromium, driven by Playwright, with a profile of its own for each browser."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page, ViewportSize

_ASSETS = Path(__file__).parents[1] / "console" / "assets"
_PHONE: ViewportSize = {"width": 390, "height": 844}
CHROMIUM = "/usr/bin/chromium"
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=20_000)  # ms; the machine may be busy


@contextmanager
def opening_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@contextmanager
def opening_page(
    browser: Browser, *, width: int = 1366, height: int = 768, inspected: bool = False
) -> Iterator[Page]:
    """A window of its own, with cookies of its own; what its scripts complain of fails the test.

    ``inspected``: the page's policy does not bind what a test brings in.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", bypass_csp=inspected
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda told: complaints.append(told.text) if "Content Security" in told.text else None)
    yield page
    context.close()
    assert not complaints, complaints


def until(look: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """What `look` returns once that is true. (The page's policy allows no evaluation of strings within it.)"""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {seconds} s")


def log_in(page: Page, address: str, name: str, password: str, to: str = "") -> None:
    page.goto(address)
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(address + to)


def keep(page: Page, name: str) -> None:
    """A picture of the page as it is, and one on a telephone, where they are wanted (HOTLINE_PICTURES: the folder)."""
    if folder := os.environ.get("HOTLINE_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")
        if (size := page.viewport_size) and size != _PHONE:
            page.set_viewport_size(_PHONE)
            page.screenshot(path=Path(folder) / f"{name}-phone.png")
            page.set_viewport_size(size)


def find_barriers(page: Page) -> list[tuple[str, str, str]]:
    """What is seriously in the way of assistive technology on a page that was opened ``inspected``, as axe finds it."""
    axe = _ASSETS / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=_ASSETS, check=True)
    page.evaluate(axe.read_text())
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (v["id"], v["impact"], v["nodes"][0]["html"][:200])
        for v in found["violations"]
        if v["impact"] in {"serious", "critical"}
    ]


def read_sound(page: Page) -> dict[str, Any]:
    """How the page's sound stands."""
    script = """() => { const a = document.querySelector("audio"); return {
        time: a.currentTime, rate: a.playbackRate, pitch: a.preservesPitch, duration: a.duration,
        playing: !a.paused && !a.seeking && a.readyState > 2, error: a.error && a.error.message }; }"""
    found: dict[str, Any] = page.evaluate(script)
    return found
