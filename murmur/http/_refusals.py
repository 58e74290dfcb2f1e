"""All that is wrong with a request or a handshake, told in one sentence before a byte is sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from murmur.errors import InvalidRequestError

from ._body import encode
from ._headers import is_token, merge, render
from ._patience import checked_timeout
from ._url import query_of, template_of

if TYPE_CHECKING:
    from ._call import Call

USUAL = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
"""Methods that may be written in small letters, as in browsers' ``fetch``."""


def all_wrong(call: Call, base_url: str, first: InvalidRequestError) -> InvalidRequestError:
    """Return the error of a request that has `first`, with whatever else is wrong with it."""

    def fill() -> None:
        template_of(base_url, call.url).fill(call.path)

    def count_down() -> None:
        if call.timeout is not None:
            checked_timeout(call.timeout)

    steps: tuple[Callable[[], object], ...] = (
        lambda: checked_method(call.method),
        lambda: checked_name(call.name),
        fill,
        lambda: query_of(call.params),
        lambda: render(merge({}, call.headers or {})),
        lambda: encode(call.data, call.json, call.form, call.files),
        count_down,
        lambda: check_expectations(call),
    )
    found = list(dict.fromkeys(problem for step in steps for problem in _problems(step)))
    return InvalidRequestError("; ".join(found)) if len(found) > 1 else first


def _problems(step: Callable[[], object]) -> Iterator[str]:
    try:
        step()
    except InvalidRequestError as error:
        yield str(error)


def checked_method(method: object) -> str:
    """Return a method as it is sent; the usual ones may be written in small letters."""
    if isinstance(method, str):
        if method in USUAL:
            return method
        if method.upper() in USUAL:
            return method.upper()
        if is_token(method):
            return method
    raise InvalidRequestError(f"{method!r} is no method of HTTP")


def checked_name(name: object) -> None:
    """Refuse a name of an action that is no text."""
    if name is not None and not isinstance(name, str):
        raise InvalidRequestError(f"name={name!r}: give text")


def check_expectations(call: Call) -> None:
    """Refuse statuses that no answer can have, and a check that cannot be called.

    Raises `InvalidRequestError` if one is odd.
    """
    expect, check = call.expect, call.check
    problems = []
    if expect is not None and not _are_statuses(expect):
        problems.append(f"expect={expect!r}: give a status, or several, as numbers")
    if check is not None and not callable(check):
        problems.append(f"check={check!r} cannot be called with the response")
    if problems:
        raise InvalidRequestError("; ".join(problems))


def _are_statuses(expect: object) -> bool:
    if isinstance(expect, (str, bytes, bool)):
        return False
    if isinstance(expect, (int, range)):
        return True
    return isinstance(expect, Collection) and all(
        isinstance(each, int) and not isinstance(each, bool) for each in expect
    )


def check_offer(
    name: object, headers: object, subprotocols: object, compress: object
) -> tuple[str, ...]:
    """Return the subprotocols that a handshake offers.

    Raises `InvalidRequestError` if anything of the handshake is odd; it names all of it.
    """
    problems = list(_problems(lambda: checked_name(name)))
    problems += _problems(lambda: render(merge({}, headers or {})))  # type: ignore[arg-type]
    is_list = isinstance(subprotocols, (list, tuple))
    offered = tuple(subprotocols) if isinstance(subprotocols, (list, tuple)) else ()
    if not is_list or not all(isinstance(each, str) and is_token(each) for each in offered):
        problems.append(f"subprotocols={subprotocols!r}: give a list of names")
    elif len(set(offered)) < len(offered):
        problems.append(f"subprotocols={subprotocols!r}: give each once")
    if not isinstance(compress, bool):
        problems.append(f"compress={compress!r}: give True or False")
    if problems:
        raise InvalidRequestError("; ".join(problems))
    return offered
