"""A manifest says in what two runs differ, and what only one of them tells."""

from __future__ import annotations

from murmur.results import Manifest


def test_what_an_older_murmur_did_not_write_down_is_not_called_a_difference() -> None:
    older = Manifest({"settings": {"pace": 1.0}, "plan": {"users": 20}})
    newer = Manifest({"settings": {"pace": 0.5}, "plan": {"users": 20, "end_when_idle": False}})

    assert older.diff(newer) == [
        "settings pace differs: 1.0, then 0.5",
        "plan end_when_idle is told of the second alone: False",
    ]
    assert newer.diff(older)[1] == "plan end_when_idle is told of the first alone: False"


def test_a_value_that_is_none_is_a_value() -> None:
    bounded, endless = Manifest({"plan": {"seconds": 6}}), Manifest({"plan": {"seconds": None}})

    assert bounded.diff(endless) == ["plan seconds differs: 6, then None"]
