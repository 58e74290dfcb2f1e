from __future__ import annotations

import pytest

from murmur.exporters._spans import MOST_SPANS, SpanSample


@pytest.fixture
def sampled(course):
    """Return ``sampled(share)``, which follows the course."""

    def make(share: float) -> SpanSample:
        sample = SpanSample(share)
        course.relay.attach(sample)
        return sample

    return make


def test_an_action_has_its_moments_in_unix_seconds(course, sampled):
    sample = sampled(1.0)
    course.act("echo", 0.25, late=0.5)
    course.flush()

    (action,) = sample.drain()

    assert (action.name, action.node, action.user_id, action.error) == ("echo", "local", 1, "")
    assert (action.due_at, action.started_at, action.ended_at) == (1000.5, 1001.0, 1001.25)


def test_an_action_that_failed_says_why(course, sampled):
    sample = sampled(1.0)
    course.fail("echo", OSError("no"))
    course.fail("echo", "status 503")
    course.flush()

    assert [action.error for action in sample.drain()] == ["OSError", "status 503"]


def test_a_share_is_kept_and_the_same_seed_keeps_the_same(course, sampled):
    samples = [sampled(0.1), sampled(0.1)]
    course.act("echo", *[0.1] * 2_000)
    course.flush()

    one, other = (sample.drain() for sample in samples)

    assert one == other
    assert 120 < len(one) < 280  # 200, give or take six standard deviations


def test_no_share_keeps_nothing(course, sampled):
    sample = sampled(0.0)
    course.act("echo", 0.1)
    course.flush()

    assert sample.drain() == []


def test_what_finds_no_room_is_counted(course, sampled):
    sample = sampled(1.0)
    course.act("echo", *[0.1] * MOST_SPANS)
    course.flush()
    course.act("echo", *[0.1] * 30)
    course.flush()

    assert len(sample.drain()) == MOST_SPANS
    assert sample.dropped == 30
    assert sample.drain() == []
