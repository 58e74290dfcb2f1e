"""Processes whose ticket leads nowhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
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


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [("SKEW", timedelta(days=-2), "is not valid yet"), ("LONGEST", -timedelta(1), "has expired")],
)
def test_a_clock_that_is_days_off_is_told_as_that(
    session: murmur.Session,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: timedelta,
    told: str,
) -> None:
    """The steering kernel's is, which to the node is as good as its own."""
    monkeypatch.setattr(f"murmur.cluster._ticket.{name}", value)
    if name == "LONGEST":
        monkeypatch.setattr("murmur.cluster._ticket.SKEW", timedelta(days=3))
    else:
        monkeypatch.setattr("murmur.cluster._ticket.LONGEST", timedelta(days=5))
    ticket = session.open(lifetime=4 * 86_400)
    with pytest.raises(JoinError, match=rf"{told}, as this machine's clock shows \d{{4}}-"):
        murmur.join(ticket)


def test_a_process_that_cannot_be_a_node_writes_one_line(
    session: murmur.Session, nodes: Any
) -> None:
    ticket = replace(session.open(), address="127.0.0.1:1")
    code, text = nodes.launch(ticket, "lost").wait()

    assert code == 2
    assert text == "cannot join the session at 127.0.0.1:1: connection refused\n"
