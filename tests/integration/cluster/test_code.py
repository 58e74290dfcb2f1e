"""Code on its way to nodes: of cells, of modules that only one side has, and of new versions."""

from __future__ import annotations

import math
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import pytest
from traitlets import Int, Unicode

import murmur
from murmur.errors import InvalidScenarioError


def cell(source: str) -> dict[str, Any]:
    """Run a cell of a notebook; what it defines lives in ``__main__``, as there."""
    namespace = {"__name__": "__main__"}
    exec(textwrap.dedent(source), namespace)
    return namespace


HELPER = textwrap.dedent("""
    import murmur

    def word():
        return "helped"

    class Plain(murmur.Scenario):
        async def start(self, user):
            user.count(word())

    class Carried(Plain):
        modules = ["only_here"]
""")


@pytest.fixture
def helper(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Return a module that was made in this process, and has no source to send."""
    module = types.ModuleType("only_here")
    monkeypatch.setitem(sys.modules, "only_here", module)
    exec(HELPER, module.__dict__)
    return module


def counted(session: murmur.Session, scenario: Any) -> set[str]:
    """Return what the users of a run counted, which ended by itself."""
    run = session.do(scenario, 4, user_rate=math.inf, end_when_idle=True)
    run.wait(timeout=60)
    return set(run.results.counters["name"])


def test_a_class_of_a_cell_travels_with_what_it_uses(session: murmur.Session, nodes: Any) -> None:
    nodes.start("one", "two")
    namespace = cell("""
        import murmur

        GREETING = "hello"

        def greet():
            return GREETING

        class Greets(murmur.Scenario):
            async def start(self, user):
                user.count(greet())
    """)

    assert counted(session, namespace["Greets"]) == {"hello"}


def test_a_class_that_is_defined_again_is_the_new_one(session: murmur.Session, nodes: Any) -> None:
    nodes.start("one")
    source = """
        import murmur

        class Says(murmur.Scenario):
            async def start(self, user):
                user.count("{word}")
    """

    assert counted(session, cell(source.format(word="first"))["Says"]) == {"first"}
    assert counted(session, cell(source.format(word="second"))["Says"]) == {"second"}


def test_a_module_that_only_the_steering_kernel_has_is_missed_by_name(
    session: murmur.Session, nodes: Any, helper: Any
) -> None:
    """INT-2: what is not on a node's path is not there."""
    nodes.start("one", "two")

    with pytest.raises(InvalidScenarioError, match=r"no module 'only_here'.*modules ="):
        session.do(helper.Plain, 1)


def test_a_module_that_is_named_travels_with_the_class(
    session: murmur.Session, nodes: Any, helper: Any
) -> None:
    """INT-3: it can be used where it could not be imported, and stays unknown elsewhere."""
    nodes.start("one", "two")

    assert counted(session, helper.Carried) == {"helped"}
    with pytest.raises(InvalidScenarioError):
        session.do(helper.Plain, 1)


def test_a_scenario_of_a_file_travels(session: murmur.Session, nodes: Any, tmp_path: Path) -> None:
    nodes.start("one")
    file = tmp_path / "filed.py"
    file.write_text(
        "import murmur\n"
        "class Filed(murmur.Scenario):\n"
        "    async def start(self, user):\n"
        "        user.count('filed')\n"
    )

    assert counted(session, str(file)) == {"filed"}


def test_what_cannot_be_copied_is_refused_with_a_reason(
    session: murmur.Session, nodes: Any
) -> None:
    nodes.start("one")
    namespace = cell("""
        import socket

        import murmur

        line = socket.socket()

        class Holds(murmur.Scenario):
            async def start(self, user):
                user.count(str(line.fileno()))
    """)
    with namespace["line"], pytest.raises(InvalidScenarioError, match="make in init"):
        session.do(namespace["Holds"], 1)


class Labelled(murmur.Scenario):
    """Users count by which interface their node sends."""

    interface = Unicode("eth0", help="to send by").tag(local=True, live=True)
    port = Int(1, min=1, max=65535, help="to connect to").tag(local=True)

    async def start(self, user: murmur.User) -> None:
        user.count(self.interface)


def by_node(run: murmur.Run) -> dict[str, str]:
    frame = run.results.counters
    return dict(zip(frame["node"].astype(str), frame["name"].astype(str), strict=True))


def test_each_node_has_its_own_local_settings(
    session: murmur.Session, nodes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMOC_INTERFACE", "eth9")  # that of the session, and of its children
    nodes.start("a", prefix=("env", "AMOC_INTERFACE=eth1"))
    nodes.start("b", prefix=("env", "-u", "AMOC_INTERFACE"))
    run = session.do(Labelled, 4, user_rate=math.inf, end_when_idle=True)
    run.wait(timeout=60)
    told = run.results.events.query("name == 'amoc.config.local'")

    assert by_node(run) == {"a": "eth1", "b": "eth0"}
    assert told["node"].astype(str).tolist() == ["a"]

    run = session.do(
        Labelled, 4, user_rate=math.inf, end_when_idle=True, interface="eth5"
    )  # an argument is the same everywhere
    run.wait(timeout=60)
    assert by_node(run) == {"a": "eth5", "b": "eth5"}


def test_a_local_setting_that_a_node_cannot_read_is_a_remark_that_names_the_node(
    session: murmur.Session, nodes: Any
) -> None:
    nodes.start("a", prefix=("env", "AMOC_PORT=many"))
    nodes.start("b")
    run = session.do(Labelled, 4, user_rate=math.inf, end_when_idle=True)
    run.wait(timeout=60)

    assert "AMOC_PORT='many' is not usable on node a (expected an int" in str(
        run.results.verdict.reasons
    )


def test_a_local_setting_that_does_not_fit_starts_nothing(
    session: murmur.Session, nodes: Any
) -> None:
    nodes.start("a", prefix=("env", "AMOC_PORT=70000"))
    nodes.start("b")
    with pytest.raises(murmur.MurmurError, match="AMOC_PORT"):
        session.do(Labelled, 4)

    assert session.status().state == "failed"
    assert session.status().highest_id == 0
