"""The permits of a limit over a cluster: a permit moves only after its holder gave it back.

Each node has a lease on so many permits, all leases together are the limit at most.  A node
that needs more gets what is free; one that has more than its part is asked to keep less and
says what it gave back.  Both sides count from the beginning, so a message under way is
counted as leased.  Pure arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ._shares import fair
from ._wire import Wanted

PLENTY = 2**40
"""Permits of a limit that is infinite."""


@dataclass(slots=True)
class _Lease:
    """What one node has, counted from the beginning, and what it wants."""

    granted: int = 0
    returned: int = 0
    wanted: int = 0
    cap: int = PLENTY

    @property
    def held(self) -> int:
        return self.granted - self.returned


class Pool:
    """Who holds how many permits."""

    def __init__(self, limit: float) -> None:
        self.resize(limit)
        self._leases: dict[str, _Lease] = {}
        self._stranded: list[tuple[float, int]] = []

    @property
    def held(self) -> int:
        """Permits that somebody may be using."""
        held = sum(lease.held for lease in self._leases.values())
        return held + sum(count for _, count in self._stranded)

    @property
    def free_at(self) -> float | None:
        """When permits of a lost node come back next; None if there are none."""
        return min((at for at, _ in self._stranded), default=None)

    def resize(self, limit: float) -> None:
        """Let there be so many; that takes nothing from anybody at once."""
        self.limit: int = int(min(limit, PLENTY))

    def join(self, node: str) -> None:
        """Begin to count for a node."""
        self._leases[node] = _Lease()

    def lose(self, node: str, free_at: float) -> None:
        """Take back what a node holds, once it certainly uses nothing of it any more."""
        lease = self._leases.pop(node, None)
        if lease is not None and lease.held:
            self._stranded.append((free_at, lease.held))

    def report(self, node: str, wanted: Wanted) -> None:
        """Take note of what a node gave back, and of what it wants."""
        lease = self._leases[node]
        lease.returned = max(lease.returned, min(wanted.returned, lease.granted))
        lease.wanted = wanted.out + wanted.waiting

    def lease(self, now: float) -> Iterator[tuple[str, int, int]]:
        """Yield what nodes are to be told: granted since the beginning, and how many to keep."""
        self._stranded = [(at, count) for at, count in self._stranded if at > now]
        leases = self._leases
        parts = fair(self.limit, {name: lease.wanted for name, lease in leases.items()})
        free = self.limit - self.held
        short = any(parts[name] > lease.held for name, lease in leases.items())
        short = short and free < sum(
            max(0, parts[name] - lease.held) for name, lease in leases.items()
        )
        for name, lease in leases.items():
            more = max(0, min(parts[name] - lease.held, free))
            free -= more
            lease.granted += more
            cap = parts[name] if short or self.held > self.limit else PLENTY
            cap = PLENTY if cap >= lease.held else cap
            if more or cap != lease.cap:
                lease.cap = cap
                yield name, lease.granted, cap
