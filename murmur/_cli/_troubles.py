"""Troubles of a run, the most frequent first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from murmur.results import Results

__all__ = ["troubles_of"]

_MOST = 5
_LONGEST = 200  # characters; an error may carry a whole page


def troubles_of(results: Results) -> tuple[str, ...]:
    """Return a line for each frequent reason why users or actions failed."""
    return tuple(_shortened(line) for line in (*_users(results), *_actions(results)))


def _users(results: Results) -> Iterator[str]:
    users = results.users
    reasons = users.loc[users["outcome"] == "failed", "reason"].fillna("no reason known")
    counts = reasons.value_counts()
    for reason, count in counts.head(_MOST).items():
        yield f"{count:,} {'user' if count == 1 else 'users'} failed: {reason}"
    if len(counts) > _MOST:
        yield f"and users with {len(counts) - _MOST:,} other reasons"


def _actions(results: Results) -> Iterator[str]:
    errors = results.errors
    for row in errors.head(_MOST).to_dict("records"):
        yield f"{row['count']:,} x {row['name']} failed: {row['error']}"
    if len(errors) > _MOST:
        yield f"and actions with {len(errors) - _MOST:,} other errors"


def _shortened(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
