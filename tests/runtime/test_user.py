"""What one user can do: sleep, talk, measure, leave."""

from __future__ import annotations

import gc
import math
import sys
from typing import Any

import anyio
import pytest

import murmur
from murmur.errors import InvalidArgumentError, WaitTimeoutError
from murmur.runtime import MAILBOX_SIZE

on_asyncio = pytest.mark.parametrize(
    "anyio_backend", [pytest.param("asyncio", id="asyncio")], indirect=True
)


async def test_a_message_reaches_the_mailbox_in_order(stage: Any) -> None:
    got = []

    class Talk(murmur.Scenario):
        """User 1 listens, user 2 talks."""

        async def start(self, user: murmur.User) -> None:
            if user.id == 1:
                got.extend([await user.receive(timeout=5) for _ in range(3)])
            else:
                for word in ("a", "b", "c"):
                    murmur.send(1, word)
                    await user.sleep(1)

    await stage.do(Talk, 2)
    await anyio.sleep(10)

    assert got == ["a", "b", "c"]


async def test_no_message_in_time_is_an_error(stage: Any) -> None:
    caught = []

    class Lonely(murmur.Scenario):
        """Waits for nobody."""

        async def start(self, user: murmur.User) -> None:
            try:
                await user.receive(timeout=3)
            except TimeoutError as error:
                caught.append(error)

    await stage.do(Lonely, 1)
    await anyio.sleep(5)

    assert isinstance(caught[0], WaitTimeoutError)
    assert "user 1" in str(caught[0])


async def test_a_full_mailbox_loses_its_oldest_and_says_so(stage: Any) -> None:
    got: list[object] = []

    class Flood(murmur.Scenario):
        """Gets more than fits."""

        async def start(self, user: murmur.User) -> None:
            for number in range(MAILBOX_SIZE + 2):
                user.send(number)
            got.append(await user.receive())

    await stage.do(Flood, 1)
    await anyio.sleep(1)
    stage.run.flush()

    assert got == [2]
    assert stage.counters()["mailbox.overflow"] == 2


async def test_a_message_to_nobody_is_counted(stage: Any) -> None:
    class Shout(murmur.Scenario):
        """Writes to a user that is not there."""

        async def start(self, user: murmur.User) -> None:
            murmur.send(99, "hello?")

    await stage.do(Shout, 1)
    await anyio.sleep(1)
    stage.run.flush()

    assert stage.counters() == {"mailbox.undeliverable": 1}


@pytest.mark.parametrize("way", ["sleep", "receive", "wait"])
async def test_leaving_ends_a_wait_early(stage: Any, way: str) -> None:
    ends = []

    class Waits(murmur.Scenario):
        """Waits in some way."""

        async def start(self, user: murmur.User) -> None:
            try:
                match way:
                    case "sleep":
                        await user.sleep(1_000)
                    case "receive":
                        await user.receive(timeout=1_000)
                    case "wait":
                        await user.leaving.wait()
            finally:
                ends.append((anyio.current_time(), user.leaving.is_set()))

    await stage.do(Waits, 1)
    await anyio.sleep(3)
    began = anyio.current_time()
    await stage.cluster.remove(1, force=False)
    await anyio.sleep(1)

    assert ends == [(pytest.approx(began, abs=0.01), True)]


async def test_a_user_that_was_asked_cannot_sleep_again(stage: Any) -> None:
    tries = []

    class Stubborn(murmur.Scenario):
        """Tries to sleep on."""

        async def start(self, user: murmur.User) -> None:
            for _ in range(3):
                try:
                    await user.sleep(100)
                except murmur.Leaving:
                    tries.append(anyio.current_time())

    await stage.do(Stubborn, 1)
    await stage.cluster.remove(1, force=False)
    await anyio.sleep(1)

    assert len(tries) == 3
    assert tries[-1] - tries[0] < 0.1


async def test_an_exception_handler_for_errors_does_not_swallow_leaving(stage: Any) -> None:
    class Careful(murmur.Scenario):
        """Catches every error of its requests."""

        async def start(self, user: murmur.User) -> None:
            while True:
                try:
                    await user.sleep(1)
                except Exception:  # noqa: BLE001 - what careful scenarios do
                    user.count("errors")

    await stage.do(Careful, 1)
    await stage.stop()

    assert stage.users() == {1: "left"}


async def test_a_user_may_leave_by_itself(stage: Any) -> None:
    class Enough(murmur.Scenario):
        """Has had enough."""

        async def start(self, user: murmur.User) -> None:
            user.stop()
            await user.sleep(100)

    await stage.do(Enough, 1)
    await anyio.sleep(1)
    stage.run.flush()

    assert stage.users() == {1: "left"}


async def test_a_timer_records_due_start_and_end(stage: Any) -> None:
    class Measures(murmur.Scenario):
        """Is late, works for 2 s, fails once, and is cut short once."""

        async def start(self, user: murmur.User) -> None:
            throttle = await murmur.throttle("acts", rate=1, interval=1)
            await throttle.wait()
            await anyio.sleep(3)
            with user.timer("paced"):
                await anyio.sleep(2)
            with user.timer("free"):
                await anyio.sleep(1)
            with user.timer("marked") as timer:
                timer.fail("status 500")
            try:
                with user.timer("raised"):
                    raise OSError("reset")
            except OSError:
                pass
            user.record("told", 0.5)
            user.record("told", 0.5, ok=False)
            with user.timer("cut"):
                await user.sleep(100)

    await stage.do(Measures, 1)
    await anyio.sleep(10)
    await stage.stop()

    table = stage.record.table("actions")
    rows = {
        name: (start - due, service)
        for name, due, start, service in zip(
            stage.labels(table["name"]), table["due_at"].tolist(),
            table["started_at"].tolist(), table["service_time"].tolist(), strict=True,
        )
    }  # fmt: skip
    assert rows["paced"] == pytest.approx((3, 2))
    assert rows["free"] == pytest.approx((0, 1))
    assert rows["told"] == pytest.approx((0, 0.5))
    assert "cut" not in rows
    assert stage.counters() == {"actions.cut_short": 1}
    errors = stage.record.table("errors")
    assert sorted(
        zip(stage.labels(errors["name"]), stage.labels(errors["kind"]),
            stage.labels(errors["message"]), strict=True)
    ) == [("marked", "failed", "status 500"), ("raised", "OSError", "reset"),
          ("told", "failed", "not ok")]  # fmt: skip


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf])
async def test_a_duration_that_is_none_is_refused(stage: Any, seconds: float) -> None:
    caught = []

    class Wrong(murmur.Scenario):
        """Records nonsense."""

        async def start(self, user: murmur.User) -> None:
            try:
                user.record("x", seconds)
            except InvalidArgumentError as error:
                caught.append(str(error))

    await stage.do(Wrong, 1)
    await anyio.sleep(1)

    assert "give seconds, a number from 0 to 1e9" in caught[0]


async def test_code_without_a_user_can_measure_too(stage: Any) -> None:
    class Ambient(murmur.Scenario):
        """Measures outside of users."""

        async def init(self) -> None:
            with murmur.timer("warm up"):
                await anyio.sleep(1)
            murmur.count("inits")
            murmur.gauge("level", 3.5)
            murmur.record("told", 0.25)

        async def start(self, user: murmur.User) -> None:
            pass

    await stage.do(Ambient)
    await stage.stop()

    actions = stage.record.table("actions")
    assert stage.labels(actions["name"]) == ["warm up", "told"]
    assert actions["user_id"].tolist() == [0, 0]
    assert stage.counters() == {"inits": 1}
    assert stage.record.table("gauges")["last"].tolist() == [3.5]


async def test_a_user_tells_who_and_where_it_is(stage: Any) -> None:
    seen = []

    class Knows(murmur.Scenario):
        """Looks at itself."""

        async def start(self, user: murmur.User) -> None:
            seen.append((user.id, user.node, repr(user), user.leaving.is_set()))

    await stage.do(Knows, 1)

    assert seen == [(1, "local", "<User 1 on local>", False)]


async def test_a_user_in_line_for_a_permit_leaves_when_asked(stage: Any) -> None:
    permits = []

    class Queues(murmur.Scenario):
        """Everybody wants a permit; there is one a minute."""

        async def init(self) -> None:
            self.rare = await murmur.throttle("rare", rate=1, interval=60)

        async def start(self, user: murmur.User) -> None:
            while True:
                await self.rare.wait()
                permits.append(user.id)

    await stage.do(Queues, 5)
    await anyio.sleep(10)
    assert await stage.cluster.remove(2, force=False) == 2
    await anyio.sleep(0.01)
    assert await stage.counts() == {"waiting": 0, "running": 3, "leaving": 0, "gone": 2}
    await anyio.sleep(110)
    await stage.stop()

    assert set(stage.users().values()) == {"left"}
    assert len(permits) == 3  # at 0, 60 and 120 s: who left took none along


@pytest.mark.parametrize("way", ["at once", "after a while", "by an error", "when asked"])
async def test_a_user_that_is_gone_needs_no_collection(stage: Any, way: str) -> None:
    class Fleeting(murmur.Scenario):
        """Users end in one way or another."""

        async def start(self, user: murmur.User) -> None:
            if way == "by an error":
                raise ValueError("on purpose")
            if way != "at once":
                await user.sleep(1 if way == "after a while" else math.inf)

    gc.collect()
    gc.disable()
    try:
        await stage.do(Fleeting, 100)
        await anyio.sleep(2)
        if way == "when asked":
            await stage.cluster.remove(100, force=False)
            await anyio.sleep(1)
        held = [
            each for each in gc.get_objects() if type(each) is murmur.User and each.run is stage.run
        ]
    finally:
        gc.enable()

    assert len(stage.users()) == 100
    assert held == []


class Brief(murmur.Scenario):
    """Users return at once."""

    async def start(self, user: murmur.User) -> None:
        pass


@on_asyncio
async def test_users_that_return_at_once_start_no_collection_each(stage: Any) -> None:
    def collections() -> int:
        return int(gc.get_stats()[0]["collections"])

    await stage.do(Brief)
    before = collections()
    await stage.cluster.add(10_000)
    await anyio.sleep(1)

    assert len(stage.users()) == 10_000
    assert collections() - before < 20  # one for 70 users where hundreds come up at once


@on_asyncio
async def test_a_user_that_returns_at_once_takes_few_calls(stage: Any) -> None:
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    await stage.do(Brief)
    sys.setprofile(count)
    try:
        await stage.cluster.add(1_000)
        await anyio.sleep(1)
    finally:
        sys.setprofile(None)

    assert len(stage.users()) == 1_000
    assert calls / 1_000 < 70  # 44 of them where no clock is turned by hand
