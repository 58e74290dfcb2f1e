"""When a user of the chat writes, answers and goes; in virtual time, without a network."""

from __future__ import annotations

from itertools import pairwise

import anyio
import pytest
from traitlets import TraitError

from murmur.demo import Chat, Talk
from murmur.demo._chat import _introduce, _part


class FakeConnection:
    """Plays the router: `replies` are (moment, message), in order."""

    now = staticmethod(anyio.current_time)

    def __init__(self, *replies: tuple[float, object]) -> None:
        self.sent: list[tuple[float, dict[str, object]]] = []
        self.has_sent_eof = False
        self._began = anyio.current_time()
        self._replies = list(replies)

    @property
    def elapsed(self) -> float:
        return anyio.current_time() - self._began

    async def send(self, message: dict[str, object]) -> None:
        self.sent.append((self.elapsed, message))

    async def send_eof(self) -> None:
        self.has_sent_eof = True

    async def wait_message(self, deadline: float) -> bool:
        arrives_at = self._began + self._replies[0][0] if self._replies else deadline + 1
        await anyio.sleep_until(min(arrives_at, deadline))
        return arrives_at <= deadline

    def receive_nowait(self) -> object:
        return self._replies.pop(0)[1]

    def __aiter__(self) -> FakeConnection:
        return self

    async def __anext__(self) -> object:
        if not self._replies:
            raise StopAsyncIteration
        return self._replies.pop(0)[1]


def message(number: int = 1) -> dict[str, object]:
    return {"from": "4", "to": "5", "id": number, "stamp": "of 4", "text": ""}


@pytest.fixture
def user(make_user):
    return make_user(5)


async def converse(user, messages: int, *replies, **settings) -> FakeConnection:
    chat = Chat(**settings)
    connection = FakeConnection(*replies)
    await chat._converse(user, Talk(user, neighbours=2, messages=messages), connection)
    return connection


async def test_a_user_writes_about_once_per_pace(user):
    connection = await converse(user, 20, pace=1.0)
    moments = [moment for moment, _ in connection.sent]
    gaps = [later - earlier for earlier, later in pairwise(moments)]

    assert len(moments) == 20
    assert 0.9 <= min(gaps) < 0.95
    assert 1.05 < max(gaps) <= 1.1
    assert moments[0] <= 1.0


async def test_it_answers_at_once(user):
    connection = await converse(user, 20, (5.25, message(42)))

    assert [at for at, sent in connection.sent if "answers" in sent] == [pytest.approx(5.25)]


async def test_it_goes_when_nothing_happens_for_the_time_of_silence(user):
    connection = await converse(user, 5, silence=3.0)

    assert connection.elapsed == pytest.approx(connection.sent[-1][0] + 3.0)


async def test_what_it_hears_begins_the_silence_again(user):
    connection = await converse(user, 0, (2.5, message()), (5.0, message()), silence=3.0)

    assert connection.elapsed == pytest.approx(8.0)
    assert connection.sent == []


async def test_it_sends_no_more_than_its_messages_however_much_it_hears(user):
    replies = [(0.1 * number, message(number)) for number in range(1, 50)]

    assert len((await converse(user, 7, *replies)).sent) == 7


async def test_it_introduces_itself():
    connection = FakeConnection((0.1, {"connected": "5"}))
    await _introduce("5", connection)

    assert connection.sent == [(0.0, {"connect": "5"})]


async def test_a_user_that_is_rejected_says_so():
    connection = FakeConnection((0.1, {"rejected": "duplicate"}))
    with pytest.raises(ConnectionRefusedError, match=r"refused user 5: .*duplicate"):
        await _introduce("5", connection)


async def test_a_router_that_says_nothing_is_an_error():
    with pytest.raises(TimeoutError, match="no word from the router in 10 s"):
        await _introduce("5", FakeConnection())


async def test_whoever_goes_receives_what_is_under_way_and_answers_no_more(user):
    connection = FakeConnection((0.0, message(1)), (0.0, message(2)))
    await _part(Talk(user, neighbours=2, messages=9), connection)

    assert connection.has_sent_eof
    assert user.counted == {"received": 2}
    assert connection.sent == []


@pytest.mark.parametrize(("setting", "value"), [("port", 0), ("neighbours", 0), ("pace", -1.0)])
def test_settings_that_make_no_sense_are_refused(setting, value):
    with pytest.raises(TraitError):
        Chat(**{setting: value})
