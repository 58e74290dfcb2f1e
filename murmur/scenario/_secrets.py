"""Secrets of a run, and texts of a user's errors without them."""

from __future__ import annotations

from collections.abc import Mapping

from traitlets import HasTraits

from ._declarations import MASK, is_secret, settings_of

SHORTEST = 4
"""Characters of a value that is looked for: a shorter one would be found in any word."""


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
        self._texts: tuple[str, ...] = ()
        self.note(values)

    def note(self, values: Mapping[str, object]) -> None:
        """Conceal new values, too; those before may still be in somebody's hands."""
        known = set(self._texts)
        for name in self._names & values.keys():
            value = values[name]
            if isinstance(value, bytes):
                value = value.decode("utf-8", "replace")
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                text = str(value)
                known |= {text, repr(text)[1:-1]}
        found = (text for text in known if len(text) >= SHORTEST)
        self._texts = tuple(sorted(found, key=len, reverse=True))

    def conceal(self, text: str) -> str:
        """Return `text` with each secret replaced by the mask."""
        for secret in self._texts:
            if secret in text:
                text = text.replace(secret, MASK)
        return text
