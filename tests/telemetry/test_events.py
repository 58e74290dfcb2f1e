"""The catalogue says all there is to know about events."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from murmur.errors import InvalidArgumentError, UnknownNameError
from murmur.telemetry import CATALOGUE, check

from ..syntax import tree_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name",
    [
        *(
            f"scenario.{callback}.{moment}"
            for callback in ("init", "start", "terminate")
            for moment in ("start", "stop", "exception")
        ),
        "controller.users",
        *(f"throttle.{what}" for what in ("init", "rate", "request", "execute", "process")),
        *(
            f"coordinator.{what}"
            for what in ("start", "stop", "add", "reset", "timeout", "execute")
        ),
        *(f"config.{what}" for what in ("verify", "env")),
        *(f"cluster.{what}" for what in ("connect_nodes", "nodedown", "master_node_down")),
    ],
)
def test_every_event_of_amoc_is_there_under_its_name(name: str):
    assert f"amoc.{name}" in CATALOGUE


def test_every_event_that_the_source_names_is_in_the_catalogue():
    named = {
        node.value
        for path in (ROOT / "murmur").rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and re.fullmatch(r"amoc(\.[a-z_]+)+", str(node.value))
    }

    assert named - set(CATALOGUE) == set()


def test_what_comes_once_per_user_or_permit_is_frequent():
    frequent = {name for name, event_type in CATALOGUE.items() if event_type.frequent}

    assert frequent == {
        "amoc.http.request",
        "amoc.scenario.start.start",
        "amoc.scenario.start.stop",
        "amoc.scenario.start.exception",
        "amoc.user.up",
        "amoc.user.down",
        "amoc.throttle.request",
        "amoc.throttle.execute",
        "amoc.coordinator.add",
    }


def test_an_event_with_keys_that_are_listed_passes():
    check("amoc.throttle.rate", {"rate": 100.0}, {"name": "messages"})


def test_an_unknown_name_fails_with_what_was_probably_meant():
    with pytest.raises(UnknownNameError, match=r"amoc\.throttle\.execute"):
        check("amoc.throttle.executed", {}, {})


def test_a_measurement_that_is_not_listed_fails():
    with pytest.raises(InvalidArgumentError, match="no measurements 'rat'"):
        check("amoc.throttle.rate", {"rat": 1.0}, {})


def test_metadata_that_is_not_listed_fails():
    with pytest.raises(InvalidArgumentError, match="no metadata 'throttle'"):
        check("amoc.throttle.rate", {}, {"throttle": "messages"})
