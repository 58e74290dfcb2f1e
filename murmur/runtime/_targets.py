"""The guard of a session: which hosts murmur's own clients may connect to.

It keeps an honest person from shooting at the wrong host; it is no sandbox, because code of a
scenario can open sockets as it likes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from murmur._given import needed
from murmur.errors import TargetNotAllowedError

if TYPE_CHECKING:
    from ._run import NodeRun


def checked_patterns(allow: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the patterns of ``Session(allow=...)`` as they are compared.

    Raises `InvalidArgumentError` if it is one text instead of a list, or holds something else than
    text.
    """
    if allow is None:
        return None
    given: object = allow
    is_list = isinstance(given, Iterable) and not isinstance(given, str)
    patterns = list(allow) if is_list else [None]
    are_texts = all(isinstance(pattern, str) for pattern in patterns)
    needed(are_texts, "allow", allow, "give a list of hosts, such as ['*.example.org']")
    return tuple(_normal(pattern) for pattern in allow)


def is_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Return whether one of the patterns fits.

    A pattern is a name in which ``*`` stands for anything, an address, or a network.

    Examples
    --------
    >>> is_allowed("shop.example.org", ["*.example.org"])
    True
    >>> is_allowed("127.0.0.5", ["127.0.0.0/8"])
    True
    >>> is_allowed("example.org.evil.test", ["*.example.org"])
    False
    """
    host = _normal(host)
    return any(fnmatchcase(host, pattern) or _is_inside(host, pattern) for pattern in allowed)


def check_target(run: NodeRun | None, host: str) -> None:
    """Raise `TargetNotAllowedError` unless the session allows to connect to `host`.

    Asked before every new connection, also one that a redirect leads to.  Names are
    compared as they are given, and not resolved.
    """
    allowed = run.spec.allow if run is not None else None
    if allowed is not None and not is_allowed(host, allowed):
        raise TargetNotAllowedError(host, allowed)


def _normal(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _is_inside(host: str, pattern: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False)
    return False
