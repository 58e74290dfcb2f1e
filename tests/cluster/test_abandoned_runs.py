"""A run that its session gives up: its users are accounted for all the same."""

from __future__ import annotations

from typing import Any

import anyio

import murmur


class Leave(murmur.Scenario):
    """Users with an even id are done after a second."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(1 if user.id % 2 == 0 else 600)


async def test_users_who_did_not_end_are_lost_with_a_reason(pair: Any) -> None:
    await pair.do(Leave, 8)
    await anyio.sleep(2)
    await pair.cluster.flush()  # so that the record knows who is done
    at = anyio.current_time() + 5
    pair.cluster.abandon(pair.record, "its loop is stuck", at)

    table = pair.record.table("users")
    ids = table["user_id"].tolist()
    fates = dict(zip(ids, table["outcome"].decode(), strict=True))
    reasons = dict(zip(ids, table["reason"].decode(), strict=True))
    assert sorted(ids) == list(range(1, 9))
    assert {i for i in ids if fates[i] == "lost"} == {1, 3, 5, 7}
    assert {i for i in ids if fates[i] == "finished"} == {2, 4, 6, 8}
    assert {reasons[i] for i in (1, 3, 5, 7)} == {"its loop is stuck"}
    assert pair.record.latest == at - pair.record.started_at


async def test_another_run_or_one_that_is_over_is_left_alone(pair: Any) -> None:
    await pair.do(Leave, 4)
    await pair.stop()
    before = await pair.users()
    pair.cluster.abandon(pair.record, "its loop is stuck", anyio.current_time())

    assert await pair.users() == before
