"""Header fields: of answers, to be read by any spelling; of requests, checked and merged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, wraps
from typing import TypeAlias

from murmur.errors import InvalidRequestError

Fields: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Fields as they came."""

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""Fields to be sent."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN = re.compile(r"[\r\n\0]")
_OURS = {"content-length", "transfer-encoding"}


class Headers(Mapping[str, str]):
    """The header fields of an answer; the spelling of a name does not matter.

    Several fields of one name are joined by a comma; see `all_of`.

    Examples
    --------
    >>> Headers([(b"Content-Type", b"text/html")])["content-type"]
    'text/html'
    """

    __slots__ = ("_by_name",)

    def __init__(self, fields: Fields) -> None:
        self._by_name: dict[str, list[str]] = {}
        for name, value in fields:
            key = name.decode("latin-1").lower()
            self._by_name.setdefault(key, []).append(value.decode("latin-1"))

    def __getitem__(self, name: str) -> str:
        """Return the value of a field."""
        return ", ".join(self._by_name[name.lower()])

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in small letters."""
        return iter(self._by_name)

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(self._by_name)

    def __repr__(self) -> str:
        """Return the fields."""
        return f"Headers({dict(self)!r})"

    def all_of(self, name: str) -> list[str]:
        """Return every value of the field `name`, such as ``Set-Cookie``."""
        return list(self._by_name.get(name.lower(), ()))


class OwnFields(dict[str, str]):
    """Header fields of a client, which note that they were changed: few ever are.

    To compare them with a copy before each request took longer than to record it.
    """

    __slots__ = ("is_changed",)

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(fields)
        self.is_changed: bool = True  # since somebody said otherwise


def _noted(change: str) -> Callable[..., object]:
    method = getattr(dict, change)

    @wraps(method)
    def noted(fields: OwnFields, *args: object, **more: object) -> object:
        fields.is_changed = True
        return method(fields, *args, **more)

    return noted


for _change in ("__delitem__", "__ior__", "__setitem__", "clear", "pop", "popitem", "setdefault",
                "update"):  # fmt: skip
    setattr(OwnFields, _change, _noted(_change))


def merge(fields: Mapping[str, str], more: Mapping[str, str]) -> Pairs:
    """Return both, those of `more` instead of those of the same name in `fields`."""
    for given in (fields, more):
        _check(given)
    named = {name.lower(): (name, value) for name, value in fields.items()}
    named |= {name.lower(): (name, value) for name, value in more.items()}
    return tuple(named.values())


def _check(given: object) -> None:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise InvalidRequestError(f"headers: {given!r} is no dict of texts")
    wrong = [(name, value) for name, value in given.items() if not isinstance(value, str)]
    if wrong:
        said = "; ".join(f"header field {name!r}: {value!r} is no text" for name, value in wrong)
        raise InvalidRequestError(said)


def with_cookies(fields: Pairs, held: str) -> Pairs:
    """Return `fields` with the cookies in `held` beside those that they have already.

    Examples
    --------
    >>> with_cookies((("cookie", "a=1"),), "b=2")
    (('Cookie', 'a=1; b=2'),)
    """
    if not held:
        return fields
    own = [value for name, value in fields if name.lower() == "cookie" and value]
    others = tuple(pair for pair in fields if pair[0].lower() != "cookie")
    return (*others, ("Cookie", "; ".join([*own, held])))


@lru_cache(maxsize=1024)
def with_login(fields: Pairs, login: str) -> Pairs:
    """Return `fields` with what a URL says of who asks, unless they say it themselves.

    Examples
    --------
    >>> with_login((), "Basic YTpi")
    (('Authorization', 'Basic YTpi'),)
    """
    if any(name.lower() == "authorization" for name, _ in fields):
        return fields
    return (*fields, ("Authorization", login))


@lru_cache(maxsize=256)
def says_close(fields: Pairs) -> bool:
    """Return whether the request with `fields` is to be the last one of its connection.

    Examples
    --------
    >>> says_close((("connection", "x, Close"),)), says_close((("Connection", "keep-alive"),))
    (True, False)
    """
    said = [value for name, value in fields if name.lower() == "connection"]
    return any(option.strip().lower() == "close" for each in said for option in each.split(","))


@lru_cache(maxsize=256)
def is_token(text: str) -> bool:
    """Return whether `text` can be the name of a field, or a method."""
    return _TOKEN.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def render(pairs: Pairs) -> bytes:
    r"""Return fields as they stand in a request of HTTP/1.1.

    Raises `InvalidRequestError` if one holds what no field may hold.

    Examples
    --------
    >>> render((("Accept", "*/*"),))
    b'Accept: */*\r\n'
    """
    for name, value in pairs:
        if not is_token(name):
            raise InvalidRequestError(f"{name!r} is no name of a header field")
        if name.lower() in _OURS:
            raise InvalidRequestError(f"{name} follows from the body; leave it out")
        if _FORBIDDEN.search(value):
            raise InvalidRequestError(f"header field {name}: its value has a line break in it")
    try:
        return "".join(f"{name}: {value}\r\n" for name, value in pairs).encode("latin-1")
    except UnicodeEncodeError as error:
        character = error.object[error.start]
        raise InvalidRequestError(f"a header field has {character!r} in it") from error
