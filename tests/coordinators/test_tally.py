"""A tally puts every user into exactly one batch, and takes out those who are gone."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur import Member
from murmur.coordinators import Plan, Tally, _tally


@dataclass(frozen=True)
class Visitor:
    """A user as small as can be."""

    id: int


def members(count: int) -> list[Member]:
    return [Member(Visitor(number), f"data {number}") for number in range(count)]


def tally_of(how_many, function=lambda event, users: None, seed: int = 0) -> Tally:
    (item,) = Plan.read((how_many, function)).items
    return Tally(item, Random(seed))


def test_a_number_completes_a_batch_newest_first():
    a, b, c = members(3)
    tally = tally_of(2)

    assert tally.add(a) is None
    batch = tally.add(b)
    assert batch is not None
    assert (batch.kind, batch.count, batch.members) == ("coordinate", 2, (b, a))
    assert tally.add(c) is None
    assert tally.count == 1


def test_all_is_complete_only_when_it_is_closed():
    tally = tally_of("all")
    everybody = members(50)

    assert [tally.add(member) for member in everybody] == [None] * 50
    batch = tally.close("timeout")
    assert (batch.kind, batch.count) == ("timeout", 50)
    assert batch.members == tuple(reversed(everybody))
    assert tally.count == 0


def test_nobody_is_kept_for_actions_that_do_not_ask():
    tally = tally_of(2, lambda event: None)
    a, b = members(2)
    tally.add(a)
    batch = tally.add(b)

    assert batch is not None
    assert (batch.count, batch.members, batch.dropped) == (2, (), 0)


def test_a_user_who_is_gone_leaves_the_batch_however_often_it_came():
    a, b, c = members(3)
    tally = tally_of(4)
    for member in (a, b, a):
        tally.add(member)

    tally.remove(a.user.id)
    tally.remove(99)

    assert tally.count == 1
    assert [tally.add(member) for member in (c, b)] == [None, None]
    batch = tally.add(c)
    assert batch is not None
    assert batch.members == (c, b, c, b)


def test_a_batch_keeps_so_many_members_and_counts_the_rest(monkeypatch):
    monkeypatch.setattr(_tally, "MAX_MEMBERS", 3)
    tally = tally_of("all")
    everybody = members(5)
    for member in everybody:
        tally.add(member)
    batch = tally.close("reset")

    assert (batch.count, batch.dropped) == (5, 2)
    assert batch.members == tuple(reversed(everybody[:3]))


how_many = st.one_of(
    st.integers(1, 9),
    st.tuples(st.integers(1, 9), st.integers(0, 9)).map(lambda pair: (pair[0], sum(pair))),
    st.just("all"),
)


@given(how_many, st.lists(st.one_of(st.none(), st.integers(0, 20)), max_size=80), st.integers())
def test_batches_partition_the_users_exactly(wanted, steps, seed):
    """Every user is in one batch, in order; None closes the batch, as a timeout does."""
    tally = tally_of(wanted, seed=seed)
    batches = []
    added = []
    for position, step in enumerate(steps):
        if step is None:
            batches.append(tally.close("timeout"))
        else:
            added.append(Member(Visitor(step), position))
            batches.append(tally.add(added[-1]))
    batches = [batch for batch in [*batches, tally.close("stop")] if batch is not None]

    fewest, most = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    assert [member for batch in batches for member in reversed(batch.members)] == added
    assert all(batch.count == len(batch.members) for batch in batches)
    for batch in batches:
        if batch.kind == "coordinate":
            assert fewest <= batch.count <= most
        elif wanted != "all":
            assert batch.count < most


@given(
    how_many,
    st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=60),
    st.booleans(),
)
def test_users_who_are_gone_are_in_no_later_batch(wanted, steps, keeps):
    """Against a list that is searched from end to end."""
    tally = tally_of(wanted, (lambda event, users: None) if keeps else (lambda event: None))
    waiting: list[Member] = []
    for position, (comes, user_id) in enumerate(steps):
        if comes:
            waiting.append(Member(Visitor(user_id), position))
            batch = tally.add(waiting[-1])
            if batch is not None:
                assert batch.count == len(waiting)
                assert batch.members == (tuple(reversed(waiting)) if keeps else ())
                waiting = []
        else:
            tally.remove(user_id)
            waiting = [member for member in waiting if member.user.id != user_id]
        assert tally.count == len(waiting)


def test_the_same_seed_draws_the_same_sizes():
    def sizes(seed: int) -> list[int]:
        tally = tally_of((2, 9), seed=seed)
        batches = [tally.add(member) for member in members(200)]
        return [batch.count for batch in batches if batch is not None]

    assert sizes(3) == sizes(3)
    assert sizes(3) != sizes(4)
    assert set(sizes(3)) == set(range(2, 10))


@pytest.mark.parametrize("kind", ["timeout", "reset", "stop"])
def test_a_closed_batch_may_be_empty(kind):
    batch = tally_of(3).close(kind)

    assert (batch.kind, batch.count, batch.members) == (kind, 0, ())
