"""``%amoc open``, ``join``, ``nodes`` and ``leave`` with a real session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from murmur import Session
from murmur.jupyter import Amoc
from murmur.jupyter._cluster_verbs import CLUSTER_VERBS, nodes_of
from murmur.jupyter._verb import Call, Context, parse

VERBS = {verb.name: verb for verb in CLUSTER_VERBS}


@pytest.fixture
def type_(session: Session, tmp_path: Path) -> Iterator[Any]:
    """Return a function that does what a line after ``%amoc`` says."""
    before = Path.cwd()
    os.chdir(tmp_path)

    def typed(line: str) -> Any:
        name, *words = line.split()
        verb = VERBS[name]
        return verb.handler(Context(lambda: session, {}), parse(verb, words))

    yield typed
    os.chdir(before)


def test_a_kernel_opens_another_joins_and_leaves(type_: Any, session: Session) -> None:
    path = type_("open")

    assert path == Path("murmur-ticket")
    assert path.stat().st_mode & 0o777 == 0o600
    membership = type_("join murmur-ticket guest")
    assert list(type_("nodes")) == ["guest"]
    assert "<th scope='row'>guest</th>" in type_("nodes")._repr_html_()
    type_("leave")
    assert membership.is_over
    assert list(session.nodes) == ["local"]


def test_lines_steer_a_session_of_another_process_until_they_are_detached(
    session: Session, tmp_path: Path, whole_shell: InteractiveShell
) -> None:
    ticket = session.open().save(tmp_path / "ticket")
    looking = session.open(read_only=True).save(tmp_path / "look")
    with Session() as own:
        amoc = Amoc(whole_shell, own)
        there = amoc.amoc(f"attach {ticket}")
        try:
            assert isinstance(there, Session)
            assert amoc.amoc("nodes")["local"].pid == os.getpid()
            amoc.amoc("reset")
            amoc.amoc(f"attach {looking}")
            assert there.is_closed
            with pytest.raises(UsageError, match="look, and no more"):
                amoc.amoc("reset")
        finally:
            amoc.amoc("detach")
        assert amoc.context().session is own
        with pytest.raises(UsageError, match="attach --help"):
            amoc.amoc("detach")
    assert not session.is_closed


def test_who_is_no_node_cannot_leave(type_: Any) -> None:
    with pytest.raises(UsageError, match="no node"):
        type_("leave")


def test_nodes_are_named_with_commas() -> None:
    assert nodes_of(Call({"nodes": "a,b"})) == {"nodes": ["a", "b"]}
    assert nodes_of(Call()) == {}


def test_nodes_are_spawned_and_expelled(type_: Any, session: Session) -> None:
    assert type_("spawn 1") == ["spawned-1"]
    type_("expel spawned-1")

    assert list(session.nodes) == ["local"]
