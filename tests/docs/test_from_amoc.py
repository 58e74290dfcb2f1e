"""Every function, event and variable of amoc has its line, or a reason why it has none."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest

from murmur.telemetry import CATALOGUE

PAGE = (Path(__file__).parents[2] / "docs/reference/from-amoc.md").read_text(encoding="utf-8")
TESTS = Path(__file__).parents[1]
PAGE_OF_GUIDES = TESTS.parent / "docs" / "reference" / "amoc-guides.md"
FUNCTIONS = {
    "amoc": ["do/3", "add/1", "remove/2", "stop/0", "reset/0"],
    "amoc_dist": [
        *("do/3", "add/1", "add/2", "remove/2", "remove/3"),
        *("update_settings/1", "update_settings/2", "stop/0", "get_state/0"),
    ],
    "amoc_cluster": [
        *("connect_nodes/1", "ping/1", "set_master_node/1", "on_new_connection/1"),
        *("get_status/0", "all_nodes/0", "slave_nodes/0", "master_node/0"),
    ],
    "amoc_controller": [
        *("start_scenario/2", "stop_scenario/0", "add_users/2", "remove_users/2"),
        *("update_settings/1", "get_status/0", "disable/0", "wait_user_rate/0"),
    ],
    "amoc_config": ["get/1", "get/2"],
    "amoc_config_env": ["get/2"],
    "amoc_config_verification": ["process_scenario_config/2"],
    "amoc_config_scenario": ["get_default_configuration/1", "get_current_configuration/0"],
    "amoc_user": ["stop/0", "stop/2"],
    "amoc_throttle": [
        *("start/2", "stop/1", "send/2", "send/3", "wait/1", "run/2", "pause/1", "resume/1"),
        *("unlock/1", "change_rate/2", "change_rate_gradually/2"),
        # Types, which the guides name as they name functions.
        *("rate/0", "interval/0", "interarrival/0", "name/0", "t/0", "plan/0"),
        *("gradual/0", "gradual_plan/0"),
    ],
    "amoc_coordinator": [
        *("start/2", "start/3", "add/2", "add/3", "notify/2", "stop/1", "reset/1"),
    ],
    "amoc_scenario": ["init/1", "start/3", "terminate/2"],
    "amoc_code_server": [
        *("add_module/1", "distribute_modules/1", "does_scenario_exist/1"),
        *("list_scenario_modules/0", "list_configurable_modules/0"),
    ],
    "amoc_telemetry": ["execute/3"],
}
VARIABLES = ["NODES", "USER_RATE", "EXTRA_CODE_PATHS", "INTERARRIVAL", "GRAPHITE_HOST",
             "GRAPHITE_PORT", "GRAPHITE_PREFIX", "API_PORT", "PROMETHEUS_PORT",
             "PROMETHEUS_IP"]  # fmt: skip
# Events of amoc; murmur has them all but one, which the page explains.
EVENTS = [name.removeprefix("amoc.") for name in CATALOGUE] + ["config.get"]
OF_AMOC = re.compile(r"(scenario|controller|throttle|coordinator|config|cluster)\.")
OURS = {"throttle.failure", "coordinator.overflow", "coordinator.failure", "coordinator.unfinished",
        "config.failure", "config.update", "config.local"}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "function"),
    [(module, function) for module, functions in FUNCTIONS.items() for function in functions],
)
def test_a_function_has_its_line(module: str, function: str) -> None:
    """In full, so that whoever searches the page for it finds it."""
    firsts = [row.split(" | ")[0] for row in PAGE.splitlines() if row.startswith("| ")]

    assert any(f"`{module}:{function}`" in first for first in firsts)


@pytest.mark.parametrize(
    "event", [name for name in EVENTS if OF_AMOC.match(name) and name not in OURS]
)
def test_an_event_has_its_line(event: str) -> None:
    stem, _, last = event.rpartition(".")

    assert re.search(rf"^\| `{stem}\..*\.?{last}`", PAGE, re.MULTILINE)


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_has_its_line(variable: str) -> None:
    assert re.search(rf"^\| .*`AMOC_{variable}`", PAGE, re.MULTILINE)


def test_what_it_became_is_there() -> None:
    rows = [row.split(" | ") for row in PAGE.splitlines() if row.startswith("| ")]
    named = {
        name
        for row in rows
        for name in re.findall(r"`((?:Session|Run|User|Throttle|Coordinator)\.\w+)`", row[1])
    }
    gone = []
    for name in sorted(named):
        try:
            pkgutil.resolve_name(f"murmur.{name}")
        except AttributeError:
            gone.append(name)

    assert len(named) > 20
    assert set(gone) <= {"Run.settings"}  # set in __init__


GUIDES = PAGE_OF_GUIDES.read_text(encoding="utf-8")
STATEMENTS = [row.strip("| ").split(" | ") for row in GUIDES.splitlines() if row.startswith("| ")]


def test_each_statement_of_the_guides_has_its_test_or_its_reason() -> None:
    texts = [path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")]
    there = {name for text in texts for name in re.findall(r"def (test_\w+)\(", text)}
    rows = [row for row in STATEMENTS if row[0] not in ("amoc says", "---")]
    named = {name for row in rows for name in re.findall(r"`(test_\w+)`", row[-1])}

    assert len(rows) == 137
    assert named - there == set()
    without = [row[0] for row in rows if not re.search(r"`test_\w+`", row[-1])]
    reasons = [row[1] for row in rows if row[0] in without]
    assert all(reason.startswith("differs: ") for reason in reasons), without
