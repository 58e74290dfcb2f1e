"""An emitter that remembers, for tests of code that emits."""

from __future__ import annotations

from collections.abc import Mapping

from murmur.telemetry import check


class RecordingEmitter:
    """Stands in for `murmur.telemetry.Emitter`: listens to everything, keeps it in order.

    An event that the catalogue does not describe fails the test at once.

    Attributes
    ----------
    events : list of (str, dict, dict)
        Name, measurements and metadata of each event.

    Examples
    --------
    >>> emitter = RecordingEmitter()
    >>> emitter.emit("amoc.throttle.execute", {"count": 1}, {"name": "messages"})
    >>> emitter.named("amoc.throttle.execute")
    [({'count': 1}, {'name': 'messages'})]
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, float], dict[str, object]]] = []

    def listening(self, name: str) -> bool:
        """Return True, because everything is remembered; refuse a name that does not exist."""
        check(name, {}, {})
        return True

    def emit(
        self, name: str, measurements: Mapping[str, float], metadata: Mapping[str, object]
    ) -> None:
        """Check the event `name`, its `measurements` and `metadata`, and remember it."""
        check(name, measurements, metadata)
        self.events.append((name, dict(measurements), dict(metadata)))

    def named(self, name: str) -> list[tuple[dict[str, float], dict[str, object]]]:
        """Return measurements and metadata of the events of that name, in order."""
        return [event[1:] for event in self.events if event[0] == name]
