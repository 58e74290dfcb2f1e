"""A scenario is found however it is named, and if not, the reason is one sentence."""

from __future__ import annotations

import inspect
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from murmur.errors import InvalidScenarioError, UnknownScenarioError
from murmur.scenario import Scenario, find, is_from_file, scenarios_in

CHAT = """
    from murmur.scenario import Scenario

    class Chat(Scenario):
        '''Users chat.'''

        async def start(self, user):
            return 1
"""


class Chat(Scenario):
    async def start(self, user): ...


class Mixin(Scenario):
    """Has no start."""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes a file and returns its path."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)

    def write_file(source: str, name: str = "chat.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    yield write_file
    for name in set(sys.modules) - before:
        del sys.modules[name]


def refusal(reference: object, namespace: dict[str, object] | None = None) -> UnknownScenarioError:
    with pytest.raises(UnknownScenarioError) as caught:
        find(reference, namespace or {})
    return caught.value


def test_a_class_is_its_own_name():
    assert find(Chat, {}) is Chat


@pytest.mark.parametrize("cls", [int, Scenario])
def test_a_class_that_is_no_scenario_is_refused(cls):
    with pytest.raises(InvalidScenarioError, match="derive the class from"):
        find(cls, {})


def test_an_instance_is_refused_with_what_to_give_instead():
    with pytest.raises(InvalidScenarioError, match="give the class Chat, not an instance"):
        find(Chat(), {})


def test_a_name_is_looked_up_among_the_variables():
    assert find("Chat", {"Chat": Chat}) is Chat


def test_a_misspelt_name_is_answered_with_what_was_meant():
    error = refusal("Caht", {"Chat": Chat, "other": 1})

    assert str(error) == (
        "cannot find scenario 'Caht': no scenario of that name; did you mean 'Chat'?"
    )


def test_a_file_without_its_suffix_is_answered_with_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chat.py").touch()

    assert str(refusal("chat", {})).endswith("no scenario of that name; did you mean 'chat.py'?")


@pytest.mark.parametrize(
    ("value", "kind"),
    [(5, "int object"), (int, "class"), (len, "builtin_function_or_method object")],
)
def test_a_variable_that_is_something_else_is_refused(value, kind):
    assert f"that is a {kind}, and no class derived" in str(refusal("x", {"x": value}))


def test_scenarios_of_a_notebook_are_those_a_person_could_start():
    namespace = {"Chat": Chat, "Mixin": Mixin, "Scenario": Scenario, "_": Chat, "_3": Chat, "n": 5}

    assert scenarios_in(namespace) == {"Chat": Chat}


def test_a_class_of_a_module(write, monkeypatch):
    monkeypatch.syspath_prepend(write(CHAT, "chat_in_a_module.py").parent)

    assert find("chat_in_a_module:Chat", {}).__name__ == "Chat"
    assert "did you mean 'Chat'" in str(refusal("chat_in_a_module:Caht"))


def test_a_module_that_cannot_be_imported_is_named_with_the_cause():
    error = refusal("no_such_package.chat:Chat")

    assert "importing no_such_package.chat failed with ModuleNotFoundError" in str(error)
    assert isinstance(error.__cause__, ModuleNotFoundError)


def test_a_dotted_class_is_answered_with_how_to_write_it():
    assert str(refusal("package.chat.Chat")).endswith("as 'package.chat:Chat'")


def test_the_one_scenario_of_a_file(write):
    path = write(CHAT)

    assert find(str(path), {}).__name__ == "Chat"
    assert find(path, {}).__name__ == "Chat"
    assert find("chat.py", {}).__name__ == "Chat"
    assert find(f"{path}:Chat", {}).__name__ == "Chat"


def test_bases_and_imported_scenarios_do_not_count_as_the_one_of_a_file(write):
    write(CHAT, "imported.py")
    path = write("""
        from imported import Chat
        from murmur.scenario import Scenario

        class Quiet(Scenario):
            pass

        class Loud(Quiet, Chat):
            pass
    """)

    assert find(path, {}).__name__ == "Loud"
    assert find(f"{path}:Chat", {}).__module__ == "imported"


def test_a_file_that_only_imports_one_scenario_gives_that(write):
    write(CHAT, "imported.py")

    assert find(write("from imported import Chat"), {}).__name__ == "Chat"


def test_a_file_with_several_scenarios_lists_them(write):
    path = write(CHAT + "\n    class Other(Chat):\n        pass\n")

    error = refusal(path)

    assert str(error).endswith(f"give {path}:Chat or {path}:Other")
    assert find(f"{path}:Other", {}).__name__ == "Other"


def test_a_misspelt_class_of_a_file_is_answered_with_what_was_meant(write):
    assert "did you mean 'Chat'" in str(refusal(f"{write(CHAT)}:Caht"))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def (", "SyntaxError"),
        ("raise SystemExit(2)", "SystemExit: 2"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_fails_is_reported_in_a_sentence_with_its_cause(write, source, sentence):
    modules = set(sys.modules)
    error = refusal(write(source))

    assert sentence in str(error)
    assert "\n" not in str(error)
    assert error.__cause__ is not None
    assert set(sys.modules) == modules
    if sentence != "SyntaxError":
        assert str(error).endswith(" (line 1 of chat.py)")


def test_a_file_whose_import_fails_is_told_with_both_lines(write):
    write("x = 1\nimport no_such_package\n", "helper_of_chat.py")
    path = write("import murmur\n\n\nimport helper_of_chat\n")

    assert str(refusal(path)).endswith(
        "No module named 'no_such_package' (line 4 of chat.py, then line 2 of helper_of_chat.py)"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.py", "No such file"),
        ("empty.py", "no scenario with a `start`"),
        ("notebook.ipynb", "a notebook can be described"),
    ],
)
def test_a_file_without_a_scenario_says_so(write, name, reason):
    write("", "empty.py")

    assert reason in str(refusal(name))


def test_a_misspelt_start_is_told_with_the_class_that_lacks_it(write):
    error = refusal(write(CHAT.replace("def start", "def strat")))

    assert "; Chat needs `async def start(self, user)`" in str(error)


def test_an_edited_file_gives_the_new_code(write):
    """Also within the second, and with the same size: no bytecode cache is asked."""
    first = find(write(CHAT), {})
    second = find(write(CHAT.replace("Users chat", "Users type")), {})

    assert (first.__doc__, second.__doc__) == ("Users chat.", "Users type.")
    assert "Users type" in inspect.getsource(second)


def test_an_edit_that_fails_leaves_the_last_good_code_in_place(write):
    first = find(write(CHAT), {})

    refusal(write("1 / 0"))

    assert sys.modules[first.__module__].Chat is first


def test_a_file_shadows_no_module_of_the_same_name(write):
    path = write(CHAT, "json.py")
    import json

    cls = find(path, {})

    assert sys.modules["json"] is json
    assert is_from_file(cls)
    assert not is_from_file(Chat)
    assert sys.modules[cls.__module__].Chat is cls
    assert str(path.parent) not in sys.path


def test_a_class_of_a_file_travels_by_value(write):
    cloudpickle = pytest.importorskip("cloudpickle")
    cls = find(write(CHAT), {})
    module = sys.modules[cls.__module__]

    cloudpickle.register_pickle_by_value(module)
    sent = cloudpickle.dumps(cls)
    cloudpickle.unregister_pickle_by_value(module)

    assert b"Users chat" in sent


def test_a_module_in_place_of_a_class_is_told_which_class_would_do() -> None:
    module = ModuleType("shop")
    module.Visitor = type("Visitor", (Scenario,), {"start": lambda self, user: None})

    with pytest.raises(UnknownScenarioError, match=r"'shop': it is a module; .*: shop\.Visitor$"):
        find(module, {})
    with pytest.raises(UnknownScenarioError, match="scenario 'None': give a class, its name"):
        find(None, {})


@pytest.mark.parametrize("half", [":Nap", "shop:", ":"])
def test_half_of_a_reference_is_answered_with_how_it_is_written(half: str) -> None:
    with pytest.raises(UnknownScenarioError, match=r"write 'package\.module:Class' or"):
        find(half, {})
