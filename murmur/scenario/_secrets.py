"""Secrets of a run, and texts and names without them."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Iterator, Mapping
from itertools import islice
from json import dumps
from typing import TypeVar, cast
from urllib.parse import quote, quote_plus

from traitlets import HasTraits

from murmur._given import needed

from ._declarations import MASK, is_secret, settings_of

SHORTEST = 4
"""Characters of a value that is looked for: a shorter one would be found in any word."""

SHORTEST_IN_NAMES = 8
"""The same for names: one of an action may well be called as the password of a test is."""

MOST = 1_000
"""Values in a list or a mapping that are looked for."""

Name = TypeVar("Name", bound=Hashable)


class Secrets:
    """Values of the secret settings of one run.

    Examples
    --------
    >>> import murmur.scenario as ms, traitlets
    >>> class Chat(ms.Scenario):
    ...     token = traitlets.Unicode(help="password").tag(secret=True)
    >>> secrets = Secrets(Chat, {"token": "hunter2"})
    >>> secrets.conceal("the server refuses hunter2")
    'the server refuses ***'
    """

    def __init__(self, cls: type[HasTraits], values: Mapping[str, object]) -> None:
        self._names = {name for name, trait in settings_of(cls).items() if is_secret(trait)}
        self._texts: tuple[str, ...] = ()  # the longest first
        self._long: tuple[str, ...] = ()
        self.note(values)

    def note(self, values: Mapping[str, object]) -> None:
        """Conceal new values, too; those before may still be in somebody's hands."""
        known = set(self._texts)
        for name in self._names & values.keys():
            for text in _texts_in(values[name]):
                known |= _forms_of(text)
        found = (text for text in known if len(text) >= SHORTEST)
        self._texts = tuple(sorted(found, key=len, reverse=True))
        self._long = tuple(text for text in self._texts if len(text) >= SHORTEST_IN_NAMES)

    def conceal(self, text: str) -> str:
        """Return `text` with each secret replaced by the mask."""
        return _without(self._texts, text)

    def conceal_in_name(self, name: str) -> str:
        """Return the name of an action, a counter or a throttle without secrets."""
        return _without(self._long, name)

    def conceal_in_key(self, key: Hashable) -> Hashable:
        """Return a name by which something is found, a text or a tuple of them, the same way."""
        if type(key) is tuple:
            return tuple(self.conceal_in_key(part) for part in key)
        return self.conceal_in_name(key) if isinstance(key, str) else key


class PublicNames:
    """Names by which throttles, or coordinators, are known and found, without secrets.

    Two that differ only in a secret would be one; the second is refused.
    """

    def __init__(self, secrets: Secrets | None = None) -> None:
        self._secrets = secrets
        self._given: dict[Hashable, Hashable] = {}  # by public name, where it differs

    def of(self, name: Name, known: Container[object]) -> Name:
        """Return what `name` is called in public; `known` are the names of those that are there.

        What was opened before its name became a secret is found by that name.
        """
        if self._secrets is None or name in known:
            return name
        public = self._secrets.conceal_in_key(name)
        if public == name:
            return name
        is_same = public not in known or self._given.get(public, name) == name
        needed(is_same, "name", public, "of two names that differ only in a secret, change one")
        self._given[public] = name
        return cast("Name", public)


def _without(secrets: Iterable[str], text: str) -> str:
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, MASK)
    return text


def _forms_of(text: str) -> set[str]:
    """Return a text as it is, and as errors, addresses, forms and documents have it."""
    quoted = {quote(text, safe=safe, errors="replace") for safe in ("/", "")}
    return {text, repr(text)[1:-1], dumps(text)[1:-1], quote_plus(text, errors="replace")} | quoted


def _texts_in(value: object, depth: int = 4) -> Iterator[str]:
    """Yield a value as text, or those that it holds: of a mapping its values."""
    if isinstance(value, (bytes, bytearray)):
        value = value.decode("utf-8", "replace")
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, (Mapping, list, tuple, set, frozenset)) and depth:
        held = value.values() if isinstance(value, Mapping) else value
        for each in islice(held, MOST):
            yield from _texts_in(each, depth - 1)
