"""Exporter, the part that all have in common: a session to follow, a start and an end."""

from __future__ import annotations

import atexit
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol, Self

from murmur._given import integer_given, needed
from murmur._guard import text_of
from murmur.recording import Relay

from ._totals import Totals


class Followed(Protocol):
    """What can be followed: a `murmur.Session`."""

    relay: Relay


class Exporter(ABC):
    """Gives the totals of a session's runs to somebody outside.

    A context manager: entering starts it, leaving stops it.  Making one does nothing.  It
    follows one run after the other; a new one begins at zero.

    Parameters
    ----------
    session : murmur.Session
        Whose runs are followed, from the moment the exporter is started.
    names : int, default 100
        How many actions, kinds of errors, counters and so on are told apart each; the rest
        share the name ``(other)``.

    Attributes
    ----------
    totals : Totals
        What it gives out.
    """

    def __init__(self, session: Followed, *, names: int = 100) -> None:
        needed(hasattr(session, "relay"), "session", session, "give a murmur.Session")
        some = "give a whole number from 1, such as 100"
        self.totals: Totals = Totals(names=integer_given("names", names, some, least=1))
        self._relay = session.relay
        self._is_on = False

    @property
    def is_on(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._is_on

    def start(self) -> Self:
        """Begin to export, and return the exporter; nothing if it has begun.

        Raises
        ------
        InvalidArgumentError
            If that cannot be: an address that is taken, for instance.
        """
        if not self._is_on:
            self._open()
            self._is_on = True
            self._relay.attach(self.totals)
            atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """End the export, after what is known has gone out; nothing if it has ended."""
        if self._is_on:
            atexit.unregister(self.stop)
            self._relay.detach(self.totals)
            self._is_on = False
            self._close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _open(self) -> None:
        """Take hold of what it exports to."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of it."""


def labels_as_text(labels: Mapping[str, str] | None) -> dict[str, str]:
    """Return labels that the user gave as plain texts."""
    fits = labels is None or isinstance(labels, Mapping)
    needed(fits, "labels", labels, "give a dict, such as {'test': 'nightly'}")
    return {text_of(name): text_of(value) for name, value in (labels or {}).items()}
