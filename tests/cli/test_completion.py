"""Tab in a shell offers the settings of the scenario in the line."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from shlex import quote

import pytest
from click.shell_completion import ShellComplete

from murmur._cli import main
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


def test_behind_the_colon_of_a_file_come_its_scenarios(tmp_path):
    path = tmp_path / "both.py"
    path.write_text(CHAT + CHAT.replace("class Chat", "class Crowd"), encoding="utf-8")
    shell = ShellComplete(murmur, {}, "murmur", "_MURMUR_COMPLETE")

    for command in ("run", "describe", "capacity"):
        offers = [offer.value for offer in shell.get_completions([command], f"{path}:C")]
        assert offers == [f"{path}:Chat", f"{path}:Crowd"]
    assert shell.get_completions(["run"], f"{path}:X") == []
    assert shell.get_completions(["run"], f"{tmp_path / 'nowhere.py'}:C") == []


def test_where_nothing_can_be_read_nothing_is_offered(tab):
    assert tab("run", "", scenario="nowhere.py") == []
    assert tab("run", "", scenario="http://127.0.0.1:1/") == []


BASH = """\
source completion.bash
compopt() { echo "$2"; }
tab() { COMP_LINE="$1" COMP_POINT=${#1} COMP_WORDBREAKS=$' \\t\\n"=:'
        _murmur_completion murmur; printf '%s\\n' "${COMPREPLY[@]}"; }
"""


@pytest.fixture
def bash(tmp_path: Path):
    """Return a function that presses Tab behind a line in a real bash."""
    (tmp_path / "chat.py").write_text(CHAT, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = partial(
        subprocess.run, cwd=tmp_path, env=os.environ | {"PATH": path}, text=True, check=True
    )
    with (tmp_path / "completion.bash").open("w", encoding="utf-8") as file:
        run(["murmur", "completion", "bash"], stdout=file)

    def tab(*lines: str) -> list[list[str]]:
        script = BASH + "".join(f"tab {quote(line)}; echo --\n" for line in lines)
        told = run(["bash", "-c", script], stdout=subprocess.PIPE).stdout
        return [each.split() for each in told.split("--\n")[:-1]]

    return tab


def test_bash_puts_values_behind_the_equals_sign_at_which_it_parts_words(bash):
    values, joined, name, quoted, files, scenario = bash(
        "murmur run chat.py --set mode=fa",
        "murmur run chat.py:Chat --set=mode=fa",
        "murmur run chat.py --set=mo",
        "murmur run chat.py --set 'mode=fa",
        "murmur run ch",
        "murmur run chat.py:Ch",
    )
    assert scenario == ["Chat"]  # the file stands before the colon already
    assert values == joined == ["fast", "fair"]
    assert name == ["nospace", "mode="]  # the cursor stays behind it
    assert quoted == ["mode=fast", "mode=fair"]  # nothing is parted between quotes
    assert files == ["default"]  # what bash itself offers


ZSH = """\
compdef() {}
_describe() { print "describe $@"; print -l ${(P)3} }
compadd() { print "add $@" }
source completion.zsh
words=(murmur run chat.py --set "$1") CURRENT=5
_murmur_completion
"""


def test_zsh_leaves_the_cursor_behind_a_name_that_lacks_its_value(tmp_path, program):
    zsh = program("zsh")
    (tmp_path / "chat.py").write_text(CHAT, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = partial(
        subprocess.run, cwd=tmp_path, env=os.environ | {"PATH": path}, text=True, check=True
    )
    with (tmp_path / "completion.zsh").open("w", encoding="utf-8") as file:
        run(["murmur", "completion", "zsh"], stdout=file)

    name, value = (
        run([zsh, "-f", "-c", ZSH, "zsh", word], stdout=subprocess.PIPE).stdout.splitlines()
        for word in ("pa", "mode=fas")
    )
    assert name == ["describe -V told open_told -U -S ", "pace=:seconds between messages"]
    assert value == ["add -U -V plain -a plain"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_put_what_is_offered_in_place_of_the_whole_word(shell, monkeypatch, capsys):
    line = ["murmur", "run", "--progress=pl"]
    word = line[-1] if shell == "fish" else str(len(line) - 1)
    monkeypatch.setenv("COMP_WORDS", " ".join(line))
    monkeypatch.setenv("COMP_CWORD", word)
    monkeypatch.setenv("_MURMUR_COMPLETE", f"{shell}_complete")
    with pytest.raises(SystemExit):
        main([])
    assert "--progress=plain" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["run"], "file"),
        (["describe"], "file"),
        (["compare", "before"], "file"),
        (["report", "results", "--csv"], "dir"),
        (["run", "chat.py", "--junit"], "file"),
    ],
)
def test_where_a_file_or_directory_is_wanted_the_shell_offers_its_own(words, kind):
    shell = ShellComplete(murmur, {}, "murmur", "_MURMUR_COMPLETE")
    assert [each.type for each in shell.get_completions(words, "")] == [kind]
