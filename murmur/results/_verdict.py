"""Whether the numbers of a run can be trusted: the rules, as pure functions.

A load generator that is too slow itself measures its own queue.  murmur therefore watches
its event loop, and judges a run by what it saw:

* A window is *saturated* when its node marked it so (see the frame ``health``: the loop or
  the schedule was late, open files or ports ran out), or when the 99th percentile of the
  loop's lag exceeds 50 ms in it.
* More than 20 % of the windows saturated, or a run that was given up because its loop was
  stuck or had died: the run is ``invalid``.
* More than 5 %, users lost with their node, users that ignored their cancellation and were
  abandoned, or a run that was cut off: it is ``suspect``.
* Otherwise it is ``valid``.

Losses that bias nothing (a sample of the actions, dropped events) are mentioned and change
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Evidence", "State", "Verdict", "judge"]

State: TypeAlias = Literal["valid", "suspect", "invalid"]

_SUSPECT_SHARE = 0.05
_INVALID_SHARE = 0.20
_BY_SEVERITY: tuple[State, ...] = ("valid", "suspect", "invalid")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules look at.

    Attributes
    ----------
    windows, saturated : int
        Windows of the generator's health, and how many of them were saturated.
    worst_lag : float
        Longest lag of the event loop in seconds; NaN without windows.
    causes : tuple of str
        Which rules saturated windows, the most frequent first.
    lost, abandoned : int
        Users whose node died, and users that ignored their cancellation.
    actions, actions_kept : int
        Actions that ended, and those with a row of their own.
    events_dropped : int
        Events that were not kept for want of room.
    rows_dropped : int
        Rows of the oldest windows and changes that were given up for want of room.
    cut_off_at : float or None
        Seconds after which a run whose process was ended is not known.
    broken_off : str
        Why its session gave the run up; empty if it ended in order.

    Examples
    --------
    >>> judge(Evidence(windows=60, lost=3)).reasons
    ('3 users were lost with a node.',)
    """

    windows: int = 0
    saturated: int = 0
    worst_lag: float = float("nan")
    causes: tuple[str, ...] = ()
    lost: int = 0
    abandoned: int = 0
    actions: int = 0
    actions_kept: int = 0
    events_dropped: int = 0
    rows_dropped: int = 0
    cut_off_at: float | None = None
    broken_off: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a run can be trusted, and what there is to say about it.

    Attributes
    ----------
    state : {"valid", "suspect", "invalid"}
        Take the numbers, look twice, or do not use them.
    reasons : tuple of str
        One sentence each, the grounds first; a valid run may have remarks.

    Examples
    --------
    >>> verdict = judge(Evidence(windows=100, saturated=8, worst_lag=0.09))
    >>> verdict.state, verdict.is_valid
    ('suspect', False)
    """

    state: State
    reasons: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether nothing speaks against the numbers."""
        return self.state == "valid"

    def __str__(self) -> str:
        """Return the state and the reasons in one line."""
        return f"{self.state}: {' '.join(self.reasons)}" if self.reasons else self.state


def judge(evidence: Evidence) -> Verdict:
    """Return what the rules of this module make of `evidence`.

    Examples
    --------
    >>> judge(Evidence(windows=100, saturated=2, worst_lag=0.07)).state
    'valid'
    >>> print(judge(Evidence(windows=100, saturated=21, worst_lag=0.4)))
    invalid: The generator was saturated in 21 of 100 windows (lag up to 400 ms).
    """
    findings = [*_end(evidence), *_saturation(evidence), *_users(evidence)]
    state: State = max((found for found, _ in findings), key=_BY_SEVERITY.index, default="valid")
    grounds = [reason for found, reason in findings if found != "valid"]
    remarks = [reason for found, reason in findings if found == "valid"]
    return Verdict(state, (*grounds, *remarks, *_omissions(evidence)))


def _end(evidence: Evidence) -> list[tuple[State, str]]:
    reason = evidence.broken_off
    return [("invalid", f"The run did not end in order: {reason}.")] if reason else []


def _saturation(evidence: Evidence) -> list[tuple[State, str]]:
    if not evidence.saturated:
        return []
    share = evidence.saturated / evidence.windows
    state: State = "valid"
    if share > _INVALID_SHARE:
        state = "invalid"
    elif share > _SUSPECT_SHARE:
        state = "suspect"
    windows = f"{evidence.saturated:,} of {evidence.windows:,} windows"
    lag = f"lag up to {evidence.worst_lag * 1e3:,.0f} ms"
    others = [cause for cause in evidence.causes if cause != "loop lag"]
    detail = "; ".join([lag, *others])
    return [(state, f"The generator was saturated in {windows} ({detail}).")]


def _users(evidence: Evidence) -> list[tuple[State, str]]:
    findings: list[tuple[State, str]] = []
    if evidence.lost:
        findings.append(("suspect", f"{_count(evidence.lost, 'user')} lost with a node."))
    if evidence.abandoned:
        users = _count(evidence.abandoned, "user")
        findings.append(("suspect", f"{users} abandoned: cancellation was ignored."))
    if evidence.cut_off_at is not None:
        last = f"{evidence.cut_off_at:,.0f} s"
        findings.append(("suspect", f"The run was cut off; what came after {last} is not known."))
    return findings


def _omissions(evidence: Evidence) -> list[str]:
    remarks = []
    if evidence.actions_kept < evidence.actions:
        remarks.append(
            f"The actions frame is a uniform sample: {evidence.actions_kept:,} "
            f"of {evidence.actions:,}."
        )
    if evidence.events_dropped:
        remarks.append(f"{_count(evidence.events_dropped, 'event')} dropped for want of room.")
    if evidence.rows_dropped:
        rows = _count(evidence.rows_dropped, "row")
        remarks.append(f"{rows} given up for want of room, those of the oldest windows.")
    return remarks


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun} was" if number == 1 else f"{number:,} {noun}s were"
