"""Withdrawn slots are leased anew once nobody can use them any more, and never before."""

from __future__ import annotations

from murmur.throttles.shared import Recall


def recalled(*nodes: str) -> Recall:
    recall = Recall()
    recall.begin(nodes)
    return recall


def test_time_is_free_once_every_node_has_heard():
    recall = recalled("a", "b")

    assert recall.heard("a", 1, 10.0) is None
    assert recall.heard("a", 1, 10.1) is None
    assert recall.heard("b", 1, 10.2) == 10.2
    assert recall.heard("b", 1, 10.3) is None


def test_who_has_heard_of_an_earlier_one_only_may_still_use_what_came_after_it():
    recall = recalled("a")
    recall.begin(["a"])

    assert recall.heard("a", 1, 10.0) is None
    assert recall.heard("a", 2, 10.1) == 10.1


def test_what_a_node_that_is_gone_had_is_taken_until_it_has_run_out():
    recall = recalled("a", "b")
    recall.lose("b", until=10.5)

    assert recall.heard("a", 1, 10.0) == 10.5


def test_time_is_not_free_when_slots_after_it_are_out():
    recall = recalled("a")
    recall.end()

    assert recall.heard("a", 1, 10.0) is None


def test_a_node_that_had_nothing_has_no_say():
    assert recalled("a").heard("b", 1, 10.0) is None
