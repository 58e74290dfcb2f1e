"""Throttles and coordinators of the running scenario, for code outside the loop."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from murmur._guard import heard, text_of
from murmur._moved import amoc_names
from murmur.errors import UnknownNameError, UnknownThrottleError
from murmur.throttles import throttle_table

from ._named import Named

if TYPE_CHECKING:
    from murmur.coordinators import CoordinatorStatistics
    from murmur.throttles import ThrottleStatistics

    # How a view asks and calls, so that it knows no session.
    ThrottleRecords: TypeAlias = Callable[[], Mapping[str, ThrottleStatistics]]
    CallThrottle: TypeAlias = Callable[[str, str, Mapping[str, object]], None]
    CoordinatorRecords: TypeAlias = Callable[[], Mapping[Hashable, CoordinatorStatistics]]
    CallCoordinator: TypeAlias = Callable[[Hashable, str], None]


@amoc_names({"change_rate_gradually": "ramp"})
class ThrottleView:
    """One throttle of the run; every method returns when the change is made.

    The methods and their parameters are those of the scenario's own `Throttle`.
    """

    def __init__(self, name: str, statistics: ThrottleRecords, call: CallThrottle) -> None:
        self.name = name
        self._statistics = statistics
        self._call_throttle = call

    def change_rate(
        self,
        rate: float | str | None = None,
        *,
        interval: float | None = None,
        interarrival: float | None = None,
        limit: float | None = None,
        cancel_ramp: bool = False,
    ) -> None:
        """Replace the rate, for those who wait already as well.

        Parameters
        ----------
        rate : float or str, optional
            Permits per `interval` seconds, which stays if it is not given; or text with a unit,
            such as ``"10/s"``.
        interval, interarrival, limit : float, optional
            See `murmur.throttle`.
        cancel_ramp : bool, default False
            Whether a ramp that runs is ended, rather than the change refused.
        """
        self._call("change_rate", **given(locals()))

    def ramp(  # noqa: PLR0913 - one keyword for each way to say it
        self,
        *,
        from_rate: float | str | None = None,
        to_rate: float | str | None = None,
        from_interarrival: float | None = None,
        to_interarrival: float | None = None,
        interval: float | None = None,
        duration: float | None = None,
        steps: int | None = None,
        step_interval: float | None = None,
        cancel_ramp: bool = False,
    ) -> None:
        """Begin to change the rate gradually.

        Parameters
        ----------
        from_rate, to_rate : float, optional
            Permits per `interval`; or `from_interarrival` and `to_interarrival` seconds.
        duration : float, optional
            Seconds that the ramp takes; or `steps` of `step_interval` seconds each.
        cancel_ramp : bool, default False
            Whether a ramp that runs is ended, rather than this one refused.
        """
        self._call("ramp", **given(locals()))

    def pause(self) -> None:
        """Grant nothing until `resume`."""
        self._call("pause")

    def resume(self) -> None:
        """Grant again after `pause`."""
        self._call("resume")

    def unlock(self, *, cancel_ramp: bool = False) -> None:
        """Grant everything at once."""
        self._call("unlock", cancel_ramp=cancel_ramp)

    def stop(self) -> None:
        """End the throttle; who waits gets a ThrottleStoppedError."""
        self._call("stop")

    @property
    def rate(self) -> float:
        """Permits per interval at this moment; of a limit, the limit."""
        return self.statistics().rate

    @property
    def interval(self) -> float:
        """Seconds that the rate is counted over; 0 of a limit."""
        return self.statistics().interval

    def statistics(self) -> ThrottleStatistics:
        """Return rate, interval, waiting, granted, paused, ramping as a frozen record."""
        known = self._statistics()
        if self.name not in known:
            raise UnknownThrottleError(self.name, known)
        return known[self.name]

    def __repr__(self) -> str:
        """Return the name."""
        return f"<throttle {self.name!r} of the running scenario>"

    def _call(self, verb: str, **arguments: object) -> None:
        self._call_throttle(self.name, verb, arguments)


class Throttles(Named[str, ThrottleView]):
    """The throttles of the run by name."""

    def __init__(
        self, names: Callable[[], Sequence[str]], statistics: ThrottleRecords, call: CallThrottle
    ) -> None:
        self._names = names
        self._statistics = statistics
        self._call = call

    def statistics(self) -> Mapping[str, ThrottleStatistics]:
        """Return the statistics of every throttle by name."""
        return self._statistics()

    def _all(self) -> Mapping[str, ThrottleView]:
        return {n: ThrottleView(n, self._statistics, self._call) for n in self._names()}

    def __getitem__(self, name: object) -> ThrottleView:
        """Return the throttle `name`; UnknownThrottleError if there is none."""
        known = self._names()
        if not isinstance(name, str) or name not in known:
            raise UnknownThrottleError(text_of(name), known)
        return ThrottleView(name, self._statistics, self._call)

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._names())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names())

    def __repr__(self) -> str:
        """Return a line for each."""
        return "\n".join(map(repr, self.statistics().values())) or "no throttles"

    def _repr_html_(self) -> str:
        """Return a table with a row for each."""
        return throttle_table(self.statistics().values())


def given(arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments of a method that its caller gave."""
    return {k: v for k, v in arguments.items() if k != "self" and v is not None}


class CoordinatorView:
    """One coordinator of the run."""

    def __init__(
        self, name: Hashable, statistics: CoordinatorRecords, call: CallCoordinator
    ) -> None:
        self.name = name
        self._statistics = statistics
        self._call = call

    def reset(self) -> None:
        """Run the actions with what is there and begin anew."""
        self._call(self.name, "reset")

    def stop(self) -> None:
        """Run the actions with what is there and end."""
        self._call(self.name, "stop")

    def statistics(self) -> CoordinatorStatistics:
        """Return timeout and the members pending for each item as a frozen record."""
        known = self._statistics()
        if self.name not in known:
            raise UnknownNameError("coordinator", [str(self.name)], map(str, known))
        return known[self.name]

    def __repr__(self) -> str:
        """Return the name."""
        return f"<coordinator {self.name!r} of the running scenario>"


class Coordinators(Named[Hashable, CoordinatorView]):
    """The coordinators of the run by name."""

    def __init__(self, statistics: CoordinatorRecords, call: CallCoordinator) -> None:
        self._statistics = statistics
        self._call = call

    def statistics(self) -> Mapping[Hashable, CoordinatorStatistics]:
        """Return the statistics of every coordinator by name."""
        return self._statistics()

    def _all(self) -> Mapping[Hashable, CoordinatorView]:
        return {n: CoordinatorView(n, self._statistics, self._call) for n in self._statistics()}

    def __getitem__(self, name: Hashable) -> CoordinatorView:
        """Return the coordinator `name`; UnknownNameError if there is none."""
        known = self._statistics()
        if not heard(lambda: name in known).value:  # it may be what cannot be hashed
            raise UnknownNameError("coordinator", [text_of(name)], map(text_of, known))
        return CoordinatorView(name, self._statistics, self._call)

    def __iter__(self) -> Iterator[Hashable]:
        """Yield the names."""
        return iter(self._statistics())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._statistics())

    def __repr__(self) -> str:
        """Return a line for each."""
        return "\n".join(map(repr, self._statistics().values())) or "no coordinators"
