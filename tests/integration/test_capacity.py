"""A search for capacity over real runs: of a server whose limit is known by construction."""

from __future__ import annotations

import anyio
import pytest

import murmur
from murmur.errors import InvalidArgumentError, InvalidCheckError, RunStateError
from murmur.results.capacity import Search, Step

INF = float("inf")


class Counter(murmur.Scenario):
    """Users queue at one counter that takes 20 ms for each: 50 a second and no more."""

    async def init(self) -> None:
        self.free_at = 0.0

    async def start(self, user: murmur.User) -> None:
        while True:
            with user.timer("order"):
                # In slots, so that a busy machine that wakes one late does not delay all behind.
                self.free_at = max(self.free_at, anyio.current_time()) + 0.02
                await anyio.sleep_until(self.free_at)


def test_users_at_one_counter() -> None:
    """Of N users each waits for N services: 0.02 N, so 0.19 s are reached by 9 users."""
    told: list[tuple[float, str]] = []

    def tell(step: Step, search: Search) -> None:
        told.append((step.load, step.answer))

    with murmur.Session() as session:
        capacity = session.find_capacity(
            Counter,
            check="p50(order) < 0.19",
            low=4,
            hold=1.5,
            warm_up=0.5,
            within=0.3,
            confirm=1,
            on_step=tell,
        )

    answers = {load: answer for load, answer in told if answer != "no answer"}
    assert all(answer == "holds" for load, answer in answers.items() if load <= 6), told
    assert all(answer == "fails" for load, answer in answers.items() if load >= 11), told
    assert [step.load for step in capacity.taken] == [load for load, _ in told]
    assert list(capacity.steps["load"]) == [load for load, _ in told]
    if capacity.ended == "found":  # a busy machine may give no answers, and says so
        assert 6 <= capacity.low <= capacity.high <= 11
    else:
        assert capacity.ended in {"generator", "too noisy"}
    law = capacity.littles_law()
    assert 0.8 < law["ratio"].median() < 1.25, law
    assert (capacity.steps["evidence"] > 0).all()
    assert capacity.chart().to_dict()["concat"]
    assert capacity.sentence in repr(capacity)
    assert "<table>" in capacity._repr_html_()
    assert capacity.to_dict()["steps"][0]["load"] == 4


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"check": "p99(order) < 1s after 5s"}, InvalidCheckError, "itself"),
        ({"check": "p99(order) <"}, InvalidCheckError, "limit|number|<"),
        ({"check": "p99(order) < 1", "hold": 0}, ValueError, "hold=0"),
        ({"check": "p99(order) < 1", "by": "orders"}, ValueError, "users="),
        ({"check": "p99(order) < 1", "low": 0}, ValueError, "low=0"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(
    options: dict[str, object], error: type[Exception], says: str
) -> None:
    with murmur.Session() as session, pytest.raises(error, match=says):
        session.find_capacity(Counter, **options)  # type: ignore[arg-type]

    assert session.run is None


def test_a_limit_is_not_made_a_rate_unasked() -> None:
    """It would be so many a minute: no action ended, and the load was said to be per minute."""

    class Pool(Counter):
        """Users of whom two may act at a time."""

        async def init(self) -> None:
            await super().init()
            await murmur.throttle("pool", limit=2)

    with murmur.Session() as session:
        with pytest.raises(InvalidArgumentError, match="by='pool' limits how many act at a time"):
            session.find_capacity(Pool, check="p50(order) < 1", by="pool", low=1, users=4, hold=1)
        assert session.status().state.is_over


def test_another_search_is_refused_also_between_two_steps_of_the_first() -> None:
    told: list[object] = []

    def search_too(step: Step, search: Search) -> None:
        try:
            session.find_capacity(Counter, check="p50(order) < 9", hold=0.2, warm_up=0.1)
        except RunStateError as error:
            told.append(str(error))
        told.append(session.search is None)

    with murmur.Session() as session:
        found = session.find_capacity(
            Counter, check="p50(order) < 9", high=2, hold=0.2, warm_up=0.1, on_step=search_too
        )

    refused = "cannot search for a capacity: the run is that of another search"
    assert told[:2] == [f"{refused}; wait until the other search is over", False]
    assert found.ended != "given up"
