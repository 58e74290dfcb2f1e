"""Users are spread evenly, ids without gaps, removals by what there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murmur.cluster import id_ranges, split_addition, split_removal

NODES = ("a", "b", "c")


@pytest.mark.parametrize(
    ("count", "nodes", "shares"),
    [(10, 2, [5, 5]), (10, 3, [3, 3, 4]), (2, 3, [0, 1, 1]), (1, 2, [0, 1]), (3, 2, [1, 2]),
     (20, 3, [6, 7, 7])],
)  # fmt: skip
def test_shares_are_those_of_amoc(count: int, nodes: int, shares: list[int]) -> None:
    """Appendix B, node split."""
    assert list(split_addition(count, NODES[:nodes]).values()) == shares


def test_single_users_land_on_a_different_node_each_turn() -> None:
    takers = [
        next(node for node, share in split_addition(1, NODES, turn=turn).items() if share)
        for turn in range(3)
    ]

    assert sorted(takers) == ["a", "b", "c"]


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(0, 100))
def test_every_user_goes_to_one_node_and_shares_differ_by_one(
    count: int, nodes: int, turn: int
) -> None:
    shares = split_addition(count, [f"node-{n}" for n in range(nodes)], turn=turn)

    assert sum(shares.values()) == count
    assert max(shares.values()) - min(shares.values()) <= 1
    assert len(shares) == nodes


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 50)), st.integers(0, 1_000))
def test_ids_are_dense_and_belong_to_one_node(shares: dict[str, int], highest: int) -> None:
    ranges = id_ranges(shares, highest)

    ids = [user for first, last in ranges.values() for user in range(first, last + 1)]
    assert ids == list(range(highest + 1, highest + 1 + sum(shares.values())))
    assert {node: last - first + 1 for node, (first, last) in ranges.items()} == {
        node: share for node, share in shares.items() if share
    }


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
