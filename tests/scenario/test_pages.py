"""The pages about scenarios say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from murmur.errors import ConfigError
from murmur.scenario import RESERVED, Scenario, callbacks, resolve, scenarios_in, settings_of

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference/settings.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to/write-a-scenario.md").read_text(encoding="utf-8")
LABELS = [
    f"{area}-{number}"
    for area, last in (("SCN", 4), ("ATT", 5), ("ENV", 4), ("CFG", 12), ("VER", 4))
    for number in range(1, last + 1)
]


@pytest.fixture(scope="module")
def how_to() -> dict[str, object]:
    """Return what the how-to defines, all but its run."""
    names: dict[str, object] = {"__name__": "how_to"}
    for block in re.findall(r"^```python\n(.*?)^```", HOW_TO, re.DOTALL | re.MULTILINE):
        if "session.do" not in block:
            exec(block, names)
    return names


def test_every_scenario_of_the_how_to_is_fit_to_run(how_to):
    scenarios = scenarios_in(how_to)

    plain = {"Blocking"}
    named = {"Ping", "Chat", "Paced", "Ranged", "Watched", "SecureChat"}
    assert set(scenarios) == named | plain
    for name, cls in scenarios.items():
        assert callbacks(cls).start.is_async == (name not in plain)
        required = {"token": "x"} if "token" in settings_of(cls) else {}
        assert resolve(cls, required, environment={}).values["user_rate"] == 1200


def test_the_error_of_the_how_to_is_the_one_that_comes(how_to):
    with pytest.raises(ConfigError) as caught:
        resolve(how_to["Chat"], {"prot": 9000, "tone": "rude"}, environment={})

    assert all(f"- {problem}\n" in HOW_TO for problem in caught.value.problems)


@pytest.mark.parametrize("name", settings_of(Scenario))
def test_every_setting_of_the_base_has_its_heading(name):
    assert f"\n### {name}\n" in REFERENCE


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_every_reserved_name_is_told(name):
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("label", LABELS)
def test_every_check_of_amoc_has_its_line(label):
    assert REFERENCE.count(f"\n| {label} | ") == 1
