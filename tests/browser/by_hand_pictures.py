"""Pictures of the panel from real runs: those of the pages, and an old run with five actions.

Not collected by itself.  It takes six minutes, and wants a machine that does nothing else,
because the verdict is in the picture::

    MURMUR_SCREENSHOTS=shots pytest tests/browser/by_hand_pictures.py
    cp shots/panel.png shots/panel-dark.png docs/images/

Look at all of them before you commit any.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
[ECHO] = re.findall(r"```python\n(import murmur\n.*?class Echo.*?)```", README, re.DOTALL)
START = """
from murmur.testing import router_process

router = router_process()
session = murmur.session()
run = session.do(Echo, 100, port=router.port, user_rate=600)
"""
FIVE = """
class Five(murmur.Scenario):
    "Users do five things, each at a speed of its own."

    async def start(self, user):
        while True:
            for number in range(1, 6):
                with user.timer(f"action number {number}"):
                    await user.sleep(user.random.expovariate(40 / number))
            await user.sleep(1)

session = murmur.session()
run = session.do(Five, 50, user_rate=6000)
"""


def pictures(notebook, picture, name: str) -> None:
    """Take a picture in the light theme, the dark one, and on a narrow page."""
    page = notebook.page
    picture(name)
    notebook.menu("Settings", "Theme", "JupyterLab Dark")
    page.wait_for_timeout(4000)
    picture(f"{name}-dark")
    notebook.menu("Settings", "Theme", "JupyterLab Light")
    page.set_viewport_size({"width": 900, "height": 1400})
    page.wait_for_timeout(4000)
    picture(f"{name}-narrow")
    page.set_viewport_size({"width": 1500, "height": 1400})
    page.wait_for_timeout(4000)


@pytest.mark.timeout(400)
def test_the_panel_of_the_pages(open_notebook, picture):
    notebook = open_notebook(ECHO + START, "session.panel()")
    notebook.run(1)
    notebook.run(2)
    wait = notebook.page.wait_for_timeout
    wait(20_000)
    notebook.fill("Users", "50")
    notebook.button("Add").click()
    wait(10_000)
    notebook.fill("pace", "0.1")
    notebook.button("Apply").click()
    wait(10_000)
    rate = notebook.row("messages").locator("input").first
    rate.fill("600")
    rate.press("Enter")
    wait(12_000)
    pictures(notebook, picture, "panel")


@pytest.mark.timeout(600)
def test_an_old_run_with_five_actions(open_notebook, picture, until):
    notebook = open_notebook(FIVE, "session.panel()")
    notebook.run(1)
    notebook.page.wait_for_timeout(180_000)
    notebook.run(2)
    until(lambda: notebook.is_drawn("latency"))
    notebook.page.wait_for_timeout(5000)
    pictures(notebook, picture, "five")
    notebook.save()
    notebook.page.reload()
    until(lambda: notebook.page.locator(".mm-chart-latency canvas").count())
    until(lambda: notebook.is_drawn("latency"))
    notebook.page.wait_for_timeout(5000)
    picture("five-after-reload")
