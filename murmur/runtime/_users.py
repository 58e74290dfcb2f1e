"""The life of users on one node: admitted, asked to leave, killed, gone.

Each user that is up has one native task, whose owner is the `Users` of the run: it is
told when the task ends, and `wind_down` waits for all of them.  A user that ignores
cancellation cannot be waited for without hanging; it is abandoned and reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import CodeType
from typing import TYPE_CHECKING

import anyio

from murmur._guard import heard, trace_of
from murmur.errors import RunStateError, ScenarioError
from murmur.scenario import refuse_coroutine
from murmur.throttles import drop_due, user_here

from ._population import Population
from ._state import ABANDONED, THREAD_RUNS, Outcome, outcome_of
from ._user import User

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from murmur._backend import Wakeup
    from murmur.throttles import Throttle

    from ._calls import Calls
    from ._run import NodeRun

CLEAN_UP = 1.0
"""Seconds that a cancelled user has to clean up at least; else as long as `grace` again."""

LAST_CALL = 0.1
"""Part of that time which it has once more when it is cancelled for the second time."""

BATCH = 50
"""Users asked or cancelled before others get a turn: each closes what it has, 50 us or more."""


def longest_end(grace: float) -> float:
    """Return the seconds after which a user that was asked to leave is gone, whatever it does."""
    return grace + max(grace, CLEAN_UP) * (1 + LAST_CALL)


class Users:
    """Admits the users of a run at the pace of a throttle and sees each to its end."""

    def __init__(
        self,
        run: NodeRun,
        *,
        calls: Calls,  # has what each user does
        tasks: TaskGroup,  # owns admission and evictions
        on_idle: Callable[[], None],  # called each time the last user is gone
    ) -> None:
        self.population: Population = Population()
        self.abandoned: int = 0
        self._unstoppable: set[int] = set()  # those of them whose code has not ended yet
        self._run = run
        self._cast = calls.cast
        self._body = calls.user_body()  # `await body(user)` is what one user does
        self._tasks = tasks
        self._on_idle = on_idle
        self._watchers: list[Wakeup] = []
        self._arrivals: Throttle | None = None
        self._began_at = math.nan
        self._is_closed = False
        self._sent_off: set[int] = set()
        self._why_sent_off = ""
        listeners = run.emitter.listeners
        self._hears_up = listeners("amoc.user.up")
        self._hears_start = listeners("amoc.scenario.start.start")
        self._hears_stop = listeners("amoc.scenario.start.stop")
        self._hears_exception = listeners("amoc.scenario.start.exception")
        self._hears_down = listeners("amoc.user.down")

    @property
    def wrapper(self) -> CodeType:
        """Code of the frame around each user, by which a stack can be read."""
        return self._live.__code__

    def add(self, first: int, last: int) -> None:
        """Announce users `first` to `last`; they come up at the pace of ``user_rate``."""
        if self._is_closed:
            raise RunStateError("add users", "ending")
        self.population.announce(first, last)
        self._tell("add", last - first + 1)
        if self._arrivals is not None:
            self._arrivals.crowd_changed(last - first + 1)

    def remove(self, count: int, *, force: bool) -> int:
        """Ask up to `count` users to leave that were not asked before; return how many.

        By force, those that were asked and are still there come first.  Then users still
        waiting are dropped, the last announced before the others, and the users that are up
        for longest are asked.
        """
        chosen = self.population.lingering(count) if force else []
        dropped = self._drop(count - len(chosen), "removed")
        for user in self.population.oldest(count - dropped - len(chosen)):
            self.ask(user)
            chosen.append(user)
        if force and chosen:
            self.population.doom(chosen)
            self._tasks.start_soon(self._evict_after_grace, chosen)
        self._tell("remove", dropped + len(chosen))
        return dropped + len(chosen)

    def remove_one(self, user_id: int, *, force: bool) -> bool:
        """Ask one user to leave, or drop it if it waits; False if it is not here.

        By force it is cancelled after the grace, also if it was asked before.
        """
        user = self.population.find(user_id)
        if user is None:
            was_here = self.population.drop_one(user_id)
            if was_here:
                self._note_dropped([(user_id, user_id)], "removed")
        else:
            was_here = force or not user.is_leaving
            self.ask(user)
            if force:
                self.population.doom([user])
                self._tasks.start_soon(self._evict_after_grace, [user])
        if was_here:
            self._tell("remove", 1)
        return was_here

    def admit(self, throttle: Throttle) -> None:
        """Admit waiting users from now on, one for each permit."""
        self._arrivals = throttle
        throttle.admit(self)

    @property
    def waiting(self) -> int:
        """How many wait to be admitted."""
        return self.population.waiting

    @property
    def began_at(self) -> float:
        """When the first of those admitted since `begin_lot` took its first step."""
        return self._began_at

    def begin_lot(self) -> None:
        """Take note that some are admitted together."""
        self._began_at = math.nan

    def let_in(self, now: float) -> None:
        """Start the user that waited longest."""
        user_id = self.population.next_waiting()
        if user_id is None:
            return
        run = self._run
        user = User(user_id, run, now)
        self._cast(user)
        self.population.admit(user)
        if self._hears_up:
            run.emitter.emit("amoc.user.up", {"count": 1}, {"user_id": user_id})
        user.begin(run.native.spawn(self._live(user), is_kept=True))

    def refuse(self, error: Exception) -> None:
        """Take note that nobody is admitted any more."""
        if not self._is_closed:
            self._run.problems.append(f"nobody is admitted any more: {error}")

    async def wind_down(self, grace: float, reason: str = "") -> None:
        """End all users: close admission, ask, wait for `grace` seconds, cancel, abandon.

        `reason` is that of those who were not asked to go before, if there is one.
        """
        self._is_closed = True
        self._drop(self.population.waiting, reason or "the run stopped")
        if reason:
            self._why_sent_off = reason
            self._sent_off.update(self.population.running)
        native = self._run.native
        for number, user in enumerate(list(self.population.running.values()), 1):
            self.ask(user)
            if number % BATCH == 0:
                await native.checkpoint()
        await self._wait_until_gone(native.now() + grace)
        await self._evict(list(self.population))

    @property
    def unstoppable(self) -> int:
        """How many users are gone for the run, while their code goes on."""
        return len(self._unstoppable) + self._run.threads.busy

    async def _live(self, user: User) -> None:
        run = self._run
        user_here.set(user)
        user.started_at = started_at = run.native.now()
        if self._began_at != self._began_at:  # nan: it is the first of its lot
            self._began_at = started_at
        if self._hears_start:
            run.emitter.emit("amoc.scenario.start.start", {"count": 1}, self._span(user))
        try:
            result = await self._body(user)
            if result is not None:
                refuse_coroutine(result, "start")
        except BaseException as error:  # noqa: BLE001 - what a user raises is data
            self._gone(user, error)
        else:
            self._gone(user, None, result)
        finally:
            drop_due()  # its owner is this task, which would hold itself

    def _gone(self, user: User, error: BaseException | None, result: object = None) -> None:
        if not self.population.depart(user):
            self._unstoppable.discard(user.id)  # it was abandoned before
            return
        # Its code may have put anything in the user's attributes.
        went_unasked = heard(self._take_leave, user).value
        if went_unasked and error is None:
            self._account_for(user, Outcome.FINISHED, "", None, result)
            return
        judged = heard(self._judge, user, error)
        if judged.error is not None:  # a user's class may even refuse to be looked at
            name = heard(lambda: type(error).__name__).value or "Something"
            error = ScenarioError(f"{name}, an error that nothing can be told of")
            judged = heard(self._judge, user, error)
        outcome, reason = judged.value
        if user.is_killed and self._run.threads.is_busy(user):
            self.abandoned += 1
            reason = THREAD_RUNS
        elif user.was_cut_off:
            reason = "was still cleaning up when its time was over"
        if user.id in self._sent_off and outcome in (Outcome.LEFT, Outcome.KILLED):
            reason = self._why_sent_off
        self._account_for(user, outcome, reason, error, result)

    def _judge(self, user: User, error: BaseException | None) -> tuple[Outcome, str]:
        """Return how a user ended, and why; a failure is counted."""
        outcome, reason = outcome_of(
            error,
            was_asked=user.is_leaving,
            was_killed=user.is_killed,
            cancelled=self._run.native.cancelled,
            describe=self._run.recorder.kind_of,
        )
        if outcome is Outcome.FAILED and error is not None:
            self._report_failure(user, reason, error)
        return outcome, reason

    def _take_leave(self, user: User) -> bool:
        """Close what a user has; return whether nobody asked it to go."""
        user.end()
        if user.brood is not None:
            self._run.leftovers.take(user.brood)
        return not (user.is_leaving or user.is_killed)

    def _account_for(
        self,
        user: User,
        outcome: Outcome,
        reason: str,
        error: BaseException | None = None,
        result: object = None,
    ) -> None:
        run = self._run
        ended_at = run.native.now()
        run.recorder.user_gone(
            user.id,
            outcome._value_,  # what `value` returns, by two calls
            reason,
            user.admitted_at,
            user.started_at,
            ended_at,
            scenario=user.scenario,
            result=result,
        )
        if self._hears_stop or self._hears_exception or self._hears_down:
            self._tell_of_end(user, outcome, reason, error, result, ended_at)
        run.coordinators.user_gone(user, has_finished=outcome is Outcome.FINISHED)
        if not self.population.running:
            self._notice_idle()

    def _tell_of_end(
        self,
        user: User,
        outcome: Outcome,
        reason: str,
        error: BaseException | None,
        result: object,
        ended_at: float,
    ) -> None:
        emitter = self._run.emitter
        span = "amoc.scenario.start.stop" if error is None else "amoc.scenario.start.exception"
        if emitter.listening(span):
            metadata = self._span(user)
            if error is not None:
                metadata |= {
                    "kind": type(error).__name__,
                    "reason": reason,
                    "traceback": trace_of(error),
                }
            elif result is not None:
                metadata["return"] = result
            emitter.emit(span, {"duration": ended_at - user.started_at}, metadata)
        metadata = {"user_id": user.id, "outcome": outcome.value, "reason": reason}
        emitter.emit("amoc.user.down", {"count": 1}, metadata)

    def _report_failure(self, user: User, reason: str, error: BaseException) -> None:
        """Count the failure by its kind, and tell of the first of each."""
        run = self._run
        if run.recorder.user_failed(run.scenario_name, error):
            run.emitter.emit(
                "amoc.user.failure",
                {"count": 1},
                {"user_id": user.id, "reason": reason, "traceback": trace_of(error)},
            )

    def _tell(self, verb: str, count: int) -> None:
        """Tell of users that a person adds or removes."""
        metadata = {"scenario": self._run.scenario_name, "type": verb}
        self._run.emitter.emit("amoc.controller.users", {"count": count}, metadata)

    def _drop(self, count: int, reason: str) -> int:
        return self._note_dropped(self.population.drop_waiting(count), reason)

    def _note_dropped(self, ranges: Sequence[tuple[int, int]], reason: str) -> int:
        dropped = 0
        for first, last in ranges:
            self._run.recorder.users_dropped(first, last, self._run.native.now(), reason)
            dropped += last - first + 1
        if dropped:
            if self._arrivals is not None:
                self._arrivals.crowd_changed(-dropped)
            self._notice_idle()
        return dropped

    def ask(self, user: User) -> None:
        """Ask a user to leave, unless it was asked before."""
        if self.population.ask(user):
            user.ask(self._run.native.now())
            self._run.coordinators.user_leaving(user)

    async def _evict_after_grace(self, users: Sequence[User]) -> None:
        """Evict users, each when its grace is over; those asked long ago at once."""
        grace, now = self._run.grace, self._run.native.now
        for since in sorted({user.leaving_since for user in users}):
            await anyio.sleep(max(0.0, since + grace - now()))
            asked = [user for user in users if user.leaving_since == since]
            self._tasks.start_soon(
                self._evict, [user for user in asked if self.population.find(user.id) is user]
            )

    async def _evict(self, users: list[User]) -> None:
        """Cancel users and wait until they are gone; give up on those that ignore it.

        They have as long as the grace again to clean up.  Who is still there is cancelled
        once more, for a clean-up that hangs, and then abandoned.
        """
        native = self._run.native
        await native.checkpoint()  # asyncio never runs a task cancelled before its first step
        time_to_clean_up = max(self._run.grace, CLEAN_UP)
        for patience in (time_to_clean_up, time_to_clean_up * LAST_CALL):
            for number, user in enumerate(users, 1):
                user.kill()
                if number % BATCH == 0:
                    await native.checkpoint()
            users = await self._wait_gone(users, native.now() + patience)
        for user in users:
            self._abandon(user)

    async def _wait_gone(self, users: list[User], deadline: float) -> list[User]:
        """Return those of `users` that are still there at `deadline`, or none before."""
        now = self._run.native.now
        while True:
            await self._run.native.checkpoint()
            users = [user for user in users if self.population.find(user.id) is user]
            if not users or now() >= deadline:
                return users
            await anyio.sleep(max(0.0, min(CLEAN_UP / 50, deadline - now())))

    def _abandon(self, user: User) -> None:
        if not self.population.depart(user):
            return
        user.abandon()  # while it knows its task
        self._take_leave(user)
        self.abandoned += 1
        self._unstoppable.add(user.id)
        self._account_for(user, Outcome.KILLED, ABANDONED)

    async def _wait_until_gone(self, deadline: float) -> None:
        while self.population.present:
            watcher = self._run.native.wakeup()
            self._watchers.append(watcher)
            if not await self._run.native.wait_until(watcher, deadline):
                break

    def _notice_idle(self) -> None:
        if self.population.present:
            return
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher.wake()
        self._on_idle()

    def _span(self, user: User) -> dict[str, object]:
        return {"scenario": self._run.scenario_name, "user_id": user.id}
