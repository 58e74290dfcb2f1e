"""Processes whose ticket leads nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import murmur
from murmur.errors import JoinError


@pytest.mark.parametrize(
    ("address", "reason"),
    [("127.0.0.1:1", "connection refused"), ("a" * 70 + ":99", "not known")],
)
def test_where_nobody_listens_is_said_in_a_sentence(
    session: murmur.Session, address: str, reason: str
) -> None:
    with pytest.raises(JoinError) as caught:
        murmur.join(replace(session.open(), address=address))

    assert f"cannot join the session at {address}: " in str(caught.value)
    assert reason in str(caught.value)


def test_certificates_that_are_none_are_said_in_a_sentence(session: murmur.Session) -> None:
    ticket = session.open()
    with pytest.raises(JoinError, match="the certificates do not fit"):
        murmur.join(replace(ticket, certificate=ticket.authority))


def test_a_process_that_cannot_be_a_node_writes_one_line(
    session: murmur.Session, nodes: Any
) -> None:
    ticket = replace(session.open(), address="127.0.0.1:1")
    code, text = nodes.launch(ticket, "lost").wait()

    assert code == 2
    assert text == "cannot join the session at 127.0.0.1:1: connection refused\n"
