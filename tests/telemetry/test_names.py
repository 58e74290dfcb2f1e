"""A name may be anything that a scenario gives: what was recorded can always be read."""

from __future__ import annotations

import json

import pytest

from murmur.recording import TABLES, RunRecord
from murmur.telemetry import Event, Labels, Recorder


def _rows(record: RunRecord, table: str) -> str:
    """Return a table as JSON whose text stands as it is, not escaped."""
    columns = record.table(table)
    plain = {
        name: column.decode() if isinstance(column, Labels) else list(column)
        for name, column in columns.items()
    }
    return json.dumps(plain, ensure_ascii=False, default=str)


@pytest.mark.parametrize(
    ("name", "text"), [("echo", "echo"), (None, "None"), (404, "404"), ("a\udc80", "a\\udc80")]
)
def test_whatever_a_name_was_every_table_can_be_read(name: object, text: str):
    """None and numbers become text; half a character becomes its escape."""
    recorder = Recorder(node="a", started_at=0.0, wall_started_at=0.0, now=lambda: 0.5)
    recorder.action(name, 1, 0.0, 0.0, 0.5, ValueError(name))
    recorder.action(name, 1, 0.0, 0.0, 0.5, str(name))
    recorder.count(name)
    recorder.gauge(name, 1.0)
    recorder.throttle(1.0, name, {"requested": 1})
    recorder.change(1.0, "session", f"throttle {name}", name, 2)
    recorder.event(Event("amoc.run.state", 1.0, 1.0, "a", "r1", {}, {"from": name}))
    recorder.user_gone(1, "failed", str(name), 0.0, 0.0, 1.0)
    recorder.users_dropped(2, 3, 1.0, str(name))
    record = RunRecord("r1", 0.0, 0.0)
    record.add(recorder.seal())

    for table in TABLES:
        assert _rows(record, table).encode("utf-8")
    for table in ("actions", "windows", "counters", "gauges", "throttles"):
        names = record.table(table)["name"]
        assert isinstance(names, Labels)
        assert set(names.decode()) == {text}
