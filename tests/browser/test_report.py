"""The report in a real browser without a network: every chart is drawn, in light and in dark."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from murmur import charts
from murmur.recording import RunRecord
from murmur.results import Results
from murmur.telemetry import Recorder

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed; `pip install playwright` brings it"
)
pytestmark = pytest.mark.slow

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
SECONDS = 30
DRAWN = ("rect", "path", "line", "circle", "text")


def _results() -> Results:
    """Return a run that has something to show in every chart."""
    recorder = Recorder(node="local", started_at=0.0, wall_started_at=1.7e9)
    for second in range(SECONDS):
        for place in range(20):
            error = TimeoutError("no answer in 5 s") if place == 7 else None
            due_at = second + place / 20
            recorder.action("echo", place + 1, due_at, due_at, due_at + 0.01 * (place + 1), error)
        late = 0.2 if 10 <= second < 13 else 0.001
        recorder.population(second, SECONDS - second, second, 0)
        recorder.health(second + 1, [late], 0.4, 1e8, late > 0.05, reason="loop lag" * (late > 0.1))
        recorder.throttle(
            second + 1,
            "messages",
            {"rate": 20.0, "interval": 1.0, "requested": 22, "granted": 20},
        )
        recorder.user_gone(second + 1, "finished", None, second, second, second + 5.0)
    recorder.change(15.0, "panel", "pace", 1.0, 0.5)
    record = RunRecord("r1", 0.0, 1.7e9, {"port": 8888})
    record.note_node("local", host="here", pid=1, cores=2)
    record.add(recorder.seal())
    return Results(record, scenario="Chat")


@pytest.fixture(scope="module")
def browser(program: Callable[..., str]) -> Iterator[Any]:
    path = program("chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _results().report(tmp_path_factory.mktemp("report") / "run.html")


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Any, report: Path) -> Iterator[Any]:
    """Open the report in a browser that is offline, and keep what it asks for and complains of."""
    context = browser.new_context(
        color_scheme=request.param, offline=True, viewport={"width": 1200, "height": 900}
    )
    opened = context.new_page()
    opened.asked, opened.complaints = [], []
    opened.on("request", lambda asked: opened.asked.append(asked.url))
    opened.on("console", lambda line: opened.complaints.append(line.text))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.goto(report.as_uri())
    for figure in opened.locator("figure").all():
        figure.locator("svg.marks").wait_for()
    yield opened
    folder = os.environ.get("MURMUR_SCREENSHOTS")
    if folder:
        opened.screenshot(path=Path(folder) / f"report-{request.param}.png", full_page=True)
    context.close()


def _complaints(page: Any) -> list[str]:
    # An attribute that Vega writes to measure text, which the policy refuses and nobody misses.
    return [line for line in page.complaints if "Content Security Policy" not in line]


def test_it_asks_the_network_for_nothing_and_complains_of_nothing(page: Any, report: Path) -> None:
    assert page.asked == [report.as_uri()]
    assert _complaints(page) == []


def test_every_chart_is_drawn_with_its_marks(page: Any) -> None:
    figures = page.locator("figure")
    names = figures.evaluate_all("all => all.map(figure => figure.id)")

    assert sorted(names) == sorted(charts.CHARTS)
    for number, name in enumerate(names):
        figure = figures.nth(number)
        assert "cannot be drawn" not in figure.inner_text(), name
        box = figure.locator("svg.marks").bounding_box()
        assert box["width"] > 200, name
        assert box["height"] > 60, name
        marks = sum(figure.locator(f"svg.marks {mark}").count() for mark in DRAWN)
        assert marks > 15, name


def test_it_looks_like_a_page_and_not_like_a_blank(page: Any) -> None:
    shown = page.screenshot(full_page=True)
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [int(part) for part in background.strip("rgba()").split(",")[:3]]

    assert len(shown) > 50_000  # a blank page of that size takes a tenth
    assert (max(channels) < 80) is dark
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_role("heading", name="Charts").is_visible()
