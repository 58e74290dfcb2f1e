"""Parts of the panel in boxes of a person's own, in JupyterLab and on a Voila page."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

PARTS = """\
import traitlets
from ipywidgets import Accordion, Button, FloatSlider, HBox, IntText, Tab, VBox
from murmur import charts
from murmur.widgets import (
    Arrivals, Chart, Controls, Figures, Log, Settings, ThrottleControl,
)

controls, messages = Controls(session, count=30), ThrottleControl(session, "messages")
figures = Figures(session)
running = IntText(description="running")
traitlets.dlink((figures, "running"), (running, "value"))
rate = FloatSlider(min=0, max=600, description="messages")
traitlets.link((messages, "rate"), (rate, "value"))
own = Chart(session, lambda it: charts.outcomes(it.users), title="Outcomes")
Tab(
    [
        VBox([
            figures,
            HBox([controls, Chart(session, "latency"), Chart(session, "users")]),
            HBox([running, rate]),
        ]),
        VBox([HBox([Settings(session), Arrivals(session), messages]), own, Log(session)]),
    ],
    titles=["Watch", "Steer"],
)"""


def fill(part: Any, label: str, text: str) -> None:
    """Type into a field of a part and leave it."""
    field = part.get_by_label(label, exact=True).locator("visible=true").first
    field.fill(text)
    field.blur()


def test_parts_stand_in_boxes_and_steer_the_run(
    open_notebook: Any, page: Any, picture: Callable[..., None], until: Callable[..., None]
) -> None:
    notebook = open_notebook(PARTS)
    notebook.run(1)
    controls = page.locator(".mm-part-controls")
    controls.wait_for()
    fill(controls, "Arrivals", "6000")
    controls.get_by_role("button", name="Start").click()

    until(lambda: notebook.figure("Users running") == 30)
    until(lambda: page.locator(".jupyter-widgets.widget-text input").first.input_value() == "30")
    picture("parts", ".jp-Notebook")
    until(lambda: drawn(page, "latency") and drawn(page, "population"), story=lambda: page.errors)

    page.locator(".lm-TabBar-tab", has_text="Steer").last.click()
    throttle = page.locator(".mm-part-throttle")
    fill(throttle, "Rate of messages", "120")
    until(lambda: "new rate: 120" in throttle.inner_text())
    settings = page.locator(".mm-part-settings")
    fill(settings, "pace", "0.75")
    settings.get_by_role("button", name="Apply").click()
    until(lambda: "Changed pace" in settings.inner_text(), story=settings.inner_text)
    until(lambda: "pace: 0.2 → 0.75" in page.locator(".mm-part-log").inner_text())
    until(lambda: page.locator(".mm-drawing canvas").count() == 1)
    picture("parts-steer", ".jp-Notebook")

    throttle.evaluate("(part) => { part.style.width = '260px'; }")
    until(lambda: width_of(throttle) < 261)
    edge = throttle.bounding_box()["x"] + 261
    buttons = [one.bounding_box() for one in throttle.get_by_role("button").all()]
    assert len(buttons) >= 2
    assert all(one is None or one["x"] + one["width"] <= edge for one in buttons)

    assert page.errors == []
    assert page.strangers == []


def width_of(part: Any) -> float:
    """Return how wide a part is, in pixels."""
    return float(part.bounding_box()["width"])


def drawn(page: Any, chart: str) -> bool:
    """Return whether a chart has a canvas that is as wide as its box."""
    widths = page.evaluate(
        """(chart) => [...document.querySelectorAll(`.mm-chart-${chart} canvas`)].map(
            (it) => it.clientWidth / it.closest(".mm-plot").clientWidth)""",
        chart,
    )
    return bool(widths) and all(0.9 < width <= 1.02 for width in widths)


def test_a_panel_shows_what_was_asked_for(
    open_notebook: Any, page: Any, picture: Callable[..., None], until: Callable[..., None]
) -> None:
    run = 'session.do(Echo, 20, user_rate=float("inf"))'
    notebook = open_notebook(
        f"{run}\nsession.panel(controls=False, charts=['latency', 'users'], columns=1)"
    )
    notebook.run(1)
    until(lambda: notebook.figure("Users running") == 20)
    until(lambda: drawn(page, "latency") and drawn(page, "population"))
    picture("panel-without-controls")

    shown = page.locator(".murmur-panel .mm-main .mm-stage")
    assert shown.count() == 2
    boxes = [shown.nth(place).bounding_box() for place in range(2)]
    assert boxes[0]["y"] + boxes[0]["height"] < boxes[1]["y"]
    assert not page.locator(".mm-control").is_visible()


class Voila:
    """A Voila server that shows one notebook."""

    def __init__(self, root: Any) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "voila", str(root / "dashboard.ipynb"), "--no-browser"]
        options = [f"--port={self.port}", "--Voila.ip=127.0.0.1", "--strip_sources=True"]
        self.log = (root / "voila.log").open("w+")
        self.process = subprocess.Popen(
            [*command, *options], stdout=self.log, stderr=subprocess.STDOUT, cwd=root
        )

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/voila/static/", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def story(self) -> str:
        self.log.seek(0)
        return self.log.read()[-2000:]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


@pytest.fixture
def voila(tmp_path: Any, server: Any, until: Callable[..., None]) -> Iterator[Voila]:
    """Return a page that is served by Voila: a scenario, a slider of one's own, a few parts."""
    import nbformat

    pytest.importorskip("voila", reason="voila is not installed; `pip install voila` brings it")
    from pathlib import Path

    scenario = (Path(__file__).parent / "conftest.py").read_text().split("SCENARIO = '''\\\n")[1]
    cells = [scenario.split("'''\n\n\nclass Server")[0], PARTS]
    document = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(document, tmp_path / "dashboard.ipynb")
    started = Voila(tmp_path)
    until(started.answers, story=started.story)
    yield started
    started.stop()


def test_a_voila_page_starts_a_run(
    voila: Voila, page: Any, picture: Callable[..., None], until: Callable[..., None]
) -> None:
    page.goto(f"http://127.0.0.1:{voila.port}/?token={secrets.token_hex(4)}")
    controls = page.locator(".mm-part-controls")
    controls.wait_for()
    fill(controls, "Arrivals", "6000")
    controls.get_by_role("button", name="Start").click()

    value = page.locator(".mm-part-figures .mm-figure", has_text="Users running")
    until(lambda: value.locator(".mm-value").inner_text() == "30", story=voila.story)
    until(lambda: drawn(page, "latency"))
    picture("voila", "body")
    assert [error for error in page.errors if "murmur" in error] == []  # Voila has some of its own
