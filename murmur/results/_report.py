"""A report: one HTML file about one run, which opens anywhere and asks no network.

Charts are Vega-Lite specifications beside one copy of Vega.  Whatever a run measured may
hold text of strangers (an error's message is often the server's), so all of it is escaped;
and should that ever fail, the page's policy still runs no script but its own two, and lets
none of them load or send anything.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from murmur._guard import text_of
from murmur._vega import script
from murmur.errors import MissingExtraError

from ._effects import effect_lines, effects
from ._results import Results
from ._source import Source
from ._summary import Summary, duration_text
from ._write import write_text
from .checks._table import Checks

if TYPE_CHECKING:
    from jinja2 import Template

_MOST_ROWS = 100  # of a table
_ADVICE = {
    "valid": "The generator kept up and carried out its plan: these numbers can be relied on.",
    "suspect": "Look twice before you use the numbers.",
    "invalid": "Do not use the numbers: they do not tell of the load that was meant.",
}
_REHEARSED = (
    "Time was virtual and nothing was measured: the durations are those that the scenario sleeps."
)
_CHARTS = (
    *("population", "throughput", "latency", "service", "heatmap", "distribution"),
    *("throttles", "errors", "users", "outcomes", "health"),
)

# Title of a column, where it is from, and how its values are written; numbers to the right.
_Columns: TypeAlias = Mapping[str, tuple[str, Callable[[Any], str]]]


def write(source: Source, path: Path, checks: Checks | None = None) -> Path:
    """Write the report of `source` to the file `path`, and return it."""
    told = effects(source)
    specs = _specs(Results(source), told)
    bundle, program = _bundle(), _text_of("_report.js")
    facts, summary = source.facts(), source.summary()
    page = _template().render(
        policy=_policy(bundle, program),
        title=f"{summary.scenario or 'Run'} {summary.run_id}",
        subtitle=f"{_moment(summary, facts)}, {duration_text(summary.elapsed)}, "
        f"seed {summary.seed}",
        charts=specs,
        bundle=bundle,
        program=program,
        effects=list(effect_lines(told)),
        load_at=duration_text(source.load_at()),
        **_parts(source, summary, facts, checks),
    )
    write_text(path, page)
    return path


def missing_for_report(feature: str) -> MissingExtraError | None:
    """Return the error of which `feature` fails for want of a package; None if all are here."""
    for package in ("altair", "vl_convert"):  # the second works in a process of its own
        if find_spec(package) is None:
            return MissingExtraError(feature, "notebook", package)
    return None


def _specs(results: Results, told: pd.DataFrame) -> dict[str, Any]:
    """Return the specification of each chart that has something to show.

    `told` are the effects of changes: they take a while to find, so they are not asked for again.
    """
    if missing := missing_for_report("results.report"):
        raise missing
    from murmur import charts

    drawn = {name: charts.draw(name, results) for name in _CHARTS if charts.has_rows(name, results)}
    if not told.empty:
        drawn["effects"] = charts.effects(told)
    return {name: {**charts.whole(chart), "width": "container"} for name, chart in drawn.items()}


def _bundle() -> str:
    """Return Vega as one script that can stand inside a page."""
    return script().replace("</script", "\\x3c/script").replace("<!--", "\\x3c!--")


def _policy(*scripts: str) -> str:
    """Return a policy under which these scripts run, and nothing else does anything."""
    hashes = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{text}'" for text in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _template() -> Template:
    """Return the page; whatever is put into it is escaped."""
    from jinja2 import Environment, StrictUndefined  # altair brings it

    page = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    page.policies["json.dumps_kwargs"] = {"allow_nan": False}
    return page.from_string(_text_of("_report.html"))


def _parts(
    source: Source, summary: Summary, facts: Mapping[str, Any], checks: Checks | None
) -> dict[str, Any]:
    """Return what the parts of the page show; a part without content is left out."""
    errors = source.frame("errors")
    return {
        "summary": summary,
        "advice": _REHEARSED if summary.rehearsed else _ADVICE.get(summary.verdict.state, ""),
        "checks": checks._repr_html_() if checks is not None and len(checks) else "",
        "actions": _table(summary.to_frame(), _ACTIONS),
        "errors": _table(errors, _ERRORS),
        "tracebacks": _tracebacks(errors),
        "changes": _table(source.frame("changes"), _CHANGES),
        "settings": {
            name: text_of(value)
            for name, value in facts.get("settings_at_start", facts.get("settings", {})).items()
        },
        "throttles": _table(_last(source.frame("throttles")), _THROTTLES),
        "nodes": _table(source.frame("nodes"), _NODES),
        "environment": _environment(facts),
        "scenario": facts.get("scenario", {}).get("source"),
    }


def _table(frame: pd.DataFrame, columns: _Columns) -> dict[str, Any]:
    """Return the first rows of a frame as texts, and how many more there are."""
    chosen = frame[[name for name, _ in columns.values()]].head(_MOST_ROWS)
    shown = [show for _, show in columns.values()]
    return {
        "heads": [(title, show is not str) for title, (_, show) in columns.items()],
        "rows": [
            ["" if pd.isna(value) else show(value) for value, show in zip(row, shown, strict=True)]
            for row in chosen.itertuples(index=False, name=None)
        ],
        "more": f"{more:,}" if (more := len(frame) - len(chosen)) else "",
    }


def _tracebacks(errors: pd.DataFrame) -> list[tuple[str, str]]:
    """Return kind and text of each traceback once; the actions that fail alike share it."""
    known = errors[errors["traceback"].fillna("") != ""].drop_duplicates("traceback")
    pairs = known[["kind", "traceback"]].head(_MOST_ROWS)
    return list(pairs.itertuples(index=False, name=None))


def _last(throttles: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of each throttle last, and what it came to."""
    by = throttles.groupby(["name", "node"], observed=True, sort=True)
    last = by[["rate", "interval", "waiting"]].last()
    return last.join(by[["requested", "granted"]].sum()).reset_index()


def _environment(facts: Mapping[str, Any]) -> dict[str, object]:
    host = facts.get("host", {})
    named = {
        "murmur": facts.get("murmur"),
        "Python": facts.get("python"),
        "platform": facts.get("platform"),
        "host": host.get("name"),
        "CPUs": host.get("cpus"),
        "scenario's SHA-256": facts.get("scenario", {}).get("sha256"),
    }
    return {name: value for name, value in named.items() if value}


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _moment(summary: Summary, facts: Mapping[str, Any]) -> str:
    """Return when the run started, in words."""
    if summary.rehearsed:
        return "rehearsed in virtual time"
    if not facts.get("wall_started_at"):
        return "started at an unknown time"
    return f"started {pd.Timestamp(str(facts['wall_started_at'])):%Y-%m-%d %H:%M:%S} UTC"


def _text_of(name: str) -> str:
    return (files("murmur.results") / name).read_text(encoding="utf-8")


_count, _seconds = "{:,.0f}".format, "{:,.2f}".format
_ACTIONS: _Columns = {
    "action": ("name", str),
    "count": ("count", _count),
    "failed": ("failed", _count),
    "per second": ("rate", _number),
    "response p50": ("response_p50", duration_text),
    "p95": ("response_p95", duration_text),
    "p99": ("response_p99", duration_text),
    "max": ("response_max", duration_text),
    "service p50": ("service_p50", duration_text),
    "service p99": ("service_p99", duration_text),
}
_ERRORS: _Columns = {
    "of": ("source", str),
    "name": ("name", str),
    "error": ("error", str),
    "count": ("count", _count),
    "users": ("users", _count),
    "first at [s]": ("first_at", _seconds),
    "last at [s]": ("last_at", _seconds),
}
_CHANGES: _Columns = {
    "at [s]": ("at", _seconds),
    "who": ("who", str),
    "what": ("what", str),
    "old": ("old", str),
    "new": ("new", str),
}
_THROTTLES: _Columns = {
    "throttle": ("name", str),
    "node": ("node", str),
    "last rate": ("rate", _number),
    "per [s]": ("interval", _number),
    "requested": ("requested", _count),
    "granted": ("granted", _count),
    "still waiting": ("waiting", _count),
}
_NODES: _Columns = {
    "node": ("node", str),
    "host": ("host", str),
    "how it ended": ("outcome", str),
    "users": ("users", _count),
    "actions": ("actions", _count),
    "failed": ("failed", _count),
}
