"""Functions for code of a run that has no user, or no run, at hand."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

from murmur._backend import on_loop
from murmur._given import integer_given
from murmur.coordinators import Coordinator, PlanLike
from murmur.throttles import Arrivals, Shape, Throttle

from ._context import current_run, current_user
from ._timer import Timer, record_duration, refuse_the_gone


@on_loop("murmur.throttle")
async def throttle(  # noqa: PLR0913 - one keyword for each way to say it
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
    """Start the throttle `name` in this run, or return it if it is there.

    Without any configuration it is returned, or `UnknownThrottleError` raised.

    Parameters
    ----------
    name : str
        Unique within the run.
    rate : float or str, optional
        Permits per `interval`, or text with a unit such as ``"10/s"``; 0 holds everyone,
        ``math.inf`` nobody.
    interval : float, default 60.0
        Seconds that `rate` is counted over.
    interarrival : float, optional
        Seconds between two permits, instead of a rate.
    limit : int, optional
        Permits that may be out at a time, instead of a rate; take them with
        ``async with``.
    shape : callable or pandas.Series, optional
        A rate that follows time: of the seconds since the throttle started.
    arrivals : {"even", "poisson"}, default "even"
        How permits are spread.
    seed : int or str, optional
        What Poisson arrivals are drawn from; the run's seed and the name if not given.
    catch_up : bool, default False
        Whether permits that somebody waited for while the loop stood still are made good
        within one interval, at no more than twice the even share; not over several nodes.

    Raises
    ------
    ThrottleConflictError
        If it exists with another configuration.
    UnknownThrottleError
        If nothing is configured and it does not exist.
    InvalidArgumentError
        If the configuration makes no sense.

    Examples
    --------
    A scenario's ``init`` says::

        self.logins = await murmur.throttle("logins", rate=100, interval=1)

    and its ``start``::

        await self.logins.wait()
    """
    run = current_run("throttle")
    run.require_open("start a throttle")
    return await run.throttles.open(
        name,
        rate,
        interval=interval,
        interarrival=interarrival,
        limit=limit,
        shape=shape,
        arrivals=arrivals,
        seed=seed,
        catch_up=catch_up,
    )


@on_loop("murmur.coordinator")
async def coordinator(
    name: Hashable,
    plan: PlanLike | None = None,
    timeout: float = 30.0,
    *,
    scope: Literal["node", "cluster"] = "node",
) -> Coordinator:
    """Start the coordinator `name` in this run, or return it if it is there.

    Parameters
    ----------
    name : hashable
        Unique within the run.
    plan : tuple or list of tuple
        ``(how_many, action)`` or ``(how_many, [action, ...])``, one or a list of them;
        how_many is a number, ``(min, max)`` or ``"all"``.
    timeout : float, default 30.0
        Seconds after the last `add` at which the actions run with whoever is there.
    scope : {"node", "cluster"}, default "node"
        Whether users of this node make groups, or users of all nodes.  Over the cluster,
        actions run on the first node that started it (or, when that is lost, on another),
        see users of other nodes with an `id` and a `send`, and data must be plain values.

    Raises
    ------
    CoordinatorError
        If it exists with another plan.
    InvalidArgumentError
        If the plan makes no sense; all reasons at once.

    Examples
    --------
    >>> import murmur
    >>> from murmur.testing import rehearse
    >>> class Pairs(murmur.Scenario):
    ...     '''Users are introduced to each other.'''
    ...     async def init(self):
    ...         self.pairs = await murmur.coordinator("pairs", (2, self.introduce))
    ...     def introduce(self, event, a, b):
    ...         a.user.send(b.user.id)
    ...         b.user.send(a.user.id)
    ...     async def start(self, user):
    ...         await self.pairs.add(user)
    ...         murmur.count("met", await user.receive())
    >>> float(rehearse(Pairs, 2).counters["value"].sum())  # 1 met 2, and 2 met 1
    3.0
    """
    run = current_run("coordinator")
    run.require_open("start a coordinator")
    return await run.coordinators.open(name, plan, timeout=timeout, scope=scope)


def send(user_id: int, message: object) -> None:
    """Put `message` into the mailbox of a user of this run.

    A message to a user that is not there is counted (`mailbox.undeliverable`).

    Parameters
    ----------
    user_id : int
        The user, on whichever node it is.
    message : object
        What `User.receive` returns there.

    Examples
    --------
    >>> import murmur
    >>> from murmur.testing import rehearse
    >>> class Chain(murmur.Scenario):
    ...     '''Users greet the one before them.'''
    ...     async def start(self, user):
    ...         if user.id > 1:
    ...             murmur.send(user.id - 1, "hello")
    ...         if user.id < 3:
    ...             murmur.count(await user.receive())
    >>> float(rehearse(Chain, 3).counters["value"].sum())
    2.0
    """
    run = current_run("send")
    run.send(
        integer_given("user_id", user_id, "give the id of a user, such as 7", least=1), message
    )


def timer(name: str, *, due_at: float | None = None) -> Timer:
    """Return a context manager that records its block as an action of no user.

    Parameters
    ----------
    name : str
        Name of the action.
    due_at : float, optional
        Monotonic seconds at which it should have begun, as of `User.timer`.

    Examples
    --------
    >>> import anyio, murmur
    >>> from murmur.testing import rehearse
    >>> class Warm(murmur.Scenario):
    ...     '''Users find a cache that is filled already.'''
    ...     async def init(self):
    ...         with murmur.timer("fill the cache"):
    ...             await anyio.sleep(2)
    ...     async def start(self, user): ...
    >>> rehearse(Warm, 1).actions[["name", "user_id", "service_time"]].values.tolist()
    [['fill the cache', 0, 2.0]]
    """
    return Timer(current_run("timer"), name, None, due_at=due_at)


def record(name: str, seconds: float, ok: bool = True, *, due_at: float | None = None) -> None:
    """Record an action of no user that took `seconds` and ends now.

    Parameters
    ----------
    name : str
        Name of the action.
    seconds : float
        How long it took.
    ok : bool, default True
        Whether it succeeded.
    due_at : float, optional
        Monotonic seconds at which it should have begun, as of `User.record`.

    Examples
    --------
    >>> import murmur
    >>> from murmur.testing import rehearse
    >>> class Read(murmur.Scenario):
    ...     '''Durations come from elsewhere, such as a header of an answer.'''
    ...     async def start(self, user):
    ...         murmur.record("query", 0.25)
    ...         murmur.record("query", 1.5, ok=False)
    >>> rehearse(Read, 1).actions["ok"].tolist()
    [True, False]
    """
    run = current_run("record")
    if not refuse_the_gone(run.recorder, current_user()):
        record_duration(run, name, None, seconds, ok=ok, due_at=due_at)


def count(name: str, n: int = 1) -> None:
    """Add `n` to the counter `name`.

    Parameters
    ----------
    name : str
        Name of the counter, alike on all nodes.
    n : int, default 1
        How much to add.

    Examples
    --------
    >>> import murmur
    >>> from murmur.testing import rehearse
    >>> class Buy(murmur.Scenario):
    ...     '''Users buy two things each.'''
    ...     async def start(self, user):
    ...         murmur.count("bought", 2)
    >>> float(rehearse(Buy, 3).counters["total"].max())
    6.0
    """
    recorder = current_run("count").recorder
    if not refuse_the_gone(recorder, current_user()):
        recorder.count(name, n)


def gauge(name: str, value: float) -> None:
    """Set the gauge `name` to `value`.

    Parameters
    ----------
    name : str
        Name of the gauge.
    value : float
        What it shows from now on; each window keeps least, greatest and last.

    Examples
    --------
    >>> import murmur
    >>> from murmur.testing import rehearse
    >>> class Fill(murmur.Scenario):
    ...     '''Users tell how full their basket is.'''
    ...     async def start(self, user):
    ...         murmur.gauge("basket", user.id)
    >>> rehearse(Fill, 3, user_rate=float("inf")).gauges[["min", "max", "last"]].values.tolist()
    [[1.0, 3.0, 3.0]]
    """
    recorder = current_run("gauge").recorder
    if not refuse_the_gone(recorder, current_user()):
        recorder.gauge(name, value)
