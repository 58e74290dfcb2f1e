"""The scenario: each user writes to its neighbours, and answers what they write."""

from __future__ import annotations

import anyio
from traitlets import Float, Int, Unicode

from murmur.connection import JsonConnection, connect_json
from murmur.errors import Leaving
from murmur.runtime import User
from murmur.scenario import Scenario
from murmur.testing import raise_open_files_limit

from ._talk import Talk

GREETING_WITHIN = 10.0  # s; for the router to say that a user is connected
PARTING_WITHIN = 5.0  # s; for the last messages and the end of the stream


class Chat(Scenario):
    """Users write to their neighbours through a JSON-over-TCP router.

    A user connects under its id and writes to a neighbour, chosen at random, about once
    every `pace` seconds.  It answers at once whatever a neighbour writes to it.  When it
    has sent all its messages it reads on until nothing happens for `silence` seconds.
    Then it says that it is done, reads what is still under way to it, and goes: what the
    router forwarded is received, to the last message, unless a user is removed by force.

    Actions: ``round_trip``, from when a message was due to the arrival of its answer, and
    ``delivery``, from when a message was sent to its arrival, by the clock that all nodes
    share; the frame ``deliveries`` has what arrived of it.  Counters: ``sent``, ``received`` and
    ``unanswered``.

    Examples
    --------
    >>> import murmur
    >>> from murmur.demo import Chat
    >>> from murmur.testing import router_process
    >>> with router_process() as router, murmur.Session() as session:
    ...     run = session.do(
    ...         Chat, 4, port=router.port, user_rate=float("inf"),
    ...         pace=0.01, messages=3, silence=0.1, end_when_idle=True,
    ...     )
    ...     run.wait(timeout=30).users["gone"]
    4
    """

    host: Unicode[str, str | bytes] = Unicode("127.0.0.1", help="host to connect to")
    port: Int[int, int] = Int(8888, min=1, max=65535, help="port to connect to")
    neighbours: Int[int, int] = Int(10, min=1, help="neighbours on each side that a user writes to")
    pace: Float[float, int | float] = Float(
        1.0, min=0.0, help="seconds between messages, give or take a tenth"
    ).tag(live=True)
    messages: Int[int, int] = Int(
        25, min=0, help="messages a user sends, answers included, give or take a fifth"
    )
    silence: Float[float, int | float] = Float(
        3.0, min=0.0, help="seconds a user that has sent all waits for more"
    )

    def init(self) -> None:
        """Let this process hold as many connections as it may."""
        raise_open_files_limit()

    async def start(self, user: User) -> None:
        """Connect, talk, and leave without losing a message."""
        fifth = self.messages // 5
        talk = Talk(
            user,
            neighbours=self.neighbours,
            messages=user.random.randint(self.messages - fifth, self.messages + fifth),
        )
        async with await connect_json(user, self.host, self.port) as connection:
            try:
                await _introduce(talk.name, connection)
                await self._converse(user, talk, connection)
            except Leaving:
                await _part(talk, connection)
                raise
            await _part(talk, connection)

    async def _converse(self, user: User, talk: Talk, connection: JsonConnection) -> None:
        """Write when it is time to, answer when there is something to answer."""
        active_at = connection.now()
        # Users that come together would write together for good.
        due_at = active_at + self.pace * user.random.random()
        while True:
            deadline = due_at if talk.left else active_at + self.silence
            is_spoken_to = await connection.wait_message(deadline)
            active_at = connection.now()
            if is_spoken_to:
                answer = talk.hear(connection.receive_nowait(), active_at)
                if answer is not None:
                    await connection.send(answer)
            elif talk.left:
                await connection.send(talk.write(due_at, active_at))
                due_at += self.pace * (0.9 + 0.2 * user.random.random())
            else:
                return


async def _introduce(name: str, connection: JsonConnection) -> None:
    """Say who connects, and hear that it is accepted."""
    await connection.send({"connect": name})
    if not await connection.wait_message(connection.now() + GREETING_WITHIN):
        raise TimeoutError(f"no word from the router in {GREETING_WITHIN:g} s")
    reply = connection.receive_nowait()
    if reply != {"connected": name}:
        raise ConnectionRefusedError(f"the router refused user {name}: {reply}")


async def _part(talk: Talk, connection: JsonConnection) -> None:
    """Send no more, and receive what the router has forwarded already.

    The router takes a client that has sent its last off the list, passes on what it had
    for it, and closes; so at the end of the stream nothing is missing.
    """
    talk.left = 0
    await connection.send_eof()
    with anyio.move_on_after(PARTING_WITHIN):
        async for message in connection:
            talk.hear(message, connection.now())
    talk.end()
