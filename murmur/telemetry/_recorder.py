"""The recorder: takes down what a run does on one node, at the price of an append.

Nothing is counted or computed while the load runs.  Everything hot becomes a packed row
(see `_rows`); about once a second the runtime calls `Recorder.seal`, which folds the rows
into a `Chunk` with a few array operations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

from murmur._given import SHOWN
from murmur._guard import text_of
from murmur.errors import InvalidArgumentError

from ._chunk import (
    Change,
    Chunk,
    Counters,
    Dropped,
    Gauges,
    Sample,
    Windows,
    count_errors,
)
from ._codes import MISSING, OTHER, Names
from ._failures import Failures
from ._intake import Cold, Hot, Tally, taken
from ._plain import name_of, plain
from ._requests import with_actions_of, with_answers_of, with_messages_of, with_values_of
from ._under_way import Begun, Open, begun
from ._varying import LONGEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._events import Event
    from ._requests import Asked
    from ._rows import Rows

NAN = float("nan")

RESULTS = 100
"""Different results of users that are told apart on a node; later ones are ``(other)``."""

MOST = 1e200  # however many of it are summed up, the sum is finite

HIGHEST_ID = 2**32 - 1  # what a row has room for


class Recorder:
    """Takes down what happens on one node during one run.

    Every method may be called from any thread.  Times are seconds on the monotonic clock
    of the node, the one that `started_at` was read from.  Names that are not text become
    text: ``None`` is recorded as ``"None"``, and half a character (a lone surrogate) as its
    escape.  User ids beyond 2**32 - 1 are recorded as that one.
    """

    # actions and parts of them that are under way, with when each was entered; whoever times
    # one adds and removes it
    open: dict[Open, float]
    streamed: set[str]  # names of the requests whose answers were read event by event

    def __init__(  # noqa: PLR0913 - all by keyword, four of them bounds with defaults
        self,
        *,
        node: str,
        started_at: float,  # when the run started.  Windows are counted from here.
        wall_started_at: float,  # the same moment in UNIX seconds UTC
        now: Callable[[], float] = time.monotonic,  # for counts and gauges
        window: float = 1.0,  # length of a window in seconds
        name_limit: int = 1000,  # names that are told apart of each sort; later: `(other)`
        kind_limit: int = 200,  # the same for kinds of errors (type and message)
        event_limit: int = 10_000,  # events between two seals; more are dropped and counted
        # conceal, conceal_in_name: return a text, or a name, without the secrets in it
        conceal: Callable[[str], str] = str,
        conceal_in_name: Callable[[str], str] = str,
    ) -> None:
        self.node = node
        self.started_at = started_at
        self.wall_started_at = wall_started_at
        self.window = window
        self._now = now
        self._event_limit = event_limit
        self._refused = Tally()
        self._names = Names(name_limit, OTHER, conceal_in_name)
        self._outcomes = Names(name_limit, OTHER)
        self._results: set[str] = set()
        self._reasons = Names(name_limit, OTHER, conceal_in_name)
        self._conceal_in_name = conceal_in_name
        self._failures = Failures(self._names, self._run_time, kind_limit, conceal)
        self.open = {}
        self.streamed = set()
        self._hot = Hot()
        self._cold = Cold()
        self._pack_action, self._append_action = self._hot.actions.pack, self._hot.actions.append
        self._pack_count, self._append_count = self._hot.counts.pack, self._hot.counts.append
        self._pack_request = self._hot.requests.pack
        self._append_request = self._hot.requests.append
        self._pack_ask, self._append_ask = self._hot.asks.pack, self._hot.asks.append

    def action(
        self,
        name: str,
        user_id: int,  # who did it; 0 if no user did
        # due_at, started_at, ended_at: when it should have started, when it did, and when it
        # ended
        due_at: float,
        started_at: float,
        ended_at: float,
        error: BaseException | str | None = None,  # why it failed; without it, it succeeded
    ) -> None:
        """Record one action that ended."""
        try:
            code = self._names[name]
        except Exception:  # noqa: BLE001 - whatever cannot be hashed raises
            code = self._names.code_of(name)
        self._append_action(
            self._pack_action(
                code,
                MISSING if error is None else self._failures.fail_action(name, error),
                user_id if user_id <= HIGHEST_ID else HIGHEST_ID,  # noqa: FURB136 - min() takes 0.15 us
                due_at,
                started_at,
                ended_at,
            )
        )

    def span(
        self,
        # action, span: what it is a part of, and what it is called: together `action.span`
        action: str,
        span: str,
        started_at: float,  # started_at, ended_at: when it began and ended
        ended_at: float,
        *,
        due_at: float | None = None,  # when it should have begun; when it did, if not given
    ) -> None:
        """Record a part of an action, such as the time to the first event of an answer."""
        due_at = started_at if due_at is None else due_at
        rows, name = self._hot.spans, self._names[f"{action}.{span}"]
        rows.append(rows.pack(name, MISSING, 0, due_at, started_at, ended_at))

    def user_gone(  # noqa: PLR0913 - the last two by keyword, with defaults
        self,
        user_id: int,
        outcome: str,
        reason: str | None,
        admitted_at: float | None,
        started_at: float | None,
        ended_at: float,
        *,
        scenario: str = "",
        result: object = None,
    ) -> None:
        """Record that a user is gone; None for moments that never came.

        What its `start` returned is kept as text, `RESULTS` different ones at most.
        """
        rows = self._hot.users
        rows.append(
            rows.pack(
                self._outcomes[outcome],
                self._reasons[reason[:LONGEST]] if reason else MISSING,
                self._reasons[scenario] if scenario else MISSING,
                MISSING if result is None else self._reasons[self._bounded(result)],
                user_id if user_id <= HIGHEST_ID else HIGHEST_ID,  # noqa: FURB136 - min() takes 0.15 us
                NAN if admitted_at is None else admitted_at,
                NAN if started_at is None else started_at,
                ended_at,
            )
        )

    def _bounded(self, result: object) -> str:
        """Return a result as text, of which there are not too many."""
        text = name_of(result)[:LONGEST]
        if text not in self._results and len(self._results) >= RESULTS:
            return OTHER
        self._results.add(text)
        return text

    def user_failed(self, scenario: str, error: BaseException) -> bool:
        """Count a user that ended by `error`; return whether nothing is known of the kind yet.

        An error that failed an action on its way counts there, as one failure and not two.
        """
        return self._failures.end_user(scenario, error)

    def failure(
        self,
        source: str,  # source, name: what failed, and of which name
        name: str,
        error: BaseException | str,
        users: int = 0,  # who ended by it
    ) -> None:
        """Count a failure of anything but an action or a user."""
        self._failures.add(source, name, self._failures.code_of(error), users=users)

    def kind_of(self, error: BaseException | str) -> str:
        """Return the kind of an error as a text: its class and what it said."""
        return str(self._failures.kinds.of(error))

    def users_dropped(self, first: int, last: int, at: float, reason: str) -> None:
        """Record that users `first` to `last`, both included, were never admitted."""
        self._cold.dropped.append(Dropped(first, last, at - self.started_at, name_of(reason)))

    def count(self, name: str, n: float = 1) -> None:
        """Add `n` to a counter.

        Raises `InvalidArgumentError` if `n` is not a finite number: the total would not be one
        ever after.
        """
        _check(name, n)
        self._append_count(self._pack_count(self._names.code_of(name), n, self._now()))

    def count_one(self, name: str, at: float) -> None:
        """Add one to a counter of murmur's own, `at` the present moment, which is known already."""
        pack, append = self._pack_count, self._append_count
        append(pack(self._names[name], 1.0, at))

    def gauge(self, name: str, value: float) -> None:
        """Record the present value of something.

        Raises `InvalidArgumentError` if `value` is not a finite number.
        """
        _check(name, value)
        rows, names = self._hot.gauges, self._names
        code = names[name] if type(name) is str else names.code_of(name)
        rows.append(rows.pack(code, value, self._now()))

    def answer(
        self,
        status: str,  # name of the counter that goes up by one
        # sent, received: bytes, added to the counters `http.sent_bytes` and `http.received_bytes`
        sent: int,
        received: int,
        first_byte: float,  # seconds until it began, the gauge `http.first_byte_seconds`
        at: float,
    ) -> None:
        """Record an answer of a server in one row, which `seal` makes counters and a gauge of."""
        rows = self._hot.answers
        rows.append(rows.pack(self._names[status], sent, received, first_byte, at))

    def request(
        self,
        asked: Asked,
        status: int,  # of the answer
        user_id: int,  # who asked
        # first_byte_at, ended_at: when the first byte of the answer came, and when all was there
        first_byte_at: float,
        ended_at: float,
        sizes: tuple[int, int],  # bytes on the wire, of the request and of the answer
    ) -> None:
        """Record an action that succeeded, and the answer that it was about, in one row.

        `seal` makes of it what `action` and `answer` would have recorded.
        """
        name, pack, append = self._names[asked.name], self._pack_request, self._append_request
        due_at, started_at, (sent, received) = asked.due_at, asked.started_at, sizes
        user_id = user_id if user_id <= HIGHEST_ID else HIGHEST_ID  # noqa: FURB136 - min() takes 0.15 us
        append(
            pack(name, status, user_id, due_at, started_at, first_byte_at, ended_at, sent, received)
        )

    def ask(self, asked: Asked, user_id: int, ended_at: float) -> None:
        """Record a question over a WebSocket that was answered, and the answer, in one row.

        `seal` makes of it what `action` and the counter `websocket.received` would have recorded.
        """
        try:
            name = self._names[asked.name]
        except Exception:  # noqa: BLE001 - as of an action
            name = self._names.code_of(asked.name)
        user_id = user_id if user_id <= HIGHEST_ID else HIGHEST_ID  # noqa: FURB136 - min() takes 0.15 us
        pack, append = self._pack_ask, self._append_ask
        append(pack(name, user_id, asked.due_at, asked.started_at, ended_at))

    def event(self, event: Event) -> None:
        """Keep an event, its metadata reduced to plain values; see `Emitter`."""
        self._failures.heed(event)
        if len(self._cold.events) >= self._event_limit:
            self._refused.add()
            return
        metadata = {key: plain(value) for key, value in event.metadata.items()}
        self._cold.events.append(replace(event, at=event.at - self.started_at, metadata=metadata))

    def change(self, at: float, who: str, what: str, old: object, new: object) -> None:
        """Record a live change: who changed what, from which value to which."""
        who, what = name_of(who), self._conceal_in_name(name_of(what))
        self._cold.changes.append(Change(at - self.started_at, who, what, plain(old), plain(new)))

    def sample(
        self,
        frame: str,  # whose columns it has: `"health"`, for instance
        at: float,
        # what was measured, by the names of the frame's columns
        values: Mapping[str, float | bool | str],
        *,
        name: str = "",  # what it is about, where the frame has several rows a window
    ) -> None:
        """Record what was measured once in a window."""
        sample = Sample(at - self.started_at, self._conceal_in_name(name_of(name)), dict(values))
        self._cold.samples.append((frame, sample))

    def population(self, at: float, waiting: int, running: int, leaving: int) -> None:
        """Record how many users there are."""
        counts = {"waiting": waiting, "running": running, "leaving": leaving}
        self.sample("population", at, counts)

    def throttle(
        self,
        at: float,
        name: str,
        # columns of the frame `throttles`, and the `lateness` of each grant (seconds) since the
        # sample before.  A key that has no meaning may be None or absent.  `at`, if it is there,
        # is the end of another window, of which more is told.
        sample: Mapping[str, Any],
    ) -> None:
        """Record what a throttle did since its sample before."""
        known = {key: value for key, value in sample.items() if value is not None}
        at = known.pop("at", at)
        middle, high, _ = _spread(known.pop("lateness", ()))
        lateness = {"lateness_p50": middle, "lateness_p99": high}
        self.sample("throttles", at, {**known, **lateness}, name=name)

    def health(  # noqa: PLR0913 - the last two are known to the sampler alone
        self,
        at: float,
        loop_lag: Sequence[float],  # seconds by which the loop was late, each time it was looked at
        cpu: float,  # share of one core, 1.0 is all of it
        rss: float,  # resident memory in bytes
        saturated: bool,
        *,
        reason: str = "",
        vitals: Mapping[str, float] | None = None,  # more columns of the frame `health`
    ) -> None:
        """Record how well the generator kept up since the sample before."""
        lags = zip(("loop_lag_p50", "loop_lag_p99", "loop_lag_max"), _spread(loop_lag), strict=True)
        more: dict[str, float | bool | str] = {"cpu": cpu, "rss": rss, "saturated": saturated}
        self.sample("health", at, {**dict(lags), **more, **(vitals or {}), "reason": reason})

    def seal(self) -> Chunk:
        """Take everything recorded since the last seal, folded and ready to travel.

        One thread seals; others may go on recording, and what they record meanwhile is
        in this chunk or in the next, never in none.
        """
        hot, cold, failures = self._hot, self._cold, self._failures
        # What has codes comes first, then their labels, so that none is missing.
        under_way, failed = self._under_way(), failures.take()
        requests, users = self._since_start(hot.requests), self._since_start(hot.users)
        asks = self._since_start(hot.asks)
        actions = with_actions_of(requests, self._since_start(hot.actions))
        actions = with_actions_of(asks, actions)
        spans = self._since_start(hot.spans)
        counts, gauges = self._values(requests, asks)
        return Chunk(
            node=self.node,
            names=self._names.labels(),
            outcomes=self._outcomes.labels(),
            reasons=self._reasons.labels(),
            kinds=failures.labels(),
            tracebacks=failures.take_tracebacks(),
            actions=actions,
            windows=Windows.fold(actions, self.window),
            errors=(*count_errors(actions), *failed),
            users=users,
            dropped=taken(cold.dropped),
            counters=Counters.fold(counts, self.window),
            gauges=Gauges.fold(gauges, self.window),
            samples=_by_frame(taken(cold.samples)),
            changes=taken(cold.changes),
            events=taken(cold.events),
            events_dropped=self._refused.take(),
            spans=Windows.fold(spans, self.window),
            under_way=under_way,
        )

    def _under_way(self) -> tuple[Begun, ...]:
        found = begun(self.open, self._now(), started_at=self.started_at, window=self.window)
        return tuple(
            Begun(self._names[name], due, started, number, is_part)
            for (name, due, started, is_part), number in found.items()
        )

    def _values(
        self, requests: NDArray[Any], asks: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Take what was added to counters, and the values of gauges; also by the rows given."""
        hot, code_of = self._hot, self._names.__getitem__
        counts, gauges = self._since_start(hot.counts), self._since_start(hot.gauges)
        counts = with_messages_of(asks, counts, code_of)
        answers = with_answers_of(requests, self._since_start(hot.answers), code_of)
        return with_values_of(answers, counts, gauges, code_of, self.window)

    def _run_time(self) -> float:
        return self._now() - self.started_at

    def _since_start(self, rows: Rows) -> NDArray[Any]:
        """Take rows, their times turned into seconds since the run started."""
        news = rows.take()
        for name in news.dtype.names or ():
            if name.endswith("at"):
                news[name] -= self.started_at
        return news


def _check(name: str, value: float) -> None:
    """Raise `InvalidArgumentError` unless `value` is a number that can be summed up."""
    try:
        if -MOST <= value <= MOST:
            return
    except Exception:  # noqa: BLE001 - whatever a class that is no number raises
        pass
    raise InvalidArgumentError(
        f"cannot record {text_of(value, repr)[:SHOWN]} for {name_of(name)[:SHOWN]!r}",
        "give a finite number, 1e200 at most",
    )


def _by_frame(samples: Iterable[tuple[str, Sample]]) -> dict[str, tuple[Sample, ...]]:
    found: dict[str, list[Sample]] = {}
    for frame, sample in samples:
        found.setdefault(frame, []).append(sample)
    return {frame: tuple(several) for frame, several in found.items()}


def _spread(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Return median, 99th percentile and maximum, by nearest rank; NaN of none."""
    if not len(seconds):
        return NAN, NAN, NAN
    ordered = sorted(seconds)
    ranks = (ceil(share * len(ordered)) for share in (0.5, 0.99, 1.0))
    middle, high, most = (float(ordered[rank - 1]) for rank in ranks)
    return middle, high, most
