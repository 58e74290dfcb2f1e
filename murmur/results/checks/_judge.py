"""Judges checks: what a number came to in a run, and whether that will do.

Nothing known never passes: an action that nobody timed, a span without actions, a run that
ended before the span began are failed checks, with the reason.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from murmur.errors import closest
from murmur.telemetry import RESOLUTION, Histogram, nearest_rank

from ._check import Check, Windows, matching
from ._data import Measured

_JOINED = "the percentiles of their windows: older seconds are joined"

_UNENDED = "at least, with those that were cut short, never came or are under way"

_NAMED = 3
"""Names that are told of actions of which nobody knows what became."""

_SILENT = "without data"
_DOUBTFUL = "undecided, by what hung or was meant to last"
_BY_UNENDED = "decided by what was cut short, never came or is under way"
_BY_JOINED = f"by {_JOINED}"
_OF_WINDOWS = (_SILENT, _DOUBTFUL, _BY_UNENDED, _BY_JOINED)
"""What there may be to say of windows, in this order."""

_COUNTED = {"count", "rate", "failed"}
"""What is counted by rows of windows, which stay; all else is of durations."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of one check.

    Attributes
    ----------
    check : Check
        The check.
    holds : bool
        Whether the run did what it says.
    value : float
        What the number came to, in the unit of the check's limit, of the worst window if it
        is judged by windows; NaN if nothing is known.
    reason : str
        What there is to say besides; always something if nothing is known.
    """

    check: Check
    holds: bool
    value: float
    reason: str = ""

    @property
    def value_text(self) -> str:
        """The value with its unit; ``-`` if nothing is known."""
        return self.check.written(self.value)

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        word = "holds" if self.holds else "failed"
        because = f" ({self.reason})" if self.reason else ""
        return f"{self.check}: {word}, {self.value_text}{because}"


def judge_check(check: Check, measured: Measured) -> CheckResult:
    """Return what comes of a check on what was measured so far."""
    if check.statistic.word == "users":
        return _judge_users(check, measured)
    known = set(measured.names)
    if check.statistic.word not in _COUNTED:
        known.update(measured.unended_names)
    names = matching(check.name, sorted(known))
    if check.name is not None and not names:
        names = matching(check.name, sorted({*measured.spans, *measured.unended_spans}))
    if not names:
        return _unknown(check, _absence(check.name, sorted(known), measured.unended_names))
    is_whole = check.windows is None and check.start <= 0 and math.isinf(check.end)
    if reason := _out_of_reach(check, measured, is_whole=is_whole):
        return _unknown(check, reason)
    case = _Case(check, names, measured)
    return case.judge() if check.windows is None else case.judge_windows(check.windows)


def _out_of_reach(check: Check, measured: Measured, *, is_whole: bool) -> str:
    """Return why nothing is known of the part of the run that a check is about, if so."""
    if check.start >= measured.elapsed and (check.start or not measured.is_early(0.0)):
        return f"the run lasted {measured.elapsed:.1f} s"
    if check.end <= measured.load_at:
        return f"users came from {measured.load_at:.1f} s on, when init was done"
    if not is_whole and check.start < measured.kept_from:
        return f"windows are kept from {measured.kept_from:,.0f} s on only"
    return ""


@dataclass(frozen=True, slots=True)
class _Case:
    """A check, the actions that it is about, and what was measured; spans are in seconds."""

    check: Check
    names: Sequence[str]
    measured: Measured

    def judge(self) -> CheckResult:
        """Judge the run, or the part of it that the check is about, as one."""
        check = self.check
        value, detail = self._value(check.start, check.end)
        at_least = self._at_least(check.start, check.end)
        if _decides(check, value, at_least):
            value, detail = at_least, self._what_decided()
        elif reason := self._why_undecided(check.start, check.end):
            return _unknown(check, reason)
        return CheckResult(check, check.accepts(value), value, detail)

    def judge_windows(self, windows: Windows) -> CheckResult:
        """Judge every span that is complete; what is left at the end is too short to tell."""
        check, measured = self.check, self.measured
        begin, until = max(check.start, measured.first_window), min(check.end, measured.elapsed)
        held = total = 0
        worst = math.nan
        remarks: Counter[str] = Counter()
        for number in count():
            start = begin + number * windows.length
            if start + windows.length > until + 1e-9:
                break
            value, found = self._judge_window(start, start + windows.length)
            total += 1
            held += check.accepts(value)
            worst = check.worse(worst, value)
            remarks.update(found)
        if not total:
            return _unknown(check, f"no {windows.length:g} s window was complete")
        told = (f"{remarks[each]:,} of them {each}" for each in _OF_WINDOWS if remarks[each])
        reason = ", ".join([f"held in {held:,} of {total:,} windows", *told])
        return CheckResult(check, windows.suffice(held, total), worst, reason)

    def _judge_window(self, start: float, end: float) -> tuple[float, list[str]]:
        """Return the number in a window, NaN if nobody can tell, and its remarks."""
        value, remarks = self._window_value(start, end), []
        at_least = self._at_least(start, end)
        if _decides(self.check, value, at_least):
            value = at_least
            remarks.append(_BY_UNENDED)
        if math.isnan(value):
            remarks.append(_SILENT)
        elif self._why_undecided(start, end):
            value = math.nan
            remarks.append(_DOUBTFUL)
        if self._is_joined(start, end):
            remarks.append(_BY_JOINED)
        return value, remarks

    def _at_least(self, start: float, end: float) -> float:
        """Return what a time, or how many failed, is at least if what never ended counts.

        NaN if nothing of that does.
        """
        statistic, measured = self.check.statistic, self.measured
        if statistic.word == "failed":
            return self._failed_with_hung(start, end)
        if statistic.word in _COUNTED:
            return math.nan
        which = statistic.time or "response"
        if start <= 0 and math.isinf(end):
            times = measured.with_unended(which, self.names)
        else:
            last = min(end, measured.elapsed)
            times = measured.with_unended_in(which, self.names, start, last)
        return math.nan if times is None else statistic.of(times)

    def _failed_with_hung(self, start: float, end: float) -> float:
        """Return how many failed if those do that hang; NaN without any."""
        hung = self._hung(start, end)
        if not hung:
            return math.nan
        return _failed_with(self.check, self.measured.tally(self.names, start, end), hung)

    def _hung(self, start: float, end: float) -> int:
        return self.measured.hung_in(self.names, start, min(end, self.measured.elapsed))

    def _why_undecided(self, start: float, end: float) -> str:
        """Return why nobody can tell whether the check, if it is on failures, holds.

        That is if it holds without what hung or was meant to last, and would not with it.
        """
        check, measured = self.check, self.measured
        if check.statistic.word != "failed":
            return ""
        doubtful = measured.doubtful_in(self.names, start, min(end, measured.elapsed))
        more = int(doubtful.number.sum())
        tally = measured.tally(self.names, start, end)
        if not more or not tally[0]:
            return ""
        hung = self._hung(start, end)
        least, most = (_failed_with(check, tally, number) for number in (hung, hung + more))
        if not check.accepts(least) or check.accepts(most):
            return ""
        whose = ", ".join(sorted({repr(name) for name in doubtful.name})[:_NAMED])
        age = (doubtful.until - doubtful.begun).max()
        return (
            f"cannot tell: {more:,} more ({whose}) never ended, after up to {age:,.3g} s, far "
            "longer than the few that did: they hung, or were meant to last"
        )

    def _window_value(self, start: float, end: float) -> float:
        """Return the number in a window, from memory if it is known for good."""
        measured, key = self.measured, (self.check.text, start)
        known = measured.memory.get(key)
        if known is not None:
            return known
        if measured.is_missing(start, end):
            return math.nan  # nothing was told, which is not the same as nothing happened
        value, _ = self._value(start, end)
        if end <= measured.settled:
            measured.memory[key] = value
        return value

    def _value(self, start: float, end: float) -> tuple[float, str]:
        """Return the number in a span, NaN if there is none, and what to say of it."""
        measured = self.measured
        actions, failed = measured.tally(self.names, start, end)
        begin = max(start, measured.load_at)
        match self.check.statistic.word:
            case "count":
                return float(actions), ""
            case "rate" if measured.is_early(begin):
                return math.nan, f"too early: {measured.elapsed - begin:.1f} s are no rate yet"
            case "rate":
                actions -= measured.ended_in_init(self.names, start)
                return actions / (min(end, measured.elapsed) - begin), ""
            case "failed" if not actions:
                return math.nan, "no action ended"
            case "failed":
                value = failed / actions if self.check.kind == "share" else float(failed)
                others = measured.unended_in(self.names, start, end)
                more = f", {others:,} more never ended" if others else ""
                return value, f"{failed:,} of {actions:,} actions{more}"
        return self._duration(start, end)

    def _duration(self, start: float, end: float) -> tuple[float, str]:
        """Return a statistic of durations, and what to say of it."""
        actions, failed = self.measured.tally(self.names, start, end)
        if actions == failed:
            none = f"none of {actions:,} actions succeeded" if failed else "no action ended"
            return math.nan, none
        statistic = self.check.statistic
        times = self.measured.times(statistic.time or "response", self.names, start, end)
        value = statistic.of(times)
        remarks = [*_caveats(self.check, times, value), *self._undelivered()]
        if self._is_joined(start, end):
            remarks.append(f"in part by {_JOINED}")
        return value, "; ".join(remarks)

    def _what_decided(self) -> str:
        """Say what that never ended decided the check."""
        check = self.check
        if check.statistic.word != "failed":
            return "; ".join([_UNENDED, *self._undelivered()])
        actions, failed = self.measured.tally(self.names, check.start, check.end)
        hung = self._hung(check.start, check.end)
        return f"{failed:,} of {actions:,} actions, and {hung:,} that never ended count as failed"

    def _undelivered(self) -> Iterator[str]:
        """Say how many messages that users stamped never came to anybody who measures them."""
        expected, lost = self.measured.deliveries(self.names)
        if lost:
            yield f"{lost:,} of {expected:,} deliveries never arrived"

    def _is_joined(self, start: float, end: float) -> bool:
        """Whether durations of a stretch are known by the percentiles of its windows only."""
        return self.check.statistic.word not in _COUNTED and self.measured.cuts(start, end)


def _failed_with(check: Check, tally: tuple[int, int], more: int) -> float:
    """Return how many failed, or their share, with so many more that did."""
    actions, failed = tally
    return (failed + more) / (actions + more) if check.kind == "share" else float(failed + more)


def _decides(check: Check, value: float, at_least: float) -> bool:
    """Whether it is enough to know that a time is at least so much: it can only be longer."""
    if not (at_least > value or math.isnan(value)):
        return False
    is_upper = check.comparison in {"<", "<=", "=="}
    return not math.isnan(at_least) and is_upper != check.accepts(at_least)


def _judge_users(check: Check, measured: Measured) -> CheckResult:
    total = sum(measured.users.values())
    chosen = total if check.name is None else measured.users.get(check.name, 0)
    if not total:
        return _unknown(check, "there were no users")
    if check.name not in {None, "dropped"}:  # who never came can have no other outcome
        total -= measured.users.get("dropped", 0)
        if not total:
            return _unknown(check, "no user was admitted")
    value = chosen / total if check.kind == "share" else float(chosen)
    return CheckResult(check, check.accepts(value), value, f"{chosen:,} of {total:,} users")


def _caveats(check: Check, times: Histogram, value: float) -> Iterator[str]:
    """Say what a percentile of so few values, or so near to its limit, leaves open."""
    quantile = check.statistic.quantile
    if quantile is None:
        return
    if check.windows is None and nearest_rank(quantile, times.count) == times.count > 1:
        yield f"{check.statistic.word} of {times.count:,} values is their maximum"
    elif math.isclose(value, check.limit, rel_tol=RESOLUTION):
        yield f"the histogram's error of {RESOLUTION:.1%} reaches the limit"


def _unknown(check: Check, reason: str) -> CheckResult:
    return CheckResult(check, holds=False, value=math.nan, reason=reason)


def _absence(pattern: str | None, names: Sequence[str], unended: Sequence[str]) -> str:
    if matching(pattern, unended):
        return "no action that began has ended"
    if pattern is None:
        return "no action was recorded"
    verb = "fits" if "*" in pattern else "is called"
    return f"no action {verb} {pattern!r}{closest(pattern, names, 'actions')}"
