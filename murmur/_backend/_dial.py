"""Connecting by name: every address is tried, a quarter of a second apart (RFC 8305)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from itertools import zip_longest
from typing import Any, TypeVar

STAGGER = 0.25
"""Seconds that one address has before the next is tried beside it (RFC 8305, 5)."""

BIND_ADDRESS_NO_PORT = getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24)
"""Lets the kernel choose the local port when it knows the target, so that it may be shared."""

UNTRIED = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
"""Errors that say more of this machine than of the server."""

HIGHEST_PORT = 65_535
"""Beyond, uvloop would connect to another port: to that modulo 65,536."""

P = TypeVar("P", bound=asyncio.BaseProtocol)


async def dial(
    make: Callable[[], P],
    host: str,
    port: int,
    *,
    source: str = "",  # address of this machine to connect from
) -> P:
    """Connect to whichever address of `host` answers first; return what `make` made.

    Raises `OSError` if none answers, or there is none.
    """
    loop = asyncio.get_running_loop()
    if is_address(host) and not source:
        _, made = await loop.create_connection(make, host, port)
        return made
    if ":" in host and "%" in host:  # an address with its zone, lost where it is looked up
        return await _connect(make, (socket.AF_INET6, (host, port)), source)
    family = socket.AF_UNSPEC
    if source:
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
    found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    targets = list(dict.fromkeys((each[0], each[4]) for each in found))
    if not targets:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    if len(targets) == 1:
        return await _connect(make, targets[0], source)
    return await _race(make, deque(_interleaved(targets)), source)


@lru_cache(maxsize=1024)
def is_address(host: str) -> bool:
    """Return whether `host` is an address and needs no look-up."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, UnicodeError, ValueError):
            socket.inet_pton(family, host)
            return True
    return False


@lru_cache(maxsize=1024)
def ascii_host(host: str) -> str:
    """Return a name as DNS has it: IDNA 2008, after the mapping that browsers apply.

    Raises `UnicodeError` if it has characters that no name may have.

    Examples
    --------
    >>> ascii_host("Straße.example"), ascii_host("a_b.example")
    ('xn--strae-oqa.example', 'a_b.example')
    """
    if host.isascii():
        return host.lower()
    import idna  # anyio's own dependency; 20 ms, and names like these are rare

    labels = idna.uts46_remap(host, std3_rules=False).split(".")
    encoded = [label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels]
    return ".".join(encoded).lower()


def _interleaved(targets: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return addresses with their families in turns, the preferred one first."""
    first = [each for each in targets if each[0] == targets[0][0]]
    others = [each for each in targets if each[0] != targets[0][0]]
    mixed = (each for pair in zip_longest(first, others) for each in pair)
    return [each for each in mixed if each is not None]


async def _race(make: Callable[[], P], targets: deque[tuple[Any, Any]], source: str) -> P:
    """Try one address after the other, each beside those that still try."""
    errors: list[BaseException] = []
    trying: set[asyncio.Task[P]] = set()
    try:
        while targets or trying:
            if targets:
                trying.add(asyncio.create_task(_connect(make, targets.popleft(), source)))
            done, trying = await asyncio.wait(
                trying,
                timeout=STAGGER if targets else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            made = [each for each in done if not each.cancelled() and not each.exception()]
            trying |= set(made[1:])  # two at once: the others are closed below
            if made:
                return made[0].result()
            errors += [each.exception() or OSError(errno.ECANCELED, "given up") for each in done]
    finally:
        await _call_off(trying)
    raise _telling(errors)


async def _connect(make: Callable[[], P], target: tuple[Any, Any], source: str) -> P:
    loop = asyncio.get_running_loop()
    family, address = target
    if not source and "%" not in address[0]:  # or uvloop would take whichever zone
        _, made = await loop.create_connection(make, address[0], address[1])
        return made
    socket_ = socket.socket(family, socket.SOCK_STREAM)
    try:
        socket_.setblocking(False)
        if family == socket.AF_INET:
            with contextlib.suppress(OSError):  # not known to every system
                socket_.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
        if source:
            socket_.bind((source, 0))
        await loop.sock_connect(socket_, address)
        _, made = await loop.create_connection(make, sock=socket_)
    except BaseException:
        socket_.close()
        raise
    return made


async def _call_off(trying: set[asyncio.Task[Any]]) -> None:
    """End attempts that are not needed any more, also those that come to something."""
    for each in trying:
        each.add_done_callback(_abort)
        each.cancel()
    if trying:
        await asyncio.wait(trying)


def _abort(attempt: asyncio.Task[Any]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _telling(errors: list[BaseException]) -> BaseException:
    """Return the error that says most: of a server, if there is one."""
    codes = [getattr(error, "errno", None) for error in errors]
    for error, code in zip(errors, codes, strict=True):
        if code not in UNTRIED:
            return error
    return errors[0]
