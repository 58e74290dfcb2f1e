"""Tickets that somebody else wrote, or that were cut on the way."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from murmur.cluster import Authority, Ticket
from murmur.errors import TicketError

TICKET = Authority().ticket("127.0.0.1:8790", 86_400.0)  # made when tests are collected


def test_its_text_is_the_whole_ticket() -> None:
    assert Ticket.read(TICKET.text) == TICKET


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "127.0.0.1"},
        {"address": ":8790"},
        {"address": "127.0.0.1:port"},
        {"address": "127.0.0.1:0"},
        {"address": "127.0.0.1:99999"},
        {"address": 8790},
        {"expires_at": "soon"},
        {"expires_at": None},
        {"expires_at": -1e300},
        {"expires_at": 1e300},
        {"expires_at": 10**400},
        {"expires_at": math.nan},
        {"expires_at": math.inf},
        {"authority": "xx"},
        {"authority": "é"},
        {"certificate": ["xx"]},
        {"certificate": ""},
        {"key": "xx"},
        {"key": None},
    ],
    ids=str,
)
def test_a_field_that_is_none_is_damage(wrong: dict[str, Any]) -> None:
    with pytest.raises(TicketError, match="it is damaged; copy it again, as a whole"):
        Ticket.read(replace(TICKET, **wrong).text)


def test_a_ticket_of_the_past_says_when_it_expired() -> None:
    with pytest.raises(TicketError, match=r"it expired at \d{4}-.* clock shows \d{4}-"):
        Ticket.read(replace(TICKET, expires_at=time.time() - 1).text)


def test_a_ticket_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    path = TICKET.save(tmp_path / "ticket")
    assert Ticket.read(path) == TICKET
    path.chmod(0o440)  # as Kubernetes mounts a secret
    assert Ticket.read(path) == TICKET
    path.chmod(0o644)

    with pytest.raises(TicketError, match=r"mode 0644 .*run chmod 600 /"):
        Ticket.read(path)


def test_a_ticket_that_finds_no_room_leaves_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        TICKET.save(tmp_path / "ticket")

    assert list(tmp_path.iterdir()) == []


def test_a_device_is_no_ticket() -> None:
    with pytest.raises(TicketError, match="not text"):
        Ticket.read("/dev/zero")
