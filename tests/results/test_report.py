"""The page about a run: complete, inert and alone."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import murmur
from murmur.errors import MissingExtraError
from murmur.recording import RunRecord
from murmur.results import Results
from murmur.telemetry import Recorder

pytestmark = pytest.mark.slow  # altair takes its time over eight charts

EVIL = "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """The elements of a page with their attributes, its scripts, and the text outside them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.headings: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        tag = self.elements[-1][0] if self.elements else ""
        if self.cdata_elem in {"script", "style"}:  # from 3.14 on, of a title as well
            self.scripts[-1] += data
            return
        self.text += f" {data}" if data.strip() else ""
        if tag == "h2" and data.strip():
            self.headings.append(data)

    @property
    def specs(self) -> dict[str, Any]:
        """The charts by name."""
        texts = [text for text in self.scripts if text.startswith("{")]
        (loaded,) = map(json.loads, texts)
        assert isinstance(loaded, dict)
        return loaded


@pytest.fixture
def page(results: Results, tmp_path: Path) -> Page:
    return Page(results.report(tmp_path / "run.html"))


def hostile(tmp_path: Path) -> Page:
    """Return the report of a run in which every text is an attack."""
    record = RunRecord(EVIL, 0.0, 0.0, settings={EVIL: EVIL})
    recorder = Recorder(node=EVIL, started_at=0.0, wall_started_at=0.0)
    try:
        raise ValueError(EVIL)
    except ValueError as error:
        recorder.action(EVIL, 1, 0.0, 0.0, 0.5, error)
    recorder.action(EVIL, 1, 0.0, 0.0, 0.5)
    recorder.throttle(0.0, EVIL, {"rate": 1.0, "interval": 1.0, "requested": 1, "granted": 1})
    recorder.population(0.0, 0, 1, 0)
    recorder.user_gone(1, "failed", EVIL, 0.0, 0.0, 0.5)
    recorder.change(0.25, EVIL, EVIL, EVIL, EVIL)
    record.add(recorder.seal())
    return Page(Results(record, scenario=EVIL).report(tmp_path / "run.html"))


def test_the_report_has_a_part_for_everything(page: Page) -> None:
    assert page.headings == [
        "Users",
        "Actions",
        "Charts",
        "Errors",
        "Changes while it ran",
        "Throttles",
        "Nodes",
        "Environment",
    ]


def test_it_begins_with_the_run_and_the_verdict(page: Page) -> None:
    assert "Chat r1" in page.text
    assert "started 2023-11-14 22:13:20 UTC, 2 s, seed 7" in page.text
    assert "valid" in page.text
    assert ("section", {"class": "verdict valid"}) in page.elements


def test_numbers_say_what_they_count(results: Results, record: RunRecord, tmp_path: Path) -> None:
    record.load_at = 0.5
    page = Page(results.report(tmp_path / "run.html"))

    assert "still in the run 2 " in page.text  # the frame has no outcome for users 4 and 5
    assert "Actions per second count from when users could come, at 500 ms." in page.text


def test_reasons_stand_with_the_verdict(tmp_path: Path) -> None:
    record = RunRecord("r1", 0.0, 0.0)
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    recorder.health(0.0, [0.4], 1.0, 1e8, saturated=True)
    record.add(recorder.seal())

    text = Page(Results(record).report(tmp_path / "run.html")).text

    assert "Do not use the numbers" in text
    assert "The generator was saturated for 1 of 1 s: lag up to 400 ms." in text


def test_numbers_errors_and_changes_are_told(page: Page) -> None:
    assert "echo 3 0 1.5" in page.text  # three actions in two seconds
    assert "action login ConnectionError: refused 1 0 1.50 1.50" in page.text
    assert "0.50 panel pace 1.0 fast" in page.text
    assert "logins n1 60 60 3 1 2" in page.text


def test_one_traceback_is_there_to_unfold(tmp_path: Path) -> None:
    page = hostile(tmp_path)

    assert "Traceback of one ValueError" in page.text
    assert "Traceback (most recent call last)" in page.text


def test_settings_are_told_as_the_record_holds_them(tmp_path: Path) -> None:
    record = RunRecord("r1", 0.0, 0.0, settings={"port": 8888, "token": "***"})

    page = Page(Results(record).report(tmp_path / "run.html"))

    assert "Settings at the start port 8888 token ***" in page.text


def test_every_chart_with_data_is_drawn_in_its_place(page: Page) -> None:
    names = [
        "population",
        "throughput",
        "latency",
        "service",
        "heatmap",
        "distribution",
        "throttles",
        "errors",
        "users",
        "outcomes",
        "health",
        "effects",
    ]

    assert list(page.specs) == names
    assert [attributes["id"] for tag, attributes in page.elements if tag == "figure"] == names
    assert {spec["width"] for spec in page.specs.values()} == {"container"}


def test_a_chart_without_data_is_left_out(empty: Results, tmp_path: Path) -> None:
    page = Page(empty.report(tmp_path / "run.html"))

    assert page.specs == {}
    assert "Charts" not in page.headings
    assert "None was recorded." in page.text


def test_rows_are_inside_whatever_the_notebook_chose(results: Results, tmp_path: Path) -> None:
    import altair as alt

    with alt.data_transformers.enable("json"):
        page = Page(results.report(tmp_path / "run.html"))

    assert all("datasets" in spec for spec in page.specs.values())


def test_no_text_of_a_run_becomes_an_element_or_a_script(tmp_path: Path) -> None:
    page = hostile(tmp_path)

    assert [tag for tag, _ in page.elements if tag == "img"] == []
    assert [attributes for tag, attributes in page.elements if tag == "script"] == [
        {"type": "application/json", "id": "charts"},
        {},
        {"type": "module"},
    ]
    assert all(not name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.text.count(EVIL) >= 8  # shown as the text it is
    assert EVIL in json.dumps(page.specs)


def test_no_script_holds_what_would_end_it(page: Page) -> None:
    assert all("</script" not in text.lower() and "<!--" not in text for text in page.scripts)


def test_it_loads_nothing(page: Page, tmp_path: Path) -> None:
    loading = {"src", "href", "srcset", "data", "action", "poster", "background"}
    sheet = page.scripts[0]

    assert [a for _, attributes in page.elements for a in attributes if a in loading] == []
    assert "@import" not in sheet
    assert "url(" not in sheet
    assert "http" not in page.text
    for spec in page.specs.values():
        schema = spec.pop("$schema")
        assert schema.startswith("https://vega.github.io/schema/vega-lite/")
        assert "://" not in json.dumps(spec)


def test_its_policy_allows_its_two_scripts_and_no_request(page: Page) -> None:
    (policy,) = (
        str(attributes["content"])
        for tag, attributes in page.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )

    assert policy.startswith("default-src 'none'; ")
    assert policy.count("'sha256-") == 2
    assert "://" not in policy
    assert "unsafe-eval" not in policy


def test_the_charts_come_in_once(page: Page) -> None:
    sizes = sorted(map(len, page.scripts))

    assert sizes[-1] > 500_000
    assert sizes[-2] < 100_000


def test_an_archive_has_the_same_report(page: Page, results: Results, tmp_path: Path) -> None:
    loaded = murmur.load(results.save(tmp_path / "run"))

    again = Page(loaded.report(tmp_path / "again.html"))

    assert again.text == page.text
    assert list(again.specs) == list(page.specs)


def test_it_makes_the_directories_and_replaces_the_file(
    results: Results, empty: Results, tmp_path: Path
) -> None:
    path = tmp_path / "reports" / "run.html"

    assert empty.report(path) == path
    assert results.report(str(path)) == path

    assert "Chat r1" in Page(path).text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("package", ["altair", "vl_convert"])
def test_without_the_notebook_extra_it_says_what_to_install(
    package: str, results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingExtraError, match=rf"results\.report needs the package '{package}'"):
        results.report(tmp_path / "run.html")

    assert list(tmp_path.iterdir()) == []
