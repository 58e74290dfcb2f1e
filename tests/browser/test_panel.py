"""A person steers and watches a run from the panel, in a real front end."""

from __future__ import annotations

import math
import os
import signal

import pytest

MAIN = "run = session.do(Echo, 40, user_rate=6000)"


@pytest.fixture
def notebook(open_notebook):
    """Return a notebook whose second cell shows a panel."""
    opened = open_notebook("session.panel()", MAIN, "", "session.add(7)")
    opened.run(1)
    opened.panel.wait_for()
    return opened


def test_a_run_is_started_and_users_come_and_go(notebook, picture, until):
    notebook.fill("port", "70000")
    notebook.button("Start").click()
    until(lambda: "refused" in notebook.said, story=notebook.story)
    assert notebook.state == "idle"
    assert "65535" in notebook.panel.locator(".mm-field .mm-problem:visible").inner_text()
    assert notebook.field("port").get_attribute("aria-invalid") == "true"
    picture("refused")

    notebook.fill("port", "7000")
    notebook.fill("password", "hunter2")
    notebook.fill("Users", "80")
    notebook.fill("Arrivals", "6000")
    notebook.button("Start").click()
    until(lambda: notebook.state == "running", story=notebook.story)
    assert notebook.field("password").input_value() == ""
    assert notebook.field("port").is_disabled()
    until(lambda: notebook.figure("Users running") == 80)
    until(lambda: notebook.figure("Throughput") > 100)
    assert notebook.figure("Response time p50") > 0
    until(lambda: notebook.is_drawn("population") and notebook.is_drawn("heatmap"))

    notebook.fill("Users", "20")
    notebook.button("Add").click()
    until(lambda: notebook.figure("Users running") == 100)
    notebook.button("Remove").click()
    until(lambda: notebook.figure("Users running") == 80)

    assert notebook.page.errors == []
    assert notebook.page.strangers == []


def test_settings_and_rates_change_and_the_clicks_are_code(notebook, picture, until):
    notebook.fill("password", "hunter2")
    notebook.fill("Arrivals", "6000")
    notebook.button("Start").click()
    until(lambda: notebook.figure("Throughput") > 200, story=notebook.story)
    notebook.fill("pace", "1.5")
    notebook.field("tone").select_option("loud")
    assert "2 changes not applied yet" in notebook.panel.locator(".mm-apply").inner_text()
    notebook.button("Apply").click()
    until(lambda: "Changed pace, tone" in notebook.said, story=notebook.story)
    until(lambda: notebook.figure("Throughput") < 100)

    notebook.fill("Rate of messages", "30")
    until(lambda: "new rate: 30" in notebook.said, story=notebook.story)
    notebook.button("Pause messages").click()
    until(lambda: notebook.row("messages").locator(".mm-tag").inner_text() == "paused")
    notebook.button("Resume messages").click()
    until(lambda: notebook.row("messages").locator(".mm-tag").inner_text() == "")
    notebook.button("Ramp: change the rate of messages gradually").click()
    notebook.fill("Ramp messages to this rate", "300")
    notebook.button("Start ramp").click()
    until(lambda: notebook.row("messages").locator(".mm-tag").inner_text() == "ramping")
    picture("steered")

    notebook.button("Code").click()
    code = notebook.panel.locator(".mm-code pre").inner_text()
    assert "session.update(pace=1.5, tone='loud')" in code
    assert "password=getpass('password')" in code
    assert "hunter2" not in code
    picture("code")
    notebook.button("Code").click()
    assert notebook.page.errors == []


def test_a_run_is_stopped_and_leaves_a_frozen_panel(notebook, until):
    notebook.fill("password", "hunter2")
    notebook.button("Start").click()
    until(lambda: notebook.figure("Throughput") > 10, story=notebook.story)
    notebook.button("Stop").click()
    until(lambda: notebook.state == "finished", story=notebook.story)
    assert notebook.figure("Users running") == 0
    notebook.button("Freeze").click()
    until(lambda: "kept below" in notebook.said, story=notebook.story)
    until(lambda: notebook.cell(1).locator(".murmur-frozen svg").count() == 1)
    saved = notebook.saved()
    assert "hunter2" not in saved
    assert len(saved) < 400_000  # pictures, and no widget's state
    assert notebook.page.errors == []
    assert notebook.page.strangers == []


def test_what_others_do_shows_in_every_panel(notebook, until):
    page = notebook.page
    notebook.write(3, "another = session.panel()\nanother")
    notebook.run(2)
    notebook.run(3)
    page.locator(".murmur-panel").nth(1).wait_for()

    notebook.run(4)
    for place in (0, 1):
        until(lambda place=place: notebook.figure("Users running", place) == 47)
    notebook.write(4, "%load_ext murmur\n%amoc update pace=3")
    notebook.run(4)
    for place in (0, 1):
        until(lambda place=place: notebook.field("pace", place).input_value() == "3")
    notebook.fill("Users", "3", 1)
    notebook.button("Remove", 1).click()
    for place in (0, 1):
        until(lambda place=place: notebook.figure("Users running", place) == 44)
    changes = [page.locator(".murmur-panel").nth(place).locator(".mm-changes") for place in (0, 1)]
    until(lambda: changes[0].inner_text() == changes[1].inner_text())

    notebook.run(3)  # again: the second panel of this cell takes the place of the first
    until(lambda: notebook.figure("Users running", 1) == 44)
    notebook.write(4, "[len(session.publisher._views)]")
    notebook.run(4)
    until(lambda: "[2]" in notebook.text(4), story=lambda: notebook.text(4))


def test_numbers_move_while_a_cell_blocks_and_an_interrupt_leaves_the_run(notebook, until):
    notebook.write(3, "import time\ntime.sleep(60)")
    notebook.run(2)
    until(lambda: notebook.figure("Users running") == 40)
    notebook.run(3, wait=False)
    before = notebook.panel.locator(".mm-elapsed").inner_text()
    until(lambda: notebook.panel.locator(".mm-elapsed").inner_text() > before)

    notebook.kernel("interrupt")
    until(lambda: "KeyboardInterrupt" in notebook.text(3))

    assert notebook.state == "running"
    notebook.button("Add").click()
    until(lambda: notebook.figure("Users running") == 140)


def test_a_click_in_a_busy_kernel_waits_and_counts_once(notebook, until):
    """The kernel is busy where it does not even look at messages."""
    notebook.write(3, "import os, signal\nos.getpid()")
    notebook.run(2)
    notebook.run(3)
    until(lambda: notebook.figure("Users running") == 40)
    kernel = int(notebook.text(3).split()[-1])
    os.kill(kernel, signal.SIGSTOP)
    try:
        notebook.button("Add").click()
        until(lambda: "Waiting for the kernel" in notebook.said)  # 0.7 s, if nothing else is on
        notebook.button("Add").click()
        until(lambda: "not counted twice" in notebook.said)
    finally:
        os.kill(kernel, signal.SIGCONT)
    until(lambda: notebook.figure("Users running") == 140, story=notebook.story)
    notebook.page.wait_for_timeout(1000)
    assert notebook.figure("Users running") == 140


def test_after_a_restart_the_panel_says_that_it_is_cut_off(notebook, picture, until):
    notebook.run(2)
    until(lambda: notebook.state == "running")

    notebook.kernel("restart")
    warning = notebook.panel.locator(".mm-warning")
    until(lambda: "run the cell again" in warning.inner_text(), story=warning.inner_text)
    assert notebook.state == "disconnected"
    picture("disconnected")
    notebook.write(3, "1")
    # Or the first cell would have the number that it had before.  Nobody waits for it: a page that
    # did not ask for the restart itself may miss that the new kernel is done with something.
    notebook.run(3, wait=False)
    notebook.run(0)
    notebook.run(1)
    until(lambda: notebook.state == "idle")
    assert notebook.page.locator(".murmur-panel").count() == 1


PARTS = """
import os
from ipywidgets import HBox, VBox
from murmur.widgets import Chart, Controls, Figures, Log, ThrottleControl

print(os.getpid())
parts = [Figures(session), Controls(session), ThrottleControl(session, "messages"), Log(session)]
VBox([*parts, Chart(session, "latency")])
"""


@pytest.fixture
def parts(notebook, until):
    """Return a notebook with a run, a panel and parts that stand alone; they are last."""
    notebook.write(3, PARTS)
    notebook.run(2)
    notebook.run(3)
    until(lambda: notebook.figure("Throughput") > 50)
    until(lambda: notebook.page.locator(".mm-part .mm-figure").count())
    return notebook


def doubts(notebook):
    """Return what the panel and each of the parts says against what it shows."""
    return [one.inner_text() for one in notebook.page.locator(".mm-warning").all()]


def verdicts(notebook):
    """Return what the cards of the verdict say, of the panel and of the part that has one."""
    cards = notebook.page.locator(".mm-figure", has_text="Verdict")
    return [one.inner_text() for one in cards.all()]


def is_told_by_all(notebook, words):
    found = doubts(notebook)
    return len(found) == 6 and all(words in text for text in found)


def test_when_the_kernel_is_killed_nothing_claims_to_be_live(parts, picture, until):
    """The front end tells it, as the kernel cannot: it had no time for a last word."""
    os.kill(int(parts.text(3).split()[0]), signal.SIGKILL)

    told = "the kernel has stopped or was restarted"
    until(lambda: is_told_by_all(parts, told), story=lambda: doubts(parts))
    assert parts.page.locator(".mm-old").count() == 6
    assert parts.page.locator(".mm-part:not([inert])").count() == 0
    assert ["unknown" in text for text in verdicts(parts)] == [True, True]
    picture("killed", ".jp-Notebook")
    parts.run(4)  # in the new kernel, which knows no session
    assert parts.state == "disconnected"


def test_a_restart_by_the_menu_is_told_as_well(parts, until):
    """JupyterLab hears nothing more of the old kernel then, not even its last word."""
    parts.menu("Kernel", "Restart Kernel…")
    parts.page.locator(".jp-Dialog .jp-mod-accept").last.click()

    until(lambda: is_told_by_all(parts, "Disconnected"), story=lambda: doubts(parts))
    parts.run(4)
    assert parts.state == "disconnected"


def test_a_kernel_that_says_nothing_is_taken_for_live_no_longer(parts, picture, until):
    kernel = int(parts.text(3).split()[0])
    os.kill(kernel, signal.SIGSTOP)
    try:
        until(lambda: is_told_by_all(parts, "No news for"), story=lambda: doubts(parts))
        assert parts.state == "no news"
        picture("silent", ".jp-Notebook")
    finally:
        os.kill(kernel, signal.SIGCONT)
    until(lambda: parts.state == "running" and not parts.page.locator(".mm-old").count())
    until(lambda: all("Verdict at " in text for text in verdicts(parts)))


def test_a_page_that_is_loaded_again_catches_up(notebook, until):
    notebook.run(2)
    until(lambda: notebook.figure("Throughput") > 50)
    notebook.save()

    notebook.page.reload()
    notebook.panel.wait_for()

    until(lambda: notebook.figure("Throughput") > 50)
    until(lambda: notebook.is_drawn("latency"))
    notebook.button("Add").click()
    until(lambda: notebook.figure("Users running") == 140)


SEARCH = '''
class Till(murmur.Scenario):
    """Users queue at one till that takes 20 ms for each."""

    async def init(self):
        self.till = anyio.Lock()

    async def start(self, user):
        while True:
            with user.timer("order"):
                async with self.till:
                    await anyio.sleep(0.02)


def search(**options):
    return session.find_capacity(
        Till, check="p50(order) < 0.19", low=2, hold=3, warm_up=0.5, within=1, confirm=1, **options
    )
'''


def test_a_search_for_capacity_shows_how_far_it_is(notebook, picture, until):
    card = notebook.panel.locator(".mm-search")
    assert card.is_hidden()

    notebook.write(3, f"import anyio\n{SEARCH}\nsearch(high=500)")
    notebook.run(3, wait=False)
    until(lambda: "step 2 of at most 14" in card.inner_text(), story=card.inner_text)
    said = card.inner_text()  # on a busy machine the first step may be no answer
    assert "held at 2" in said or "no answer at 2" in said
    assert 0 < card.locator("progress").evaluate("bar => bar.value") < 0.5
    until(lambda: "of at most 14" in notebook.text(3), story=lambda: notebook.text(3))
    picture("search")
    notebook.menu("Settings", "Theme", "JupyterLab Dark")
    until(lambda: notebook.page.locator('body[data-jp-theme-light="false"]').count() == 1)
    picture("search-dark")
    notebook.kernel("interrupt")
    until(lambda: "interrupted; p50(order)" in card.inner_text(), story=card.inner_text)
    until(lambda: "actions/s" in notebook.text(3), story=lambda: notebook.text(3))
    picture("search-interrupted")

    notebook.run(2)
    until(card.is_hidden)
    assert notebook.page.errors == []


def test_the_panel_follows_a_dark_theme_and_a_narrow_page(notebook, picture, until):
    notebook.run(2)
    until(lambda: notebook.figure("Throughput") > 50)
    notebook.menu("Settings", "Theme", "JupyterLab Dark")
    until(lambda: notebook.page.locator('body[data-jp-theme-light="false"]').count() == 1)
    until(lambda: notebook.is_drawn("population"))
    picture("dark")
    wide = notebook.column("Control"), notebook.column("Users")
    notebook.page.set_viewport_size({"width": 960, "height": 1600})
    until(lambda: notebook.overflow() <= 0, story=notebook.overflow)
    assert wide[0] != wide[1]
    picture("narrow")


def test_nothing_grows_over_six_hundred_updates(notebook, until):
    notebook.write(3, FEED)
    notebook.run(2)
    until(lambda: notebook.is_drawn("latency"))

    def feed() -> dict[str, float]:
        notebook.run(3)
        until(lambda: notebook.panel.locator(".mm-elapsed").inner_text() == "3:19")
        return notebook.weight()

    before = feed()  # what is made on the way is not growth
    feed()
    feed()
    after = feed()

    assert after["listeners"] <= before["listeners"] + 60  # JupyterLab adds a few of its own
    assert after["nodes"] <= before["nodes"] + 300
    assert after["heap"] <= before["heap"] + 6_000_000  # 10 kB an update would be a leak


FEED = """
import time
panel = session.publisher._views[0]
session.publisher.forget(panel)
for number in range(200):
    news = {**panel.state, "scenario": "fed", "elapsed": number}
    panel.show(news, {**panel.rows, "span": [0.0, 60.0 + number]})
    time.sleep(0.03)
"""


def test_notebook_7_shows_the_same(open_notebook, picture, until):
    notebook = open_notebook("session.panel()", front_end="notebooks")
    notebook.run(1)
    notebook.panel.wait_for()
    notebook.fill("Arrivals", "inf")
    notebook.button("Start").click()

    until(lambda: notebook.figure("Users running") == 100, story=notebook.story)
    until(lambda: notebook.is_drawn("throttles"))
    assert not math.isnan(notebook.figure("Throughput"))
    picture("notebook-7")
    notebook.button("Stop").click()
    until(lambda: notebook.state == "finished")
