"""The throttles of one run, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import anyio

from murmur._backend import Native
from murmur._given import needed
from murmur._guard import heard
from murmur.errors import ThrottleConflictError, UnknownThrottleError
from murmur.scenario import PublicNames

from ._account import WindowNumbers
from ._config import Arrivals, ThrottleConfig
from ._rate import Rate
from ._shape import Shape
from ._source import EventSink, OwnSource, Source
from ._throttle import Throttle
from .shared._leased import LeasedSource

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from .shared._lease import Leases


class Throttles(Mapping[str, Throttle]):
    """Start throttles and find them again.

    A stopped throttle is gone: its name is free.
    """

    def __init__(  # noqa: PLR0913 - all that these need of a run
        self,
        task_group: TaskGroup,  # where each throttle has its task
        native: Native,
        emitter: EventSink,
        *,
        seed: int = 0,  # what Poisson arrivals are drawn from, together with the throttle's name
        # when the run started, from which windows are counted; now unless given
        started_at: float | None = None,
        # where throttles are opened that are one over all nodes; without, they are this node's
        # alone
        leases: Leases | None = None,
        names: PublicNames | None = None,  # what names are called in public; as given without
    ) -> None:
        self._names = names or PublicNames()
        self._windows = WindowNumbers(native.now() if started_at is None else started_at)
        self._task_group = task_group
        self._native = native
        self._emitter = emitter
        self._seed = seed
        self._leases = leases
        self._opening = anyio.Lock()
        self._throttles: dict[str, Throttle] = {}

    def follow(self, started_at: float) -> None:
        """Count windows from `started_at`, as this node's clock is known by now."""
        self._windows.origin = started_at

    async def open(  # noqa: PLR0913 - one keyword for each way to say it
        self,
        name: str,
        rate: float | str | None = None,
        *,
        interval: float | None = None,
        interarrival: float | None = None,
        limit: float | None = None,
        shape: Shape | None = None,
        arrivals: Arrivals = "even",
        seed: int | str | None = None,
        catch_up: bool = False,
    ) -> Throttle:
        """Start the throttle `name`, or return it if it is there.

        Raises `ThrottleConflictError` if it is there, was started otherwise, and does not have
        that rate now; `UnknownThrottleError` if nothing is configured and it is not there;
        `InvalidArgumentError` if the configuration makes no sense.
        """
        needed(isinstance(name, str), "name", name, "give a text, such as 'messages'")
        name = self._names.of(name, self._throttles)
        given = (rate, interval, interarrival, limit, shape, seed)
        is_even = heard(("even",).__contains__, arrivals).value
        if is_even and all(value is None for value in given):
            if self._leases is not None and name not in self:
                return await self._open_leased(self._leases, name, None)
            return self[name]
        config = ThrottleConfig.of(
            rate,
            interval=interval,
            interarrival=interarrival,
            limit=limit,
            shape=shape,
            arrivals=arrivals,
            seed=seed,
            catch_up=catch_up,
        )
        if self._leases is not None:
            return await self._open_leased(self._leases, name, config)
        existing = self._throttles.get(name)
        if existing is None or existing.is_stopped:
            return self._start(name, config)
        if not existing.has(config):
            raise ThrottleConflictError(name, str(existing.config), str(config))
        return existing

    def end_plan(self) -> None:
        """Count nothing as due from now on: the run ends."""
        for throttle in self._throttles.values():
            throttle.end_plan()

    async def stop_all(self) -> None:
        """Stop every throttle, on this node."""
        for throttle in self._throttles.values():
            throttle.end()

    def sample(self, now: float) -> list[tuple[str, dict[str, object]]]:
        """Return rows of every throttle, see `Throttle.sample`; of a stopped one the last."""
        rows = [
            (name, row)
            for name, throttle in self._throttles.items()
            for row in throttle.sample(now)
        ]
        self._throttles = dict(self)
        return rows

    def __getitem__(self, name: str) -> Throttle:
        """Return the throttle `name`; UnknownThrottleError if there is none."""
        needed(isinstance(name, str), "name", name, "give the name of a throttle, a text")
        throttle = self._throttles.get(name)
        if throttle is None or throttle.is_stopped:
            raise UnknownThrottleError(name, self)
        return throttle

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(name == known for known in self)

    def __iter__(self) -> Iterator[str]:
        return (name for name, throttle in self._throttles.items() if not throttle.is_stopped)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Throttles {', '.join(self) or 'none'}>"

    def _start(self, name: str, config: ThrottleConfig) -> Throttle:
        source = OwnSource(
            name, config, native=self._native, seed=str(self._seed), windows=self._windows
        )
        return self._serve(name, config, source)

    async def _open_leased(
        self, leases: Leases, name: str, config: ThrottleConfig | None
    ) -> Throttle:
        """Open a throttle that is one over all nodes; the steering kernel decides."""
        async with self._opening:
            existing = self._throttles.get(name)
            is_here = existing is not None and not existing.is_stopped
            if (
                existing is not None
                and is_here
                and (config is None or config.terms.identity == existing.config.terms.identity)
            ):
                return existing
            lease = await leases.open(name, config)
            if existing is not None and is_here:
                return existing
            config = config or ThrottleConfig(Rate(lease.state.rate, lease.state.interval))
            return self._serve(
                name, config, LeasedSource(name, config, lease, leases, self._native)
            )

    def _serve(self, name: str, config: ThrottleConfig, source: Source) -> Throttle:
        throttle = self._throttles[name] = Throttle(
            name,
            config,
            source=source,
            windows=self._windows,
            task_group=self._task_group,
            native=self._native,
            emitter=self._emitter,
        )
        self._task_group.start_soon(throttle.serve, name=f"throttle {name}")
        return throttle
