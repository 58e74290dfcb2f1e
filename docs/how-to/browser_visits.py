"""Visitors of a web page who use a real browser, one of them for all users of a node.

docs/how-to/test-with-a-browser.md explains it.
"""

from __future__ import annotations

from contextlib import suppress

import anyio
from playwright.async_api import Browser, Error, Page, async_playwright
from traitlets import Float, Unicode

import murmur

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]  # for containers


class Visits(murmur.Scenario):
    """Visitors open a page, use it, and look at what it shows."""

    url = Unicode("http://127.0.0.1:8000/", help="address of the page")
    chromium = Unicode("/usr/bin/chromium", help="where the browser is")
    pace = Float(2.0, min=0.01, help="seconds between two clicks of a visitor")
    patience = Float(10.0, min=0.1, help="seconds that a page, or what a click does, may take")

    async def init(self) -> Browser:
        """Start one browser, which is shared as nothing else would be affordable."""
        self.driver = await async_playwright().start()
        return await self.driver.chromium.launch(executable_path=self.chromium, args=FLAGS)

    async def start(self, user: murmur.User, browser: Browser) -> None:
        """Visit; after a failure, come back as somebody new."""
        while True:
            try:
                await self.visit(user, browser)
            except (Error, TimeoutError):
                user.count("interruptions")
            await user.sleep(user.random.uniform(0.5, 1.5))

    async def visit(self, user: murmur.User, browser: Browser) -> None:
        """Open the page with cookies and a cache of one's own, and use it."""
        context = await user.wait_for(browser.new_context(), timeout=self.patience)
        try:
            context.set_default_timeout(self.patience * 1000)  # its times are milliseconds
            page = await user.wait_for(context.new_page(), timeout=self.patience)
            page.on("requestfailed", lambda _: user.count("requests.failed"))
            with user.timer("open"):
                await user.wait_for(page.goto(self.url))
            await self.use(user, page)
        finally:
            with suppress(Error), anyio.move_on_after(1, shield=True):
                await context.close()

    async def use(self, user: murmur.User, page: Page) -> None:
        """Click now and then, and wait until the page shows what came of it."""
        clicks = 0
        while True:
            await user.sleep(self.pace)
            clicks += 1
            with user.timer("click"):
                await user.wait_for(page.get_by_role("button").click())
                await user.wait_for(page.get_by_text(f"answer {clicks}", exact=True).wait_for())

    async def terminate(self) -> None:
        """End the browser, and the driver."""
        with anyio.move_on_after(10):
            await self.driver.stop()
