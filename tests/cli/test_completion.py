"""Tab in a shell offers the settings of the scenario in the line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from murmur._cli._commands import murmur

CHAT = '''
import missing_on_purpose
import murmur
from traitlets import Bool, Enum, Float

class Chat(murmur.Scenario):
    """Users chat."""
    pace = Float(1.0, help="seconds between messages")
    mode = Enum(["fast", "fair"], "fair", help="how to choose")
    quiet = Bool(False, help="whether to say nothing")
    async def start(self, user): ...
'''


@pytest.fixture
def tab(tmp_path: Path):
    """Return a function that completes the last word after a scenario's file."""
    path = tmp_path / "chat.py"
    path.write_text(CHAT, encoding="utf-8")

    def complete(command: str, incomplete: str, scenario: str = str(path)) -> list[str]:
        shell = ShellComplete(murmur, {}, "murmur", "_MURMUR_COMPLETE")
        offers = shell.get_completions([command, scenario, "--set"], incomplete)
        return [offer.value for offer in offers]

    return complete


@pytest.mark.parametrize("command", ["run", "capacity"])
def test_settings_are_offered_without_importing_the_file(tab, command):
    assert {"pace=", "mode=", "quiet=", "user_rate="} <= set(tab(command, ""))
    assert tab(command, "pa") == ["pace="]


def test_the_values_that_a_setting_may_have(tab):
    assert tab("run", "mode=fa") == ["mode=fast", "mode=fair"]
    assert tab("run", "quiet=") == ["quiet=true", "quiet=false"]


def test_where_nothing_can_be_read_nothing_is_offered(tab):
    assert tab("run", "", scenario="nowhere.py") == []
    assert tab("run", "", scenario="http://127.0.0.1:1/") == []
