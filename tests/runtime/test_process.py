from __future__ import annotations

import gc
import resource
import sys
from contextlib import ExitStack

import pytest

from murmur.runtime import SWITCH_INTERVAL, busy_thread, tuned_process


def settings() -> tuple[tuple[int, int, int], float]:
    return gc.get_threshold(), round(sys.getswitchinterval(), 6)


@pytest.mark.usefixtures("thawed")
def test_everything_is_put_back() -> None:
    before = settings()

    with tuned_process():
        assert settings() != before
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL)
        assert gc.get_freeze_count() > 0

    assert settings() == before
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(("threads", "times"), [(1, 1), (20, 1), (100, 5), (2_000, 10)])
def test_the_more_threads_wait_the_seldomer_each_asks_for_its_turn(
    threads: int, times: float
) -> None:
    """The interval was 5 ms, which is ten times that of a run, and is so again.

    Within a fifth, because threads that other tests left behind count as well.
    """
    before = sys.getswitchinterval()
    with tuned_process():
        with ExitStack() as stack:
            for _ in range(threads):
                stack.enter_context(busy_thread())
            assert sys.getswitchinterval() == pytest.approx(times * SWITCH_INTERVAL, rel=0.2)
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL, rel=0.2)

    assert sys.getswitchinterval() == before


def test_the_soft_limit_of_open_files_is_raised_for_a_run_and_put_back() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = before[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        with tuned_process():
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (256, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_last_of_several_puts_back() -> None:
    before = settings()
    with tuned_process():
        with tuned_process():
            pass
        assert settings() != before

    assert settings() == before


@pytest.mark.usefixtures("thawed")
def test_the_collector_may_be_left_alone() -> None:
    before = gc.get_threshold()
    with tuned_process(collector=False):
        assert gc.get_threshold() == before
        assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("thawed")
def test_what_somebody_else_has_frozen_stays_frozen() -> None:
    gc.freeze()
    with tuned_process():
        assert gc.get_threshold()[2] > 100  # full collections are rare all the same

    assert gc.get_freeze_count() > 0  # how many are left of them, nobody can say


def test_an_error_inside_does_not_keep_the_settings() -> None:
    before = settings()
    with pytest.raises(ValueError, match="inside"), tuned_process():
        raise ValueError("inside")

    assert settings() == before
