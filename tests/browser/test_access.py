"""The panel is for everybody: rules of axe-core hold, and the keyboard alone does all."""

from __future__ import annotations

from pathlib import Path

import pytest

axe = pytest.importorskip(
    "axe_playwright_python",
    reason="axe is not installed; `pip install axe-playwright-python` brings it",
)
AXE = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SCENARIO = """
from traitlets import Float, Int

class Shop(murmur.Scenario):
    '''Users look around.'''
    pace = Float(0.5, min=0, help="seconds between two pages").tag(live=True)
    basket = Int(3, min=1, max=20, help="things that are bought at once")

    async def init(self):
        self.orders = await murmur.throttle("orders", rate=30, interval=1)

    async def start(self, user):
        while True:
            await self.orders.wait()
            with user.timer("page"):
                await user.sleep(0.01)
            await user.sleep(self.pace)
"""
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one?.closest(".murmur-panel")) return null;
  return one.getAttribute("aria-label") || one.labels?.[0]?.innerText || one.innerText;
}"""


@pytest.fixture
def notebook(open_notebook):
    """Return a notebook whose second cell shows a panel."""
    opened = open_notebook(SCENARIO, "session.panel()")
    opened.run(1)
    opened.run(2)
    opened.panel.wait_for()
    return opened


def complaints(page) -> list[str]:
    """Return what axe-core finds wrong in the panel."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run('.murmur-panel')")
    return [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def misnamed(page) -> list[str]:
    """Return the buttons whose name does not begin with the word that can be seen on them."""
    return page.evaluate("""() => [...document.querySelectorAll(".murmur-panel button")]
      .filter((one) => !(one.ariaLabel ?? one.innerText).startsWith(one.innerText.trim()))
      .map((one) => `${one.innerText}: ${one.ariaLabel}`)""")


def tabbed_to(page, name: str) -> bool:
    """Press Tab until the control whose name begins so has the focus."""
    for _ in range(60):
        if (page.evaluate(FOCUSED) or "").strip().startswith(name):
            return True
        page.keyboard.press("Tab")
    return False


def test_it_is_steered_by_keyboard_alone_and_axe_finds_nothing(notebook, until):
    page = notebook.page
    assert complaints(page) == []
    assert misnamed(page) == []

    notebook.panel.locator("button:enabled").first.focus()
    assert tabbed_to(page, "Start")
    page.keyboard.press("Enter")
    until(lambda: notebook.state == "running", story=notebook.story)
    until(lambda: notebook.is_drawn("population"))
    assert complaints(page) == []

    notebook.panel.locator("button:enabled").first.focus()
    assert tabbed_to(page, "Stop")
    page.keyboard.press("Enter")
    until(lambda: notebook.state == "finished", story=notebook.story)
    assert complaints(page) == []
