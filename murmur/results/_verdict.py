"""Whether the numbers of a run can be trusted: the rules, as pure functions.

What did not happen counts.  A run has a plan (users, permits, seconds), and what was not
delivered is told with whose doing it was: the generator's, other programs', a quota's, a
node's, the scenario's.  The rules, of which the worst decides:

* Seconds in which the steering kernel stood still, so that nodes had no permits and no
  messages: more than 5 % ``suspect``, more than 20 % ``invalid``.
* Seconds for which the machine slept, beside those of the run: the same shares.
* Node-seconds that are saturated, or of which a node that took part told nothing: of all
  nodes together more than 5 % ``suspect``, more than 20 % ``invalid``; of one node more than
  20 % ``suspect``.
* Permits that were skipped because the generator was late, of what was due, for any
  throttle: more than 1 % ``suspect``, more than 5 % ``invalid``.
* Users that were lost, or gone with a node that nobody asked to go: any ``suspect``, more
  than 20 % ``invalid``.
* User-seconds of the plan that were not carried out, and nobody asked for that: more than
  1 % ``suspect``, more than 20 % ``invalid``.
* Every user failed; users ignored their cancellation, or go on from an earlier run; the run was
  cut off: ``suspect``.
* The session gave the run up, or the run failed: ``invalid``.

What a person asked for (`stop`, `expel`), what came to no end (actions that were cut short,
users that were never admitted, messages that did not arrive) and losses that bias nothing (a
sample of the actions, dropped events) are mentioned and change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from murmur.errors import few, number_of
from murmur.recording import Standstill
from murmur.runtime.health import standstill_text

State: TypeAlias = Literal["valid", "suspect", "invalid"]
Finding: TypeAlias = tuple[State, str]

_BY_SEVERITY: tuple[State, ...] = ("valid", "suspect", "invalid")
_SECONDS = (0.05, 0.20)  # shares above which a run is suspect, and invalid
_OF_ONE_NODE = (0.20, math.inf)
_SKIPPED = (0.01, 0.05)
_UNASKED = (0.0, 0.20)
_UNDONE = (0.01, 0.20)
_SLEWED = 1.0  # s by which a clock may be set without a word: it is corrected little by little
_NAP = 1.0  # s of sleep that are told
_MOST = 3
"""Nodes, lines and causes that are named; of more, it is said how many."""


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """How the generator on one node fared."""

    node: str
    seconds: float  # for how long it took part
    # saturated, missing: for how many of these seconds it was the bottleneck, and told nothing
    saturated: float = 0.0
    missing: float = 0.0
    # for how many of the saturated seconds other programs had the machine's cores
    crowded: float = 0.0
    # cpu, machine_cpu: cores it used, and the share of the machine's that were busy, in those
    cpu: float = math.nan
    machine_cpu: float = math.nan
    # held, quota: for how many of them a quota of processor time held it back, and its cores
    held: float = 0.0
    quota: float = math.nan
    worst_lag: float = math.nan  # longest lag of its loop in seconds; NaN if unknown
    # lines that blocked its loop: where, the longest time in seconds, how often
    holds: tuple[tuple[str, float, int], ...] = ()
    causes: tuple[str, ...] = ()  # which rules saturated its seconds, the most frequent first

    @property
    def bad(self) -> float:
        """Seconds in which what it measured says more about itself than about the target."""
        return self.saturated + self.missing


@dataclass(frozen=True, slots=True)
class Permits:
    """Permits of one throttle over a run: how many fell due, and how many were skipped."""

    throttle: str
    due: float
    skipped: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules look at.

    Attributes
    ----------
    nodes : tuple of NodeHealth
        Every node that had users.
    unsteered : tuple of Standstill
        When the steering kernel stood still.
    permits : tuple of Permits
        Every throttle.
    users : int
        Users that were announced.
    dropped : int
        Users that were never admitted.
    lost, gone : int
        Users whose node died, and users that went in order because their node did.
    departed : tuple of str
        Which nodes went before the end, how and when.
    expelled : int
        Users whose node a person sent away.
    released : int
        Users whose node a person gave back, or scaled away.
    abandoned : int
        Users that ignored their cancellation.
    unstoppable : int
        Users of earlier runs whose code went on when this one began.
    failed : int
        Users whose `start` raised.
    failure : str
        What most of them raised.
    planned, undone : float
        User-seconds that the run was to have, and those of them that it had not, although
        nobody asked for that.
    actions, actions_kept : int
        Actions that ended, and those with a row of their own.
    leftovers : tuple of (str, int)
        Functions whose tasks users left behind, and how many there were.
    events_dropped : int
        Events that were not kept for want of room.
    rows_dropped : int
        Rows of the oldest windows and changes that were given up for want of room.
    cut_off_at : float or None
        Seconds after which a run whose process was ended is not known.
    broken_off : str
        Why its session gave the run up; empty if it ended in order.
    has_failed : bool
        Whether the run failed.
    stopped_at, planned_end : float or None
        When a person stopped it, and when it would have ended by itself.
    unfinished : tuple of str
        What was begun, asked or sent and came to no end, a sentence each.
    clock_set : float
        By how many seconds the machine's clock was set during the run.
    slept : float
        For how long the machine slept meanwhile; NaN if unknown, and then in `clock_set`.
    troubles : tuple of str
        What is wrong with exporters and others that follow the run, a sentence each.

    Examples
    --------
    >>> judge(Evidence(users=60, lost=3)).reasons
    ('3 of 60 users were lost, or went with a node that nobody asked to go.',)
    """

    nodes: tuple[NodeHealth, ...] = ()
    unsteered: tuple[Standstill, ...] = ()
    permits: tuple[Permits, ...] = ()
    users: int = 0
    dropped: int = 0
    lost: int = 0
    gone: int = 0
    departed: tuple[str, ...] = ()
    expelled: int = 0
    released: int = 0
    abandoned: int = 0
    unstoppable: int = 0
    failed: int = 0
    failure: str = ""
    planned: float = 0.0
    undone: float = 0.0
    actions: int = 0
    actions_kept: int = 0
    leftovers: tuple[tuple[str, int], ...] = ()
    events_dropped: int = 0
    rows_dropped: int = 0
    cut_off_at: float | None = None
    broken_off: str = ""
    has_failed: bool = False
    stopped_at: float | None = None
    planned_end: float = math.inf
    unfinished: tuple[str, ...] = ()
    clock_set: float = 0.0
    slept: float = math.nan
    troubles: tuple[str, ...] = ()


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
    >>> verdict = judge(Evidence(nodes=(NodeHealth("local", 100.0, saturated=8.0),)))
    >>> verdict.state, verdict.is_valid
    ('suspect', False)
    """

    state: State
    reasons: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether the numbers can be trusted as they are."""
        return self.state == "valid"

    def __str__(self) -> str:
        return f"{self.state}: {' '.join(self.reasons)}" if self.reasons else self.state


def judge(evidence: Evidence) -> Verdict:
    """Return what the rules of this module make of `evidence`.

    Parameters
    ----------
    evidence : Evidence
        What is known of the generator: seconds of its nodes, permits, users, the end.

    Examples
    --------
    >>> judge(Evidence(nodes=(NodeHealth("local", 100.0, saturated=2.0),))).state
    'valid'
    >>> held = NodeHealth("local", 45.0, missing=20.0, holds=(("chat.py:7", 20.0, 1),))
    >>> print(judge(Evidence(nodes=(held,))))
    invalid: The generator was late or silent for 20 of 45 s: blocked for 20 s at chat.py:7.
    """
    findings = [
        *_end(evidence),
        *_standstills(evidence),
        *_sleep(evidence),
        *_seconds(evidence.nodes),
        *_permits(evidence.permits),
        *_users(evidence),
    ]
    state: State = max((found for found, _ in findings), key=_BY_SEVERITY.index, default="valid")
    grounds = sorted(findings, key=lambda finding: -_BY_SEVERITY.index(finding[0]))
    reasons = [reason for _, reason in grounds]
    return Verdict(
        state, (*reasons, *_wishes(evidence), *evidence.unfinished, *_omissions(evidence))
    )


def _grade(share: float, limits: tuple[float, float]) -> State:
    suspect, invalid = limits
    return "invalid" if share > invalid else "suspect" if share > suspect else "valid"


def _end(evidence: Evidence) -> Iterator[Finding]:
    if evidence.broken_off:
        yield "invalid", f"The run did not end in order: {evidence.broken_off}."
    elif evidence.has_failed:
        yield "invalid", "The run failed before its end."
    if evidence.cut_off_at is not None:
        last = f"{evidence.cut_off_at:,.0f} s"
        yield (
            "suspect",
            f"The run was cut off, or is still on; what came after {last} is not known.",
        )


def _standstills(evidence: Evidence) -> Iterator[Finding]:
    """Yield for how long nobody was steered, which nodes that ran on could not help."""
    causes: dict[str, list[Standstill]] = {}
    for stood in evidence.unsteered:
        causes.setdefault(stood.cause, []).append(stood)
    whole = max((node.seconds for node in evidence.nodes), default=math.inf)
    for cause, several in causes.items():
        seconds = [stood.seconds for stood in several]
        text = standstill_text("The steering kernel", seconds, cause)
        since = f"{'the first time ' * (len(several) > 1)}from {several[0].since:,.1f} s on"
        yield _grade(sum(seconds) / whole, _SECONDS), f"{text} ({since})."


def _sleep(evidence: Evidence) -> Iterator[Finding]:
    """Yield for how long the machine slept, of which no second of the run tells."""
    if evidence.slept >= _NAP:
        whole = max((node.seconds for node in evidence.nodes), default=0.0) + evidence.slept
        yield (
            _grade(evidence.slept / whole, _SECONDS),
            f"The machine slept for {_duration(evidence.slept)} during the run, as a laptop or a "
            "paused virtual machine does: times leave that out, and connections may have ended.",
        )


def _seconds(nodes: tuple[NodeHealth, ...]) -> Iterator[Finding]:
    """Yield what the generators did to the run, all together and each that is conspicuous."""
    total, bad = sum(node.seconds for node in nodes), sum(node.bad for node in nodes)
    if not bad:
        return
    is_silent = any(node.missing for node in nodes)
    what = "late or silent" if is_silent else "saturated"
    who = "The generator was" if len(nodes) == 1 else "The generators were"
    unit = "s" if len(nodes) == 1 else "node-seconds"
    why = _causes(nodes) if len(nodes) == 1 else ""
    yield _grade(bad / total, _SECONDS), f"{who} {what} for {bad:,.0f} of {total:,.0f} {unit}{why}."
    if len(nodes) > 1:
        yield from _each(nodes)
    yield from _others(nodes, bad)
    yield from _quota(nodes, bad)


def _each(nodes: tuple[NodeHealth, ...]) -> Iterator[Finding]:
    """Yield what is to be said of single nodes, the worst first."""
    worst = sorted(
        (node for node in nodes if node.bad), key=lambda node: (-node.bad / node.seconds, node.node)
    )
    for node in worst[:_MOST]:
        what = "late or silent" if node.missing else "saturated"
        text = f"Node {node.node} was {what} for {node.bad:,.0f} of its {node.seconds:,.0f} s"
        yield _grade(node.bad / node.seconds, _OF_ONE_NODE), f"{text}{_causes([node])}."
    rest = worst[_MOST:]
    if rest:
        state = max(
            (_grade(node.bad / node.seconds, _OF_ONE_NODE) for node in rest),
            key=_BY_SEVERITY.index,
        )
        yield state, f"So were {len(rest):,} more, for less of their time."


def _causes(nodes: Iterable[NodeHealth]) -> str:
    """Return why nodes were late, the plainest cause first."""
    node = max(nodes, key=lambda node: node.bad)
    said = []
    for line, longest, count in node.holds[:_MOST]:
        often = f", {count:,} times" if count > 1 else ""
        said.append(f"blocked for {_duration(longest)} at {line}{often}")
    known = {line for line, _, _ in node.holds}
    said += [
        cause
        for cause in node.causes[: 2 * _MOST]
        if cause != "loop lag" and cause.partition(" at ")[2] not in known - {""}
    ][:_MOST]
    if not node.holds and node.worst_lag > 0:
        said.append(f"lag up to {_duration(node.worst_lag)}")
    return f": {'; '.join(said)}" if said else ""


def _others(nodes: tuple[NodeHealth, ...], bad: float) -> Iterator[Finding]:
    """Say so where other programs of the machine are to blame for half of it or more."""
    crowded = sum(node.crowded for node in nodes)
    if not crowded or 2 * crowded < bad:
        return
    worst = max(nodes, key=lambda node: node.crowded)
    numbers = f"machine {worst.machine_cpu:.0%} busy, this process {worst.cpu:.0%} of a core"
    yield (
        "valid",
        f"Other programs had the machine for {crowded:,.0f} s of that ({numbers}): "
        "stop them, or give the generator cores of its own.",
    )


def _quota(nodes: tuple[NodeHealth, ...], bad: float) -> Iterator[Finding]:
    """Say so where a quota of processor time is to blame for half of it or more."""
    held = sum(node.held for node in nodes)
    if not held or 2 * held < bad:
        return
    worst = max(nodes, key=lambda node: node.held)
    yield (
        "valid",
        f"A quota of {worst.quota:,.2f} cores held the generator back for {held:,.0f} s of that: "
        "give its container or service more, or ask less of each node.",
    )


def _permits(permits: tuple[Permits, ...]) -> Iterator[Finding]:
    for each in permits:
        share = each.skipped / each.due if each.due > 0 else 0.0
        if share > 0:
            yield (
                _grade(share, _SKIPPED),
                f"The generator was late for {_share(share)} of the {each.due:,.0f} permits of "
                f"{each.throttle!r}, and skipped them.",
            )


def _users(evidence: Evidence) -> Iterator[Finding]:
    unasked = evidence.lost + evidence.gone
    if unasked:
        nodes = few(evidence.departed, _MOST)
        yield (
            _grade(unasked / max(evidence.users, unasked), _UNASKED),
            f"{unasked:,} of {number_of(evidence.users, 'user')} were lost, or went with a node "
            f"that nobody asked to go{f': {nodes}' if nodes else ''}.",
        )
    share = evidence.undone / evidence.planned if evidence.planned > 0 else 0.0
    if share > 0:
        yield (
            _grade(share, _UNDONE),
            f"{_share(share)} of the plan was not carried out, and nobody asked for that: "
            f"{evidence.undone:,.0f} of {evidence.planned:,.0f} user-seconds.",
        )
    if evidence.failed and evidence.failed == evidence.users - evidence.dropped:
        most = f", most often {evidence.failure}" if evidence.failure else ""
        if "'coroutine' object" in evidence.failure:
            most += "; an `await` is missing there"
        admitted = " that was admitted" if evidence.dropped else ""
        yield "suspect", f"Every user{admitted} failed ({evidence.failed:,}{most})."
    if evidence.abandoned:
        users = number_of(evidence.abandoned, "user")
        verb = "was" if evidence.abandoned == 1 else "were"
        yield "suspect", f"{users} {verb} abandoned: cancellation was ignored."
    if evidence.unstoppable:
        users = number_of(evidence.unstoppable, "user")
        yield (
            "suspect",
            f"{users} of earlier runs, who ignored their cancellation, went on as this one began.",
        )


def _wishes(evidence: Evidence) -> Iterator[str]:
    """Yield what a person asked for: it is no fault, and it explains numbers."""
    if evidence.stopped_at is not None and evidence.stopped_at < evidence.planned_end < math.inf:
        yield (
            f"It was stopped at {evidence.stopped_at:,.1f} s, before its planned "
            f"{evidence.planned_end:,.1f} s."
        )
    if evidence.expelled:
        users = number_of(evidence.expelled, "user")
        yield f"{users} went with a node that was expelled."
    if evidence.released:
        users = number_of(evidence.released, "user")
        yield f"{users} went with nodes that were given back, or scaled away."
    if abs(evidence.clock_set) > _SLEWED:
        set_by = f"The machine's clock was set by {evidence.clock_set:+,.0f} s during the run"
        or_slept = ", or it slept" * math.isnan(evidence.slept)
        yield f"{set_by}{or_slept}: dates and times count on from the start."


def _omissions(evidence: Evidence) -> Iterator[str]:
    if evidence.actions_kept < evidence.actions:
        yield (
            f"The actions frame is a uniform sample: {evidence.actions_kept:,} "
            f"of {evidence.actions:,}."
        )
    for name, number in evidence.leftovers:
        tasks = number_of(number, "task")
        yield f"Users left {tasks} of {name} behind, which went on without them."
    yield from evidence.troubles
    if evidence.events_dropped:
        yield f"{number_were(evidence.events_dropped, 'event')} dropped for want of room."
    if evidence.rows_dropped:
        rows = number_were(evidence.rows_dropped, "row")
        yield f"{rows} given up for want of room, those of the oldest windows."


def _duration(seconds: float) -> str:
    """Return seconds as a person says them.

    Examples
    --------
    >>> [_duration(seconds) for seconds in (20.04, 1.5, 0.0512)]
    ['20 s', '1.5 s', '51 ms']
    """
    if seconds >= 10:
        return f"{seconds:,.0f} s"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.0f} ms"


def _share(share: float) -> str:
    """Return a share in percent, to three digits, never as nothing."""
    return f"{share * 100:.3g} %" if share >= 0.0001 else "less than 0.01 %"


def number_were(number: int, noun: str) -> str:
    """Return "1 row was" or "2 rows were": what became of them follows."""
    return f"{number_of(number, noun)} {'was' if number == 1 else 'were'}"
