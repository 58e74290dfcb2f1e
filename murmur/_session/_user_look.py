"""One user of a run, as it is known outside the loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from murmur._given import integer_given
from murmur._guard import text_of
from murmur.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class UserLook:
    """What is known of one user at one moment.

    Attributes
    ----------
    user_id : int
        Its id.
    node : str
        Where it is, or was.
    state : {"waiting", "here", "gone"}
        Whether it waits to be admitted, was admitted, or is gone.
    outcome, reason : str
        How it ended, and why; empty while it is here.
    admitted_at, started_at, duration : float
        Seconds since the run started, and how long it took; NaN if that never came.
    """

    user_id: int
    node: str
    state: Literal["waiting", "here", "gone"]
    outcome: str
    reason: str
    admitted_at: float
    started_at: float
    duration: float


def look_at_user(users: pd.DataFrame, user_id: int) -> UserLook:
    """Return the row of a user in a frame ``users``.

    Raises `InvalidArgumentError` if there is none of that id.
    """
    user_id = integer_given("user_id", user_id, "give the id of a user, such as 7")
    found = users[users["user_id"] == user_id].fillna({"reason": ""})
    if found.empty:
        highest = int(users["user_id"].max()) if len(users) else 0
        told = text_of(user_id)
        raise InvalidArgumentError(f"no user {told}: the run has had users 1 to {highest}")
    row = found.to_dict("records")[0]
    outcome = row["outcome"] if isinstance(row["outcome"], str) else ""
    is_up = row["admitted_at"] == row["admitted_at"]  # NaN equals nothing
    return UserLook(
        user_id=int(row["user_id"]),
        node=str(row["node"]),
        state="gone" if outcome else "here" if is_up else "waiting",
        outcome=outcome,
        reason=row["reason"],
        admitted_at=float(row["admitted_at"]),
        started_at=float(row["started_at"]),
        duration=float(row["duration"]),
    )
