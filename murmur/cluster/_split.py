"""Split of users over nodes.  Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["id_ranges", "split_addition", "split_removal"]


def split_addition(
    count: int,
    nodes: Sequence[str],
    *,
    # where in the list to begin; whoever counts it up lets the odd ones of many small requests
    # land on a different node each time
    turn: int = 0,
) -> dict[str, int]:
    """Return how many of `count` new users each node takes.

    Each node in turn takes what remains divided by the nodes that remain, rounded down,
    so that the shares differ by one at most.

    Returns
    -------
    dict of str to int
        A share for each node, 0 included, in the order of the walk.

    Examples
    --------
    >>> split_addition(10, ["a", "b", "c"])
    {'a': 3, 'b': 3, 'c': 4}
    >>> split_addition(1, ["a", "b", "c"], turn=1)
    {'b': 0, 'c': 0, 'a': 1}
    """
    start = turn % len(nodes) if nodes else 0
    order = [*nodes[start:], *nodes[:start]]
    shares = {}
    for position, node in enumerate(order):
        shares[node] = count // (len(order) - position)
        count -= shares[node]
    return shares


def id_ranges(shares: Mapping[str, int], highest_id: int) -> dict[str, tuple[int, int]]:
    """Return first and last id for each node with a share, without gaps after `highest_id`.

    Examples
    --------
    >>> id_ranges({"a": 2, "b": 0, "c": 1}, 10)
    {'a': (11, 12), 'c': (13, 13)}
    """
    ranges = {}
    for node, share in shares.items():
        if share:
            ranges[node] = (highest_id + 1, highest_id + share)
            highest_id += share
    return ranges


def split_removal(
    count: int,
    present: Mapping[str, int],  # users of each node that can be asked
) -> dict[str, int]:
    """Return how many users each node is asked to remove.

    As even as the nodes' own numbers allow: what a node lacks, the others make up for.

    Returns
    -------
    dict of str to int
        Nodes with a share only; together ``min(count, sum(present))``.

    Examples
    --------
    >>> split_removal(10, {"a": 1, "b": 20, "c": 20})
    {'a': 1, 'b': 4, 'c': 5}
    """
    left = min(count, sum(present.values()))
    shares = {}
    fewest_first = sorted(present, key=lambda node: present[node])
    for position, node in enumerate(fewest_first):
        share = min(present[node], left // (len(fewest_first) - position))
        left -= share
        if share:
            shares[node] = share
    return shares
