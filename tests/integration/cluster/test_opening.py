"""What a session says when it cannot listen as it was asked to."""

from __future__ import annotations

import math
import socket
from typing import Any

import pytest

import murmur
from murmur.errors import ClusterError


@pytest.mark.parametrize("port", [-1, 65536, 99999, "x", 1.5, True])
def test_a_port_that_is_none_is_refused(session: murmur.Session, port: Any) -> None:
    with pytest.raises(ClusterError, match="give one from 0 to 65535"):
        session.open(port=port)


@pytest.mark.parametrize("lifetime", [math.inf, math.nan, 0, -5, 366 * 86_400, "1h"])
def test_a_lifetime_that_is_none_is_refused(session: murmur.Session, lifetime: Any) -> None:
    with pytest.raises(ClusterError, match="a ticket cannot be good for"):
        session.open(lifetime=lifetime)


def test_where_it_cannot_listen_is_said_and_another_port_may_follow(
    session: murmur.Session,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ClusterError) as caught:
            session.open(port=port)

    reason = f"cannot listen at 127.0.0.1:{port}: address already in use"
    assert str(caught.value).startswith(reason)
    with pytest.raises(ClusterError, match=r"cannot listen at nohost\.invalid:0: "):
        session.open("nohost.invalid")
    with murmur.join(session.open(), name="guest"):
        assert list(session.nodes) == ["guest"]
