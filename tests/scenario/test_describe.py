"""A description from the source says what one of the class would say, and runs nothing."""

from __future__ import annotations

import json
import math
import textwrap
from pathlib import Path

import pytest

from murmur.errors import InvalidScenarioError, UnknownScenarioError
from murmur.scenario import Description, Descriptions, Scenario, SourceText, describe, find

EVERYTHING = '''
    """A file."""
    import math
    import murmur.scenario as ms
    import traitlets
    from traitlets import Any, Bool, Bytes, Dict, Enum, Float, HasTraits, Instance, Int as Whole
    from traitlets import List, Set, Tuple, Unicode, Union, default

    class Port(Whole):
        default_value = 5222

    class Tls(HasTraits):
        ca = Unicode("ca.pem", help="certificate").tag(required=False)
        port = Whole(443, help="port of the TLS server")

    class Quiet(ms.Scenario):
        grace = Float(0.5, min=0, max=10, help="less patience")
        user_rate = Float(600, min=0, help="more of them")

    class Everything(Tls, Quiet):
        """Users do everything.

        At length.
        """

        host = Unicode("127.0.0.1", help="host " "to connect to")
        port: int = traitlets.Int(8888, min=1, max=65535, help="port to connect to")
        other = Port(help="another port", min=1)
        pace = Float(default_value=1.0, min=0, help="pause").tag(live=True)
        rate = Float(float("inf"), help="no limit").tag(live=True).tag(other=1)
        down = Float(-math.inf, min=float("-inf"), help="far down")
        flag = Bool(help="a flag")
        mode = Enum(["a", "b", None], "a", help="mode")
        bare = Enum(values=("x", 2), help="no default")
        token = Unicode("hunter2", help="password").tag(secret=True)
        pin = Enum(["1234"], help="number").tag(secret=True, required=True)
        room = Unicode(help="where").tag(required=True)
        names = List(Unicode(), default_value=["a"], help="names")
        ids = List([1, 2], help="ids")
        none = List(Whole(), help="nothing")
        pair = Tuple((1, 2), help="a pair")
        chars = Set({"a"}, help="characters")
        table = Dict({"a": 1}, help="a table")
        raw = Bytes(b"x", help="bytes")
        what = Any(help="anything")
        either = Union([Whole(3), Unicode()], help="either")
        client = Instance(dict, allow_none=True, help="client")
        maybe = Whole(None, allow_none=True, help="maybe")
        url = Unicode(help="where")
        old = Unicode(help="by name")
        fixed = Whole(1, read_only=True, help="never live")
        internal = Whole(1).tag(setting=False)
        _private = Whole(1)
        not_a_setting = dict(help=1)

        @default("url")
        def _url(self):
            raise AssertionError

        def _old_default(self):
            raise AssertionError

        async def start(self, user):
            raise AssertionError
'''

HEADINGS = ("setting", "type", "default", "accepts", "tags")


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write_file(source: str, name: str = "chat.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    return write_file


def notebook(*cells: str) -> str:
    code = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"nbformat": 4, "cells": [{"cell_type": "markdown", "source": "x"}, *code]})


def test_a_class_and_its_source_are_described_alike(write):
    path = write(EVERYTHING)

    from_class = describe(find(f"{path}:Everything", {}))
    from_source = describe(f"{path}:Everything")

    assert [s.name for s in from_source.settings] == [s.name for s in from_class.settings]
    assert list(from_source.settings) == list(from_class.settings)
    assert from_source == from_class


def test_settings_are_told_as_the_class_declares_them(write):
    everything = describe(f"{write(EVERYTHING)}:Everything")

    assert (everything.name, everything.doc) == ("Everything", "Users do everything.")
    port = everything["port"]
    assert (port.type, port.default, port.limits) == ("Int", 8888, (1, 65535))
    assert (everything["host"].help, port.declared_in) == ("host to connect to", "Everything")
    assert everything["other"].default == 5222
    assert everything["rate"].default == math.inf
    assert everything["pace"].live
    assert not everything["fixed"].live
    assert everything["mode"].choices == ("a", "b", None)
    assert everything["room"].required
    assert everything["url"].default == SourceText("computed")
    assert (everything["ca"].declared_in, everything["grace"].declared_in) == ("Tls", "Quiet")
    assert everything["user_rate"].declared_in == "Quiet"
    assert everything["user_rate"].live
    with pytest.raises(KeyError):
        everything["internal"]


def test_a_secret_is_in_no_description(write):
    path = write(EVERYTHING)

    for description in (describe(f"{path}:Everything"), describe(find(f"{path}:Everything", {}))):
        text = repr(description) + description._repr_html_() + json.dumps(description.to_dict())
        assert "hunter2" not in text
        assert "1234" not in text


def test_scn_4_a_file_is_described_although_its_imports_are_missing(write):
    """Section 6.7: extraction without compiling."""
    path = write("""
        import no_such_package
        from no_such_package import Jid, PORT, ChatBase
        from murmur import Scenario
        from traitlets import *

        print("never printed" + 1 / 0)

        class Chat(ChatBase, Scenario):
            port = Int(PORT, max=PORT + 1, help="port to connect to")
            jid = Jid("a@b", help="who")
            text = Unicode("-".join(["a", "b"]), help=f"{PORT}")

            async def start(self, user): ...
    """)
    chat = describe(path)

    assert chat["port"].default == SourceText("PORT")
    assert chat["port"].limits == (None, "PORT + 1")
    assert (chat["jid"].type, chat["jid"].default) == ("Jid", "a@b")
    assert chat["text"].default == "'-'.join(['a', 'b'])"
    assert chat.unread_bases == ("no_such_package.ChatBase",)
    assert "Not read, as they are defined elsewhere: no_such_package.ChatBase" in repr(chat)


@pytest.mark.parametrize(
    ("imports", "base"),
    [
        ("import murmur", "murmur.Scenario"),
        ("import murmur as m", "m.Scenario"),
        ("from murmur import Scenario as S", "S"),
        ("import murmur.scenario", "murmur.scenario.Scenario"),
        ("try:\n    from murmur import Scenario\nexcept ImportError:\n    pass", "Scenario"),
        ("", "Scenario"),
    ],
)
def test_the_base_is_known_by_all_its_names(write, imports, base):
    path = write(f"{imports}\nclass Chat({base}):\n    def start(self, user): ...\n")

    assert [setting.name for setting in describe(path).settings] == ["user_rate", "grace"]


def test_a_file_with_several_scenarios_gives_them_all(write):
    path = write("""
        from murmur import Scenario

        class Common(Scenario):
            "No scenario by itself: it has no start."

        class First(Common):
            def start(self, user): ...

        class Server:
            def start(self): ...

        class Second(First): ...
    """)
    found = describe(path)

    assert isinstance(found, Descriptions)
    assert [description.name for description in found] == ["First", "Second"]
    assert repr(found).count("user_rate") == 2
    assert found._repr_html_().count("<table>") == 2
    assert [each["name"] for each in found.to_dict()] == ["First", "Second"]
    assert describe(f"{path}:Common").doc.startswith("No scenario by itself")


def test_a_class_that_is_not_there_is_answered_with_what_is(write):
    path = write("class Chat(Scenario):\n    def start(self, user): ...\n")

    with pytest.raises(UnknownScenarioError, match="did you mean 'Chat'"):
        describe(f"{path}:Caht")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("chat.py", "def (", "the file cannot be read"),
        ("chat.py", "x = 1", "there is no scenario in the file"),
        ("chat.ipynb", "no JSON", "the file cannot be read"),
        ("chat.ipynb", "[]", "it is not a notebook"),
    ],
)
def test_a_file_that_cannot_be_described_says_why(write, name, content, reason):
    with pytest.raises(UnknownScenarioError, match=reason):
        describe(write(content, name))


@pytest.mark.parametrize("what", ["no_such_file.py", "Chat", "package:Chat"])
def test_what_is_no_file_and_no_class_is_refused(what):
    with pytest.raises(UnknownScenarioError):
        describe(what)


def test_a_class_that_is_no_scenario_is_refused():
    with pytest.raises(InvalidScenarioError):
        describe(int)


def test_a_class_may_be_wrong_in_every_way_and_is_still_described(write):
    path = write("""
        class A(A): ...
        class Left(Scenario, object): ...
        class Right(object, Scenario): ...
        class Chat(Left, Right, make_base()):
            port = 5
            port = Int(1)
            user_rate = 6000
            def start(self, user): ...
    """)

    assert [setting.name for setting in describe(path).settings] == ["port", "grace"]


def test_a_notebook_is_described_cell_by_cell(write):
    path = write(
        notebook(
            "%load_ext murmur\nfrom traitlets import Int\nimport murmur",
            "this cell does not parse (",
            "%%bash\nclass Hidden(murmur.Scenario): pass",
            "files = !ls\nif files:\n    %time 1\nmurmur?",
            '%%amoc do Chat 10\nclass Chat(murmur.Scenario):\n    """Is it up?\n    """\n'
            '    port = Int(80, help="port")\n    async def start(self, user): ...',
            "class Chat(murmur.Scenario):\n"
            '    """Redefined."""\n'
            '    port = Int(81, help="port")\n'
            "    async def start(self, user): ...\n",
        ),
        "chat.ipynb",
    )
    chat = describe(path)

    assert (chat.doc, chat["port"].default) == ("Redefined.", 81)
    assert describe(f"{path}:Chat") == chat


def test_the_body_of_an_amoc_cell_counts(write):
    cell = "%%amoc do Chat\nclass Chat(Scenario):\n    'Is it up?'\n    def start(self, user): ..."

    assert describe(write(notebook(cell), "chat.ipynb")).doc == "Is it up?"


def test_a_description_is_an_aligned_table():
    lines = repr(describe(Scenario)).splitlines()

    assert lines[0].startswith("Scenario: What one virtual user does")
    assert lines[1].split() == [*HEADINGS, "declared", "in", "help"]
    assert lines[2].index("Float") == lines[3].index("Float") == lines[1].index("type")


def test_a_description_in_html_escapes_what_it_shows(write):
    path = write("""
        class Chat(Scenario):
            "<b>Bold</b>"
            text = Unicode("<i>", help="a & b")
            def start(self, user): ...
    """)
    html = describe(path)._repr_html_()

    assert "<b>" not in html
    assert "<i>" not in html
    assert "a &amp; b" in html


def test_a_description_as_plain_data_is_strict_json(write):
    data = describe(f"{write(EVERYTHING)}:Everything").to_dict()

    text = json.dumps(data, allow_nan=False)

    settings = {setting["name"]: setting for setting in json.loads(text)["settings"]}
    assert settings["rate"]["default"] == "inf"
    assert settings["port"]["limits"] == [1, 65535]
    assert settings["url"]["default"] == "computed"
    assert settings["table"]["default"] == {"a": 1}


def test_a_description_is_a_value():
    assert describe(Scenario) == describe(Scenario)
    assert isinstance(describe(Scenario), Description)
    with pytest.raises(AttributeError):
        describe(Scenario).name = "x"
