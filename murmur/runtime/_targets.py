"""The guard of a session: which hosts murmur's own clients may connect to.

It keeps an honest person from shooting at the wrong host; it is no sandbox, because code of a
scenario can open sockets as it likes.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from murmur._backend import ascii_host
from murmur._given import needed
from murmur.errors import TargetNotAllowedError

if TYPE_CHECKING:
    from ._run import NodeRun


def checked_patterns(allow: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the patterns of ``Session(allow=...)`` as they are compared.

    Raises `InvalidArgumentError` if it is one text instead of a list, or holds something else than
    text, or a pattern that fits no host, such as one with a port.
    """
    if allow is None:
        return None
    given: object = allow
    is_list = isinstance(given, Iterable) and not isinstance(given, str)
    patterns = list(allow) if is_list else [None]
    are_texts = all(isinstance(pattern, str) for pattern in patterns)
    needed(are_texts, "allow", allow, "give a list of hosts, such as ['*.example.org']")
    return tuple(_checked(pattern) for pattern in allow)


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
    compared as DNS has them, and not resolved.
    """
    allowed = run.spec.allow if run is not None else None
    if allowed is not None and not is_allowed(host, allowed):
        raise TargetNotAllowedError(host, allowed)


def _checked(pattern: str) -> str:
    """Return a pattern as it is compared; one that can fit nothing would refuse every host."""
    found = _normal(pattern)
    if "/" in found:
        needed("://" not in found, "allow", pattern, "give the host of the URL alone")
        needed(_is_network(found), "allow", pattern, "give a network, such as '10.0.0.0/8'")
    elif _WITH_PORT.fullmatch(found):
        needed(False, "allow", pattern, "give the host without a port: all of its ports are meant")
    elif ":" in found:
        is_one = "*" in found or _is_network(found)
        needed(is_one, "allow", pattern, "give an address, such as '::1'")
    else:
        remedy = "give a host, such as 'shop.test' or '*.shop.test', each by itself"
        needed(_NAME.fullmatch(found), "allow", pattern, remedy)
    return found


_NAME = re.compile(r"[\w*-]+(\.[\w*-]+)*", re.ASCII)
_WITH_PORT = re.compile(r"[^:]*:[0-9]*")


def _normal(host: str) -> str:
    """Return a host as DNS has it, so that all of its spellings are one."""
    host = host.strip().strip("[]").rstrip(".").lower()
    with suppress(UnicodeError):  # then no client gets anywhere with it
        host = ascii_host(host).rstrip(".")
    return host


def _is_network(text: str) -> bool:
    """Return whether a text is a network, or an address."""
    with suppress(ValueError):
        return ipaddress.ip_network(text.partition("%")[0], strict=False) is not None
    return False


def _is_inside(host: str, pattern: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False)
    return False
