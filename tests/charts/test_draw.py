"""Charts by name, of real results: they render, and they can be joined."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import pytest
import vl_convert

from murmur import charts
from murmur.errors import UnknownNameError
from murmur.recording import RunRecord
from murmur.results import Results
from murmur.telemetry import Recorder

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "charts.md"


@pytest.fixture
def empty() -> Results:
    return Results(RunRecord("r0", 0.0, 0.0))


@pytest.fixture
def results() -> Results:
    record = RunRecord("r1", 0.0, 0.0)
    recorder = Recorder(node="n1", started_at=0.0, wall_started_at=0.0)
    for second in range(10):
        for name in ("echo", "login"):
            recorder.action(name, 1, second, second + 0.1, second + 0.5)
        recorder.action("echo", 1, second, second, second + 0.9, TimeoutError("5 s"))
        recorder.population(second, 10 - second, second, 0)
        lag = 0.2 if second in (3, 4, 7) else 0.001
        recorder.health(second + 1, [lag], 0.5, 1e8, saturated=lag > 0.05)
        recorder.throttle(
            second, "messages", {"rate": 60.0, "interval": 60.0, "requested": 2, "granted": 1}
        )
        recorder.user_gone(second + 1, "finished", None, second, second, second + 2.0)
    recorder.change(4.5, "panel", "pace", 1.0, 0.5)
    record.add(recorder.seal())
    return Results(record)


def render(chart: alt.TopLevelMixin) -> str:
    """Return the chart as SVG; what Vega complains about is on standard error."""
    return vl_convert.vegalite_to_svg(chart.to_dict())


@pytest.mark.parametrize("name", charts.CHARTS)
def test_every_chart_renders_without_a_complaint(
    name: str, results: Results, capfd: pytest.CaptureFixture[str]
) -> None:
    svg = render(charts.draw(name, results))

    assert "</svg>" in svg
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", charts.CHARTS)
def test_a_chart_of_nothing_says_so_in_a_sentence(name: str, empty: Results) -> None:
    chart = charts.draw(name, empty)
    (rows,) = chart.to_dict()["datasets"].values()

    assert rows[0]["text"].startswith("No ")
    assert rows[0]["text"].endswith(".")
    assert rows[0]["text"] in render(chart)


@pytest.mark.parametrize("name", charts.CHARTS)
def test_a_chart_has_a_title_and_a_background_that_lets_the_theme_through(
    name: str, results: Results
) -> None:
    spec = charts.draw(name, results).to_dict()

    assert spec["title"]["text"]
    assert spec["config"]["background"] == "transparent"


@pytest.mark.parametrize("name", charts.CHARTS)
def test_every_chart_has_tooltips(name: str, results: Results) -> None:
    assert '"tooltip"' in charts.draw(name, results).to_json()


def test_drawing_leaves_altair_as_it_was(results: Results) -> None:
    before = alt.Chart().mark_point().to_dict()

    charts.draw("latency", results)

    assert alt.Chart().mark_point().to_dict() == before


def test_an_unknown_chart_is_refused_with_a_suggestion(results: Results) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'latency'"):
        charts.draw("latencies", results)


def test_charts_can_be_joined_and_keep_their_legends(results: Results) -> None:
    joined = charts.together(
        charts.draw("population", results), charts.draw("latency", results), columns=2
    )

    assert joined.to_dict()["resolve"]["scale"]["color"] == "independent"
    assert "</svg>" in render(joined)


def test_a_plain_chart_can_be_layered_by_whoever_likes(results: Results) -> None:
    looks = charts.draw("population", results)
    mine = charts.plain(looks)

    assert "</svg>" in render(mine & mine)
    assert looks.to_dict()["config"]["background"] == "transparent"  # it was not changed


def test_every_chart_has_a_heading_in_the_reference() -> None:
    page = PAGE.read_text(encoding="utf-8")

    for name in charts.__all__:
        assert f"## {name}\n" in page, name
    for name in charts.CHARTS:
        assert f"`{name}`" in page, name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("latency", "; write percentiles(results.windows) or draw('latency', results)"),
        ("service", "; write service_and_response(results.windows) or draw('service', results)"),
        ("heat_map", "; did you mean 'heatmap'?"),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_what_to_write(name: str, hint: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(charts, name)

    assert str(caught.value) == f"module 'murmur.charts' has no attribute {name!r}{hint}"
