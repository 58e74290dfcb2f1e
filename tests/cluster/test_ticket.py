"""Tickets that somebody else wrote, or that were cut on the way."""

from __future__ import annotations

import math
import time
from dataclasses import replace
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
    with pytest.raises(TicketError, match=r"it expired at \d{4}-"):
        Ticket.read(replace(TICKET, expires_at=time.time() - 1).text)
