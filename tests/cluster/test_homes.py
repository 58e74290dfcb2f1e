"""Users are spread evenly, ids without gaps, removals by what there is; each has one home."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.cluster import Homes, split_removal

NODES = ("a", "b", "c")


def settled(homes: Homes, count: int, nodes: Sequence[str] = NODES) -> dict[str, range]:
    """Give new users their homes; return the ids of each node that got some."""
    ranges = homes.settle(homes.highest_id + 1, count, nodes)
    return {node: range(first, last + 1) for node, (first, last) in ranges.items()}


@pytest.mark.parametrize(
    ("count", "nodes", "shares"),
    [(10, 2, [5, 5]), (10, 3, [3, 3, 4]), (2, 3, [0, 1, 1]), (1, 2, [0, 1]), (3, 2, [1, 2]),
     (20, 3, [6, 7, 7])],
)  # fmt: skip
def test_shares_are_those_of_amoc(count: int, nodes: int, shares: list[int]) -> None:
    """Appendix B, node split."""
    ids = settled(Homes(), count, NODES[:nodes])

    assert [len(ids.get(node, ())) for node in NODES[:nodes]] == shares


def test_single_users_land_on_a_different_node_each_turn() -> None:
    homes = Homes()

    assert sorted(node for _ in NODES for node in settled(homes, 1)) == ["a", "b", "c"]


@given(st.lists(st.integers(0, 10_000), min_size=1), st.integers(1, 40))
def test_every_user_goes_to_one_node_and_shares_differ_by_one(
    counts: list[int], number: int
) -> None:
    homes = Homes()
    nodes = [f"node-{n}" for n in range(number)]
    for count in counts:
        before = homes.highest_id
        shares = settled(homes, count, nodes)

        ids = [user for each in shares.values() for user in each]
        assert ids == list(range(before + 1, before + 1 + count))
        sizes = [len(shares.get(node, ())) for node in nodes]
        assert max(sizes) - min(sizes) <= 1


populations = st.dictionaries(st.text(min_size=1), st.integers(0, 300), min_size=1)


@given(st.integers(0, 2_000), populations)
def test_dst_1_no_node_is_asked_for_more_than_it_has(count: int, present: dict[str, int]) -> None:
    """DST-1."""
    assert all(share <= present[node] for node, share in split_removal(count, present).items())


@given(st.integers(0, 2_000), populations)
def test_dst_2_3_as_many_are_asked_as_there_are(count: int, present: dict[str, int]) -> None:
    """DST-2 and DST-3: the shares add up to the request or to all there is."""
    assert sum(split_removal(count, present).values()) == min(count, sum(present.values()))


@given(st.integers(0, 2_000), populations)
def test_dst_4_a_removal_is_spread_over_as_many_nodes_as_it_can(
    count: int, present: dict[str, int]
) -> None:
    """DST-4."""
    populated = sum(1 for number in present.values() if number)

    assert len(split_removal(count, present)) == min(count, populated)


@given(st.lists(st.tuples(st.sampled_from(["settle", "withdraw", "vacate"]), st.integers(0, 7))))
def test_every_user_is_found_where_it_was_put_until_that_is_undone(
    script: list[tuple[str, int]],
) -> None:
    homes, expected, last = Homes(), {}, 0
    departed = 0
    for what, number in script:
        node = NODES[number % 3]
        mine = [user for user, home in expected.items() if home == node]
        if what == "settle":
            for name, ids in settled(homes, number).items():
                expected |= dict.fromkeys(ids, name)
            last += number
        elif what == "withdraw" and mine:
            first, end = homes.on(node)[-1]
            assert homes.withdraw(node, (first, end))
            assert not homes.withdraw(node, (first, end))
            departed += end - first + 1
            expected = {u: home for u, home in expected.items() if not first <= u <= end}
        elif what == "vacate":
            assert sum(end - first + 1 for first, end in homes.vacate(node)) == len(mine)
            departed += len(mine)
            expected = {user: home for user, home in expected.items() if home != node}

    assert {u: homes.of_user(u) for u in range(last + 2)} == {
        u: expected.get(u) for u in range(last + 2)
    }
    assert (homes.highest_id, homes.departed) == (last, departed)
    assert homes.announced == departed + len(expected)
