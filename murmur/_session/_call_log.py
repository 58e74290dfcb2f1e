"""Calls that steered a run, kept with their times so that it can be done again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, TypeVar, cast

from murmur.scenario import Secrets, masked

if TYPE_CHECKING:
    from murmur.recording import RunRecord
    from murmur.scenario import Scenario

Name = TypeVar("Name", bound=Hashable)


class CallLog:
    """Notes what a session is asked to do with its run, in the record of that run.

    A run's own frame of changes says what came of them, also of what the scenario did by
    itself; to do the run again, only what came from outside has to be done again.
    """

    def __init__(self) -> None:
        self._record: RunRecord | None = None
        self._scenario: type[Scenario] | None = None
        self._secrets: Secrets | None = None

    def hold(
        self, record: RunRecord, scenario: type[Scenario], values: Mapping[str, object]
    ) -> None:
        """Note in this record of a run with these settings from now on."""
        self._record, self._scenario = record, scenario
        self._secrets = Secrets(scenario, values)

    @contextmanager
    def noting(self, verb: str, /, **arguments: object) -> Iterator[None]:
        """Note a call that is made in the block, with when it began, unless it fails."""
        record, at = self._record, monotonic()
        yield
        if record is not None:
            record.note_call(at, verb, {k: v for k, v in arguments.items() if v is not None})

    def updating(self, settings: Mapping[str, object]) -> dict[str, object]:
        """Return settings as they may be kept: secrets masked."""
        if self._scenario is None or self._secrets is None:
            return dict(settings)
        self._secrets.note(settings)
        return masked(self._scenario, settings)

    def public(self, name: Name) -> Name:
        """Return the name of a throttle or a coordinator as the run calls it: without secrets."""
        concealed = name if self._secrets is None else self._secrets.conceal_in_key(name)
        return cast("Name", concealed)

    def of_throttle(
        self, call: Callable[[str, str, Mapping[str, object]], None]
    ) -> Callable[[str, str, Mapping[str, object]], None]:
        """Return `call`, the calls of a throttle, noted."""

        def noted(name: str, verb: str, arguments: Mapping[str, object]) -> None:
            with self.noting(
                "throttle", name=self.public(name), verb=verb, arguments=dict(arguments)
            ):
                call(name, verb, arguments)

        return noted

    def of_coordinator(
        self, call: Callable[[Hashable, str], None]
    ) -> Callable[[Hashable, str], None]:
        """Return `call`, the calls of a coordinator, noted."""

        def noted(name: Hashable, verb: str) -> None:
            with self.noting("coordinator", name=self.public(name), verb=verb):
                call(name, verb)

        return noted
