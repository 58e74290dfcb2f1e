"""Report of the demo: what it found, and whether that adds up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from murmur.errors import number_of

if TYPE_CHECKING:
    from murmur.results import Results
    from murmur.testing import RouterCounters


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one run of the demo."""

    users: dict[str, int]  # users by outcome
    sent: int  # sent, delivered: messages that users sent, and that users received
    delivered: int
    forwarded: int  # messages that the router passed on
    # messages that the router did not pass on, because their recipient was not connected: not
    # yet, or no longer
    absent: int
    # response_p50, response_p99: seconds from when a message was due to its answer; None without
    # any
    response_p50: float | None
    response_p99: float | None
    # seconds by which the generator itself was late, 99th percentile of the worst second
    loop_lag_p99: float | None
    # one of "valid", "suspect", "invalid": whether the generator kept up, so that the numbers say
    # something about the router
    verdict: str
    problems: list[str]  # what does not add up; empty if all does

    @classmethod
    def of(
        cls,
        results: Results,
        router: RouterCounters,
        *,
        announced: int,  # users that were started
    ) -> Self:
        """Return the report on a run that is over."""
        summary = results.summary()
        users = dict(results.users["outcome"].value_counts().sort_index())
        counted = results.counters.groupby("name", observed=True)["value"].sum()
        answered = [action for action in summary.actions if action.name == "round_trip"]
        lag = results.health["loop_lag_p99"].max()
        outcomes = {str(outcome): int(count) for outcome, count in users.items()}
        sent, delivered = int(counted.get("sent", 0)), int(counted.get("received", 0))
        return cls(
            users=outcomes,
            sent=sent,
            delivered=delivered,
            forwarded=router.forwarded,
            absent=router.absent,
            response_p50=answered[0].response_p50 if answered else None,
            response_p99=answered[0].response_p99 if answered else None,
            loop_lag_p99=float(lag) if lag == lag else None,  # noqa: PLR0124 - it may be NaN
            verdict=summary.verdict.state,
            problems=_problems(outcomes, announced, sent, delivered, router),
        )

    def as_dict(self) -> dict[str, object]:
        """Return the figures by name, as JSON can hold them."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"messages: {self.sent:,} sent, {self.forwarded:,} forwarded by the router, "
            f"{self.delivered:,} received"
        ]
        if self.absent:
            lines.append(f"the other {self.absent:,} were to users who had not come, or had left")
        return "\n".join([*lines, *(f"problem: {problem}" for problem in self.problems)])


def _problems(
    users: dict[str, int], announced: int, sent: int, delivered: int, router: RouterCounters
) -> list[str]:
    problems = []
    accounted = sum(users.values())
    if accounted != announced:
        problems.append(f"{accounted:,} of {announced:,} users have an outcome")
    if users.get("failed"):
        problems.append(f"{number_of(users['failed'], 'user')} failed")
    # Who is removed by force leaves messages on its connection, in both directions.
    if not users.get("killed"):
        if sent != router.received:
            problems.append(f"{sent:,} messages sent, but {router.received:,} reached the router")
        if router.received != router.forwarded + router.absent:
            lost = router.received - router.forwarded - router.absent
            problems.append(f"{lost:,} messages reached the router as nobody's, or as no messages")
        if delivered != router.forwarded:
            problems.append(f"{router.forwarded:,} messages forwarded, but {delivered:,} received")
    return problems
