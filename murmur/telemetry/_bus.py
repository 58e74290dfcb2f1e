"""The bus: who listens to which events, and the emitter that speaks to them.

Handlers are called one after another on the emitting thread, as amoc's are, so a handler
must be quick and must not block.  Subscribing and publishing take no lock: there is one
dictionary of subscriptions per event name, CPython changes and copies a dictionary in one
step, and publishing walks a copy.
"""

from __future__ import annotations

import inspect
import itertools
import logging
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from functools import partial

from murmur._given import needed
from murmur._guard import heard, text_of, trace_of
from murmur.errors import InvalidArgumentError, UnknownNameError

from ._events import CATALOGUE, Event

Handler = Callable[[Event], object]
"""What is called with each event of a subscription; what it returns is nobody's."""

HANDLER_FAILURE = "amoc.handler.failure"

_logger = logging.getLogger(__name__)


class Subscription:
    """One handler's interest in the events that match a pattern.

    A context manager; leaving it cancels.

    Attributes
    ----------
    pattern : str
        The pattern as given.
    handler : callable
        What is called with each event.
    failure : BaseException or None
        What the handler raised, after which it was detached.
    on_failure : callable or None
        What is called with that.

    Examples
    --------
    >>> import murmur
    >>> with murmur.on("amoc.throttle.*", print) as subscription:
    ...     subscription.pattern
    'amoc.throttle.*'
    """

    __slots__ = ("_forget", "failure", "handler", "on_failure", "pattern")

    def __init__(
        self,
        pattern: str,
        handler: Handler,
        *,
        forget: Callable[[], None],
        on_failure: Callable[[BaseException], object] | None,
    ) -> None:
        self.pattern: str = pattern
        self.handler: Handler = handler
        self.failure: BaseException | None = None
        self.on_failure: Callable[[BaseException], object] | None = on_failure
        self._forget = forget

    def cancel(self) -> None:
        """Stop listening; doing so again is fine.

        An event that is being published on another thread at this moment may still
        arrive.
        """
        self._forget()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def __repr__(self) -> str:
        return f"<Subscription {self.pattern!r} -> {self.handler!r}>"


class Bus:
    """A registry of subscribers, and nothing else: it keeps no events.

    Examples
    --------
    >>> bus: Bus = Bus()
    >>> subscription = bus.subscribe("amoc.throttle.*", print)
    >>> bus.listening("amoc.throttle.execute")
    True
    >>> subscription.cancel()
    >>> bus.listening("amoc.throttle.execute")
    False
    """

    def __init__(self) -> None:
        self._listeners: dict[str, dict[int, Subscription]] = {name: {} for name in CATALOGUE}
        self._keys = itertools.count()

    def subscribe(
        self,
        pattern: str,
        handler: Handler,
        on_failure: Callable[[BaseException], object] | None = None,
    ) -> Subscription:
        """Call `handler` with every event whose name matches `pattern`.

        May be called from any thread, also from a handler.

        Parameters
        ----------
        pattern : str
            A name, or a pattern with ``*``, ``?`` and ``[...]``.  A star also matches
            dots: ``"amoc.scenario.*"`` covers ``amoc.scenario.start.stop``.
        handler : callable
            Takes the `Event`; runs on the emitting thread, usually that of the load.
            If it raises, it is detached and ``amoc.handler.failure`` is emitted.
        on_failure : callable, optional
            Takes the exception when that happens.

        Returns
        -------
        Subscription
            Cancel it to stop listening.

        Raises
        ------
        UnknownNameError
            If no event of the catalogue matches.
        InvalidArgumentError
            If `handler` is a coroutine function, which nobody would await.
        """
        needed(isinstance(pattern, str), "pattern", pattern, "give a text, such as 'amoc.run.*'")
        needed(callable(handler), "handler", handler, "give a function that takes an event")
        if inspect.iscoroutinefunction(handler):
            raise InvalidArgumentError(f"handler {handler!r} must be a plain function, not async")
        names = [name for name in CATALOGUE if fnmatchcase(name, pattern)]
        if not names:
            raise UnknownNameError("event", [pattern], CATALOGUE)
        key = next(self._keys)
        forget = partial(self._forget, key)
        subscription = Subscription(pattern, handler, forget=forget, on_failure=on_failure)
        for name in names:
            self._listeners[name][key] = subscription
        return subscription

    def listening(self, name: str) -> bool:
        """Return whether anyone listens to events of that name."""
        return bool(self._listeners.get(name))

    def listeners(self, name: str) -> Collection[object]:
        """Return who listens to events of that name, now and whenever it is looked at again."""
        return self._listeners[name].values()

    def publish(self, event: Event) -> tuple[Event, ...]:
        """Hand `event` to everyone who listens.

        Returns
        -------
        tuple of Event
            A failure event for each handler that raised; they were published too.
        """
        listeners = self._listeners.get(event.name)
        if not listeners:
            return ()
        failures: tuple[Event, ...] = ()
        for subscription in tuple(listeners.values()):
            try:
                subscription.handler(event)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it ends here
                failures += self._failed(subscription, event, error)
        return failures

    def _failed(
        self, subscription: Subscription, event: Event, error: BaseException
    ) -> tuple[Event, ...]:
        """Detach a handler that raised; report it unless it was being told of a failure."""
        if subscription.failure is not None:  # two threads were inside it at once
            return ()
        _detach(subscription, error)
        if event.name == HANDLER_FAILURE:
            return ()
        failure = Event(
            HANDLER_FAILURE,
            event.at,
            event.wall_at,
            event.node,
            event.run_id,
            {"count": 1},
            {
                "event": event.name,
                "pattern": subscription.pattern,
                "handler": text_of(subscription.handler, repr),
                "error": f"{type(error).__name__}: {text_of(error)}",
                "traceback": trace_of(error),
            },
        )
        self.publish(failure)
        return (failure,)

    def _forget(self, key: int) -> None:
        for listeners in self._listeners.values():
            listeners.pop(key, None)


def _detach(subscription: Subscription, error: BaseException) -> None:
    """Detach a handler that raised, once, and tell whoever asked to be told."""
    subscription.failure = error
    subscription.cancel()
    _logger.error(
        "handler %s of %r raised and is detached",
        text_of(subscription.handler, repr),
        subscription.pattern,
        exc_info=error,
    )
    if subscription.on_failure is None:
        return
    _, another = heard(subscription.on_failure, error)
    if another is not None:
        what = "on_failure of the subscription to %r raised too"
        _logger.error(what, subscription.pattern, exc_info=another)


class Emitter:
    """Stamps what happens in one run on one node, and hands it to the bus.

    Code that emits frequent events asks `listening` first, so that no dictionary is
    built for nobody.
    """

    def __init__(  # noqa: PLR0913 - all but the first by keyword
        self,
        bus: Bus,
        *,
        run_id: str,  # run_id, node: written on every event
        node: str,
        # now, wall_now: monotonic seconds of the node, and UNIX seconds UTC
        now: Callable[[], float],
        wall_now: Callable[[], float],
        # takes every event that is not frequent, for the run's results
        keep: Callable[[Event], None] | None = None,
        # conceal, conceal_in_name: return a text, or a name, without the secrets in it
        conceal: Callable[[str], str] = str,
        conceal_in_name: Callable[[str], str] = str,
    ) -> None:
        self._conceal, self._conceal_in_name = conceal, conceal_in_name
        self._bus = bus
        self._run_id = run_id
        self._node = node
        self._now = now
        self._wall_now = wall_now
        self._keep = keep
        self._listeners = {name: bus.listeners(name) for name in CATALOGUE}
        self._kept = frozenset(
            name
            for name, event_type in CATALOGUE.items()
            if keep is not None and not event_type.frequent
        )

    def listening(self, name: str) -> bool:
        """Return whether an event of that name would reach anyone."""
        return name in self._kept or bool(self._listeners.get(name))

    def listeners(self, name: str) -> Collection[object]:
        """Return who listens to frequent events of that name, as `Bus.listeners` does."""
        return self._bus.listeners(name)

    def emit(
        self,
        name: str,  # a name of the catalogue; it is not checked here
        # measurements, metadata: what travels with it, by the keys that the catalogue lists
        measurements: Mapping[str, float],
        metadata: Mapping[str, object],
    ) -> None:
        """Emit one event, stamped with the present moment."""
        if not self.listening(name):
            return
        is_failure = "reason" in metadata or "traceback" in metadata
        conceal = self._conceal if is_failure else self._conceal_in_name
        metadata = {
            key: conceal(value) if isinstance(value, str) else value
            for key, value in metadata.items()
        }
        event = Event(
            name, self._now(), self._wall_now(), self._node, self._run_id, measurements, metadata
        )
        if self._keep is not None and name in self._kept:
            self._keep(event)
        for failure in self._bus.publish(event):
            if self._keep is not None:
                self._keep(failure)


bus: Bus = Bus()
"""The process-wide bus.  It holds subscriptions, and nothing else."""


def on(pattern: str, handler: Handler) -> Subscription:
    """Call `handler` with every event whose name matches `pattern`.

    Those are the events of this process.  In the kernel that steers a session they are also
    those of its nodes that ``results.events`` keeps, within two seconds and with ``node``;
    frequent ones stay where they happen.  See `Bus.subscribe`.

    Parameters
    ----------
    pattern : str
        A name, or several by ``*``, as ``"amoc.run.*"``.
    handler : callable
        Called with each `Event`; what it raises is told and stops nothing.

    Examples
    --------
    >>> seen = []
    >>> with on("amoc.run.*", seen.append):
    ...     pass
    >>> seen
    []
    """
    return bus.subscribe(pattern, handler)
