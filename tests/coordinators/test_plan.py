"""A plan is read in any of its spellings, put in order, and refused with every reason."""

from __future__ import annotations

import functools
import itertools
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur import CoordinatorEvent, Member
from murmur.coordinators import Plan, distinct_pairs
from murmur.errors import InvalidArgumentError

EVENT = CoordinatorEvent("coordinate", 3, "rooms", 3)


def count(event):
    """Take an event alone."""


def meet(event, users):
    """Take a list."""


def introduce(event, a, b):
    """Take a pair."""


class Host:
    """Has actions that are methods."""

    def introduce(self, event, a, b):
        """Take a pair."""

    def __call__(self, event, users):
        """Take a list."""


def arities(plan: Plan) -> list[int]:
    return [action.arity for item in plan.items for action in item.actions]


def test_coo_1_three_spellings_of_one_item_are_the_same_plan():
    """COO-1."""
    bare = Plan.read((2, count))

    assert bare == Plan.read((2, [count])) == Plan.read([(2, count)]) == Plan.read([(2, [count])])
    assert [item.how_many for item in bare.items] == [2]


def test_coo_2_all_items_go_last_and_both_kinds_keep_their_order():
    """COO-2."""
    plan = Plan.read([("all", count), (3, meet), ("all", meet), ((2, 5), count), (3, introduce)])

    assert [item.how_many for item in plan.items] == [3, (2, 5), 3, "all", "all"]
    assert [action.function for item in plan.items for action in item.actions] == [
        meet,
        count,
        introduce,
        count,
        meet,
    ]


def test_an_action_is_called_with_as_many_parameters_as_it_needs():
    plan = Plan.read(
        (
            2,
            [
                count,
                meet,
                introduce,
                Host().introduce,
                Host(),
                functools.partial(introduce, b=None),
                [].append,
                lambda event, users, i=3: (event, users, i),
                lambda event, *rest, **named: (event, rest, named),
            ],
        )
    )

    assert arities(plan) == [1, 2, 3, 3, 2, 2, 1, 2, 1]


@pytest.mark.parametrize(
    ("arity_function", "calls"),
    [
        (count, [(EVENT,)]),
        (meet, [(EVENT, ["c", "b", "a"])]),
        (introduce, [(EVENT, "c", "b"), (EVENT, "c", "a"), (EVENT, "b", "a")]),
    ],
)
def test_the_arity_decides_what_an_action_gets(arity_function, calls):
    (item,) = Plan.read((3, arity_function)).items
    (action,) = item.actions

    assert list(action.calls(EVENT, ("c", "b", "a"))) == calls


def test_an_action_may_do_with_its_list_what_it_likes():
    (item,) = Plan.read((2, [meet, meet])).items
    members = (Member(1, None), Member(2, None))
    first, second = (next(action.calls(EVENT, members))[1] for action in item.actions)

    first.clear()

    assert second == [(1, None), (2, None)]


@pytest.mark.parametrize(
    "how_many",
    [0, -1, 1.0, True, None, "every", (0, 3), (5, 3), (1, 2, 3), (1, math.inf), [2, 3], ()],
)
def test_how_many_is_refused_unless_it_can_be_counted_to(how_many):
    with pytest.raises(InvalidArgumentError, match="how many must be"):
        Plan.read([(how_many, count)])


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda: None, "must take"),
        (lambda a, b, c, d: None, "must take"),
        (lambda *args: None, "must take"),
        (lambda event=None: None, "must take"),
        (lambda event, *, users: None, "must take"),
        ("introduce", "callable"),
        (None, "callable"),
        (dict, "unknown"),
    ],
)
def test_an_action_is_refused_unless_its_parameters_tell_what_it_wants(function, reason):
    with pytest.raises(InvalidArgumentError, match=reason):
        Plan.read((2, function))


def test_pairs_of_all_are_refused():
    with pytest.raises(InvalidArgumentError, match="'all'"):
        Plan.read(("all", introduce))


@pytest.mark.parametrize("timeout", [0, -1, math.nan, "30", None, True])
def test_a_timeout_is_refused_unless_it_is_time(timeout):
    with pytest.raises(InvalidArgumentError, match="timeout"):
        Plan.read((2, count), timeout)


@pytest.mark.parametrize("plan", [2, None, (2,), (2, count, meet), [2, count], "all", [(2, [])]])
def test_a_shape_that_is_no_plan_is_refused(plan):
    with pytest.raises(InvalidArgumentError):
        Plan.read(plan)


def test_every_problem_is_reported_at_once():
    with pytest.raises(InvalidArgumentError) as caught:
        Plan.read([(0, count), (2, None), ("all", introduce), 5], timeout=-1)

    reasons = caught.value.remedy.splitlines()[1:]
    assert len(reasons) == 5
    assert [reason.strip(" -").partition(":")[0][:6] for reason in reasons[1:]] == [
        "item 1",
        "item 2",
        "item 3",
        "item 4",
    ]


def test_a_plan_without_items_serves_gathering_alone():
    assert Plan.read([]).items == ()


def test_equal_items_are_fine():
    assert len(Plan.read([(2, count), (2, count)]).items) == 2


def test_a_plan_is_the_same_when_its_lambdas_were_made_anew_over_the_same_values():
    def plan_of(host):
        return Plan.read([(2, lambda event, a, b: host.introduce(event, b, a)), (3, host)])

    host = Host()

    assert plan_of(host).is_same(plan_of(host))
    assert not plan_of(host).is_same(plan_of(Host()))


def test_a_plan_is_another_with_other_numbers_actions_or_timeout():
    plan = Plan.read([(2, count), ("all", meet)])

    assert not plan.is_same(Plan.read([(3, count), ("all", meet)]))
    assert not plan.is_same(Plan.read([(2, meet), ("all", meet)]))
    assert not plan.is_same(Plan.read([(2, [count, count]), ("all", meet)]))
    assert not plan.is_same(Plan.read([(2, count)]))
    assert not plan.is_same(Plan.read([(2, count), ("all", meet)], timeout=31))


def test_a_function_over_a_name_that_is_not_set_yet_is_like_itself_alone():
    def plans():
        plan = Plan.read((2, lambda event: later))
        yield plan
        later = None
        yield plan

    one, other = plans(), plans()

    assert not next(one).is_same(next(other))
    assert next(one).is_same(next(other))  # by now both hold None


def test_a_range_reaches_both_its_ends():
    """8.4: amoc never draws the upper end."""
    (item,) = Plan.read(((1, 2), count)).items
    random = Random(7)

    assert {item.draw(random) for _ in range(100)} == {1, 2}


@given(st.integers(0, 12))
def test_pairs_are_distinct_complete_and_newest_first(size):
    members = [Member(user, None) for user in range(size, 0, -1)]
    pairs = list(distinct_pairs(members))

    if size < 2:
        assert pairs == [(members[0] if members else None, None)]
    else:
        assert len(pairs) == len(set(pairs)) == size * (size - 1) // 2
        assert all(newer.user > older.user for newer, older in pairs)


def test_pairs_of_three_as_in_appendix_b():
    """Appendix B."""
    pairs = list(distinct_pairs(["c", "b", "a"]))

    assert pairs == [("c", "b"), ("c", "a"), ("b", "a")]


def test_members_are_plain_tuples_with_names():
    member = Member("user", "data")

    assert member == ("user", "data")
    assert list(itertools.chain(member)) == [member.user, member.data]
