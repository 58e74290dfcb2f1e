"""A report: one HTML file about one run, which opens anywhere and asks no network.

Charts are Vega-Lite specifications beside one copy of Vega.  Whatever a run measured may
hold text of strangers (an error's message is often the server's), so all of it is escaped;
and should that ever fail, the page's policy still runs no script but its own two, and lets
none of them load or send anything.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any, TypeAlias

import pandas as pd

from murmur._vega import script
from murmur.errors import MissingExtraError

from ._effects import effect_lines, effects
from ._results import Results
from ._source import Source
from ._summary import Summary, duration_text
from ._write import write_text
from .checks._table import Checks

__all__ = ["write"]

_MOST_ROWS = 100  # of a table
_ADVICE = {
    "valid": "The generator kept up and carried out its plan: these numbers can be relied on.",
    "suspect": "Look twice before you use the numbers.",
    "invalid": "Do not use the numbers: they do not tell of the load that was meant.",
}
# Name of a chart, and the frame without which it has nothing to show.
_CHARTS = {
    "population": "population",
    "throughput": "windows",
    "latency": "windows",
    "service": "windows",
    "heatmap": "actions",
    "distribution": "actions",
    "throttles": "throttles",
    "errors": "errors",
    "users": "users",
    "outcomes": "users",
    "health": "health",
}

# Title of a column, where it is from, and how its values are written; numbers to the right.
_Columns: TypeAlias = Mapping[str, tuple[str, Callable[[Any], str]]]


def write(source: Source, path: Path, checks: Checks | None = None) -> Path:
    """Write the report of `source` to the file `path`, and return it."""
    specs = _specs(Results(source))
    bundle, program = _bundle(), _text_of("_report.js")
    summary, facts = source.summary(), source.facts()
    page = Template(_text_of("_report.html")).substitute(
        policy=escape(_policy(bundle, program)),
        title=escape(f"{summary.scenario or 'Run'} {summary.run_id}"),
        subtitle=escape(
            f"{_moment(facts.get('wall_started_at'))}, {duration_text(summary.elapsed)}, "
            f"seed {summary.seed}"
        ),
        body="\n".join(_sections(source, summary, facts, charts=list(specs), checks=checks)),
        # The one character with which anything but text can begin.
        charts=json.dumps(specs, allow_nan=False).replace("<", "\\u003c"),
        bundle=bundle,
        program=program,
    )
    write_text(path, page)
    return path


def _specs(results: Results) -> dict[str, Any]:
    """Return the specification of each chart that has something to show."""
    try:
        import altair as alt

        from murmur import charts
    except ImportError as error:
        raise MissingExtraError("results.report", "notebook", str(error.name)) from error
    if find_spec("vl_convert") is None:  # it works in a process of its own
        raise MissingExtraError("results.report", "notebook", "vl_convert")
    # Whatever the notebook chose, here the rows have to be inside.
    with alt.data_transformers.enable("default", max_rows=None):
        return {
            name: {**charts.draw(name, results).to_dict(), "width": "container"}
            for name, frame in _CHARTS.items()
            if not getattr(results, frame).empty
        }


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


def _sections(
    source: Source,
    summary: Summary,
    facts: Mapping[str, Any],
    *,
    charts: Sequence[str],
    checks: Checks | None,
) -> Iterator[str]:
    yield _verdict(summary)
    if checks is not None and len(checks):
        yield _section("Checks", f'<div class="wide">{checks._repr_html_()}</div>')
    yield _section("Users", _counts(summary.users) or "<p>There were none.</p>")
    yield _section("Actions", _table(summary.to_frame(), _ACTIONS) or "<p>None was recorded.</p>")
    if charts:
        figures = "".join(f'<figure id="{escape(name)}"></figure>' for name in charts)
        yield _section("Charts", f'<div class="charts">{figures}</div>')
    errors = source.frame("errors")
    yield _section("Errors", _table(errors, _ERRORS) + _tracebacks(errors))
    yield _section("Changes while it ran", _changes(source))
    yield _section(
        "Settings at the start", _pairs(facts.get("settings_at_start", facts.get("settings", {})))
    )
    paces = "".join(f"<p>{escape(line)}</p>" for line in summary.pace_lines)
    yield _section("Throttles", paces + _table(_last(source.frame("throttles")), _THROTTLES))
    yield _section("Nodes", _table(source.frame("nodes"), _NODES))
    yield _section("Environment", _pairs(_environment(facts)))
    text = facts.get("scenario", {}).get("source")
    if text:
        yield _section("Scenario", _folded("Its source", str(text)))


def _verdict(summary: Summary) -> str:
    verdict = summary.verdict
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    return (
        f'<section class="verdict {escape(verdict.state)}"><b>{escape(verdict.state)}</b>. '
        f"{_ADVICE.get(verdict.state, '')}{f'<ul>{reasons}</ul>' if reasons else ''}</section>"
    )


def _section(title: str, content: str) -> str:
    """Return a part of the page; nothing without content."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>" if content else ""


def _counts(counts: Mapping[str, int]) -> str:
    cells = (
        f"<div><dt>{escape(name)}</dt><dd>{count:,}</dd></div>" for name, count in counts.items()
    )
    content = "".join(cells)
    return f'<dl class="counts">{content}</dl>' if content else ""


def _pairs(values: Mapping[str, object]) -> str:
    rows = "".join(
        f"<tr><th scope=row>{escape(str(name))}</th><td><code>{escape(str(value))}</code></td></tr>"
        for name, value in values.items()
    )
    return f'<div class="wide"><table>{rows}</table></div>' if rows else ""


def _table(frame: pd.DataFrame, columns: _Columns) -> str:
    """Return the first rows of a frame as a table; nothing of a frame without rows."""
    if frame.empty:
        return ""
    head = "".join(_cell("th", title, shown) for title, (_, shown) in columns.items())
    chosen = frame[[name for name, _ in columns.values()]].head(_MOST_ROWS)
    body = "".join(
        f"<tr>{_row(row, [shown for _, shown in columns.values()])}</tr>"
        for row in chosen.itertuples(index=False, name=None)
    )
    more = len(frame) - len(chosen)
    rest = f'<p class="quiet">and {more:,} more</p>' if more else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>{rest}'


def _row(values: Iterable[Any], shown: Iterable[Callable[[Any], str]]) -> str:
    pairs = zip(values, shown, strict=True)
    return "".join(
        _cell("td", "" if pd.isna(value) else show(value), show) for value, show in pairs
    )


def _cell(tag: str, text: str, shown: Callable[[Any], str]) -> str:
    return f"<{tag}{'' if shown is str else ' class=number'}>{escape(text)}</{tag}>"


def _changes(source: Source) -> str:
    """Return the changes, and in small print what came of them."""
    table = _table(source.frame("changes"), _CHANGES)
    lines = "<br>".join(map(escape, effect_lines(effects(source)))) if table else ""
    head = "<b>Before and after</b>, where the difference is surely more than chance:<br>"
    return table + (f'<p class="quiet">{head}{lines}</p>' if lines else "")


def _tracebacks(errors: pd.DataFrame) -> str:
    """Return each traceback once; the actions that fail alike share it."""
    known = errors[errors["traceback"].fillna("") != ""].drop_duplicates("traceback")
    pairs = known[["kind", "traceback"]].head(_MOST_ROWS).itertuples(index=False, name=None)
    return "".join(_folded(f"Traceback of one {kind}", text) for kind, text in pairs)


def _folded(title: str, text: str) -> str:
    head = f"<summary>{escape(title)}</summary>"
    return f"<details class=folded>{head}<pre>{escape(text)}</pre></details>"


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


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _seconds(value: float) -> str:
    return f"{value:,.2f}"


def _moment(text: object) -> str:
    if not text:
        return "started at an unknown time"
    return f"started {pd.Timestamp(str(text)):%Y-%m-%d %H:%M:%S} UTC"


def _text_of(name: str) -> str:
    return (files("murmur.results") / name).read_text(encoding="utf-8")


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
