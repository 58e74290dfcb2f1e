"""Offset of a node's clock from the steering kernel's.  Pure arithmetic.

The node asks what time it is and notes when it asked and when the answer came.  The answer
was true at some moment in between; taking the middle, the error is half the round trip at
most, whatever the clocks show.  Of the questions of the last seconds the quickest is the
one to believe (Cristian, "Probabilistic clock synchronization", Distributed Computing 3,
1989).  Older ones are forgotten, for clocks drift; and at once, where no offset fits them and
the newest: a machine slept meanwhile, and its clock stood still.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

SPAN = 10.0
"""Seconds for which a question counts."""

DRIFT = 200e-6
"""Seconds by which two clocks may move apart in one: 200 ppm, twice what crystals do."""

GRAIN = 1e-6
"""Seconds that a clock's numbers may be rounded by."""


class _Sample(NamedTuple):
    received_at: float
    round_trip: float
    offset: float


class ClockOffset:
    """The offset of this node's monotonic clock, from questions and their answers.

    Examples
    --------
    The node's clock shows 100 s more; the answer took 10 ms there and 30 ms back:

    >>> clock = ClockOffset()
    >>> clock.take(sent_at=105.0, steering_at=5.01, received_at=105.04)
    >>> round(clock.offset, 3), round(clock.error, 3)
    (100.01, 0.02)
    """

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()
        self._best: _Sample | None = None
        self._now = 0.0

    @property
    def is_known(self) -> bool:
        """Whether there was an answer."""
        return self._best is not None

    @property
    def offset(self) -> float:
        """Seconds to add to a time of the steering kernel to get one of this node."""
        return self._best.offset if self._best is not None else 0.0

    @property
    def error(self) -> float:
        """Seconds by which `offset` may be wrong; ``inf`` while nothing is known."""
        if self._best is None:
            return math.inf
        return self._best.round_trip / 2 + DRIFT * (self._now - self._best.received_at)

    def take(
        self,
        *,
        # sent_at, received_at: when the question left and the answer came, on this node's clock
        sent_at: float,
        steering_at: float,
        received_at: float,
    ) -> None:
        """Take in one answer."""
        middle = (sent_at + received_at) / 2
        newest = _Sample(received_at, received_at - sent_at, middle - steering_at)
        self._now = received_at
        if self._best is not None and not self._agree(self._best, newest):
            self._samples.clear()
        self._samples.append(newest)
        while received_at - self._samples[0].received_at > SPAN:
            self._samples.popleft()
        self._best = min(self._samples, key=self._uncertainty)

    def _agree(self, one: _Sample, other: _Sample) -> bool:
        """Whether the clocks can be so far apart that both answers were true."""
        most = self._uncertainty(one) + self._uncertainty(other) + GRAIN
        return abs(one.offset - other.offset) <= most

    def _uncertainty(self, sample: _Sample) -> float:
        return sample.round_trip / 2 + DRIFT * (self._now - sample.received_at)
