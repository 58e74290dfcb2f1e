"""Garbage collections are counted while somebody watches, and only then."""

from __future__ import annotations

import gc

from murmur.runtime.health import Pauses


def test_collections_are_counted_and_the_longest_is_kept() -> None:
    pauses = Pauses()
    with pauses.watch():
        gc.collect()
        gc.collect()
        number, longest = pauses.take()

        assert number >= 2
        assert 0 < longest < 10
        assert pauses.take() == (0, 0.0)


def test_nobody_is_called_after_the_watch() -> None:
    before = list(gc.callbacks)
    pauses = Pauses()
    with pauses.watch():
        assert len(gc.callbacks) == len(before) + 1
    gc.collect()

    assert gc.callbacks == before
    assert pauses.take() == (0, 0.0)
