"""WebSockets of a user: connecting is an action, and so is a question with its answer.

The protocol itself is `websockets`, without its own connection: frames go over the same
wire as HTTP does, so that time-outs, guard, TLS and the call to leave are the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import anyio

from murmur.errors import ConnectionLostError, HttpTimeoutError, InvalidRequestError, Leaving
from murmur.throttles import take_due_of_task

from ._patience import RANG, Patience, checked_timeout
from ._wire import open_wire

if TYPE_CHECKING:
    from murmur._backend import Wakeup
    from murmur.runtime import User

    from ._courier import Courier
    from ._frames import Frames
    from ._url import Template

CLOSE_WITHIN = 1.0
"""Seconds that a server has to answer a farewell, and to end the connection."""


class WebSocket:
    """Messages to and from a server; made by `User.websocket`.

    As an asynchronous iterator it yields every message until the server ends the
    connection.

    Attributes
    ----------
    name : str
        Name of the action that connecting was.
    """

    def __init__(self, courier: Courier, frames: Frames, name: str) -> None:
        self.name = name
        self._asking = f"{name} [ask]"
        self._courier = courier
        self._frames = frames
        self._is_receiving = False
        user = courier.user
        self._asked = Asked(user)  # for one question after the other
        self._hears: list[Wakeup] = []  # what is woken when the user is asked to leave
        if user is not None:
            user.adopt(self)
            self._hears = user.listen(frames.arrival)

    @property
    def subprotocol(self) -> str | None:
        """What both sides agreed on, if anything was offered."""
        return self._frames.subprotocol

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._frames.is_over

    @property
    def close_code(self) -> int | None:
        """Code of the server's farewell: 1005 if it gave none, None if it said none."""
        farewell = self._frames.farewell
        return None if farewell is None else farewell[0]

    @property
    def close_reason(self) -> str:
        """What the server's farewell gave as its reason; usually empty."""
        farewell = self._frames.farewell
        return "" if farewell is None else farewell[1]

    async def send(self, message: str | bytes) -> None:
        """Send a text or a binary message; waits only if the server reads too slowly.

        Raises
        ------
        ConnectionLostError
            If the connection is gone, or goes while this waits.
        InvalidRequestError
            If it is neither text nor bytes.
        """
        frames = self._frames
        if type(message) is not str:
            _check(message)
        frames.send(message)
        if frames.is_choked:
            await frames.drain(self._courier.patience(self._courier.options.timeout))
            if frames.is_closed:
                raise ConnectionLostError("the WebSocket ended before all was sent")
        self._courier.count("websocket.sent")

    async def send_json(self, message: object) -> None:
        """Send `message` as JSON, in a text message."""
        await self.send(json.dumps(message, separators=(",", ":")))

    async def receive(self, timeout: float | None = None, *, leaving: bool = False) -> str | bytes:
        """Return the next message, waiting for one if there is none.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; for ever if not given.
        leaving : bool, default False
            Whether to wait although the user was asked to leave.

        Raises
        ------
        HttpTimeoutError
            If none came in time (a `TimeoutError`).
        anyio.EndOfStream
            If the server ended the connection in order and every message was received.
        ConnectionLostError
            If the connection broke.
        Leaving
            Once the user is asked to leave.
        """
        limit = math.inf
        if timeout is not None:
            limit = checked_timeout(timeout, may_be_zero=True)
        message = await self._next(limit, self._courier.now() + limit, leaving=leaving)
        self._courier.count("websocket.received")
        return message

    async def receive_json(self, timeout: float | None = None, *, leaving: bool = False) -> Any:  # noqa: ANN401 - any JSON
        """Return the next message, read as JSON; `timeout` and `leaving` as in `receive`."""
        return json.loads(await self.receive(timeout, leaving=leaving))

    async def ask(
        self,
        message: str | bytes,
        *,
        name: str | None = None,
        timeout: float | None = None,
        check: Callable[[str | bytes], object] | None = None,
    ) -> str | bytes:
        """Send `message`, wait for the next one, and record both as one action.

        Parameters
        ----------
        message : str or bytes
            What to send.
        name : str, optional
            Name of the action; by default that of the connection with ``[ask]``.
        timeout : float, optional
            Seconds to wait for the answer; the client's ``timeout`` if not given.
        check : callable, optional
            Called with the answer; the action counts as failed if it returns False, or a
            text, which is the reason.

        Raises
        ------
        Exception
            As `receive`.  The action is recorded as failed.
        """
        courier, frames = self._courier, self._frames
        limit = courier.options.timeout if timeout is None else checked_timeout(timeout)
        if type(message) is not str:
            _check(message)
        now, asked = courier.now, self._begin(name or self._asking)
        try:
            frames.send(message)
            courier.count_one("websocket.sent", asked.started_at)
            if frames.is_choked:
                await frames.drain(courier.patience(courier.options.timeout))
            deadline = now() + limit
            if self._has_to_wait():  # as `_next` would, but without a coroutine between
                self._is_receiving = True
                try:
                    await frames.arrival.wait(deadline)
                finally:
                    self._is_receiving = False
            is_there = frames.inbox and not self._is_receiving
            answer = frames.next() if is_there else await self._next(limit, deadline)
        except BaseException:
            with courier.resumed(asked):
                raise
        ended_at, user = now(), courier.user
        if check is not None or user is None or user.is_gone:
            self._judge(asked, answer, ended_at, check)
        else:
            del courier.open[asked]
            user.run.recorder.ask(asked, user.id, ended_at)
        return answer

    async def aclose(self) -> None:
        """Say goodbye, wait a second at most for the server to end the connection, and close."""
        frames = self._frames
        try:
            if frames.say_goodbye() or frames.farewell is not None:
                # Closed with bytes unread, the connection would be reset, and the server
                # might never see our farewell (RFC 6455, 7.1.1).
                await frames.wait_end(self._courier.patience(CLOSE_WITHIN))
        finally:
            frames.waiter = None
            self.close()

    def close(self) -> None:
        """Close at once."""
        self._frames.close()
        user = self._courier.user
        if user is not None:
            user.disown(self)
        if self._frames.arrival in self._hears:
            self._hears.remove(self._frames.arrival)

    def __aiter__(self) -> Self:
        """Return the connection."""
        return self

    async def __anext__(self) -> str | bytes:
        """Return the next message, until the server ends the connection in order."""
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    def _begin(self, name: str) -> Asked:
        """Return a question that is under way from now on."""
        courier, asked, now = self._courier, self._asked, self._courier.now
        if asked in courier.open:  # another task asks
            asked = Asked(courier.user)
        due_at = take_due_of_task(courier.native)
        asked.name, asked.started_at = name, (began_at := now())
        asked.due_at = began_at if due_at is None or not due_at < began_at else due_at
        courier.open[asked] = began_at
        return asked

    def _judge(
        self,
        asked: Asked,
        answer: str | bytes,
        ended_at: float,
        check: Callable[[str | bytes], object] | None,
    ) -> None:
        """Record a question that was answered, whether the answer is right or not."""
        with self._courier.resumed(asked) as timer:
            timer.ended_at = ended_at
            self._courier.count_one("websocket.received", ended_at)
            found = check(answer) if check is not None else None
            if found is False or (isinstance(found, str) and found):
                timer.fail(found or "check failed")

    def _has_to_wait(self) -> bool:
        """Whether no message is there, and nothing else is to be said either."""
        frames, user = self._frames, self._courier.user
        is_free = not frames.inbox and frames.end is None and not self._is_receiving
        return is_free and (user is None or not user.is_leaving)

    async def _next(self, timeout: float, deadline: float, *, leaving: bool = False) -> str | bytes:
        """Return the next message, waiting until one is there."""
        if self._is_receiving:
            raise anyio.BusyResourceError("receiving from")
        frames, user = self._frames, self._courier.user
        inbox, self._is_receiving = frames.inbox, True
        try:
            while not inbox:
                if user is not None and user.is_leaving and not leaving:
                    raise Leaving
                if frames.end is not None:
                    raise frames.end
                if await frames.arrival.wait(deadline) is RANG and not inbox:
                    raise HttpTimeoutError("no message", timeout)
        finally:
            self._is_receiving = False
        return frames.next()


class Asked:
    """A question that is under way: what there is to tell of it meanwhile."""

    __slots__ = ("_user", "due_at", "name", "started_at")

    is_part = False

    name: str
    due_at: float
    started_at: float

    def __init__(self, user: User | None) -> None:
        self._user = user

    @property
    def is_void(self) -> bool:
        """Whether its user is gone, so that it will record nothing."""
        return self._user is not None and self._user.is_gone


class Connecting:
    """A WebSocket that is to be opened; what `Client.websocket` returns.

    ``async with connecting as websocket:`` opens it, and closes it after the block.
    """

    def __init__(  # noqa: PLR0913 - all by keyword, each a part of a handshake
        self,
        courier: Courier,
        template: Template,
        *,
        path: Mapping[str, object],
        name: str | None,
        headers: Mapping[str, str] | None,
        subprotocols: tuple[str, ...],
        compress: bool,
    ) -> None:
        self._courier = courier
        self._template = template
        self._origin = template.origin
        self._target = template.fill(path)
        self._name = name or f"WS {template.label}"
        self._headers = headers
        self._subprotocols = subprotocols
        self._compress = compress
        self._opened: WebSocket | None = None

    async def __aenter__(self) -> WebSocket:
        """Connect, and record it as an action.

        Raises
        ------
        HttpError
            If there is no connection to be had: a `StatusError`, say.
        Leaving
            Once the user is asked to leave.
        """
        courier = self._courier
        await courier.admit(leaving=False)
        if courier.is_closed:
            raise InvalidRequestError("the client is closed")
        with courier.stopwatch(self._name):
            frames = await self._connect()
        self._opened = WebSocket(courier, frames, self._name)
        return self._opened

    async def _connect(self) -> Frames:
        from ._frames import Frames, handshake_uri

        courier, options = self._courier, self._courier.options
        patience: Patience = courier.patience(options.connect_timeout)
        authority, fields = courier.handshake(self._template, self._target, self._headers)
        user = courier.user
        frames = await open_wire(
            lambda: Frames(
                handshake_uri(self._origin, self._target),
                fields,
                subprotocols=self._subprotocols,
                compress=self._compress,
                limit=options.max_body_bytes,
                now=courier.native.now,
                on_drop=lambda: courier.count("websocket.dropped"),
            ),
            self._origin,
            options.routes.to(self._origin, user.id if user is not None else 0, through=True),
            tls=options.tls_for_websockets if self._origin.is_secure else None,
            timeout=options.connect_timeout,
            patience=patience,
        )
        try:
            await frames.shake_hands(patience)
        except BaseException:
            frames.close()
            raise
        finally:
            courier.keep_cookies(frames.answer_fields, authority, self._target)
            courier.ledger.connection(frames.connect_seconds, frames.tls_seconds)
            courier.ledger.status(frames.status)
        return frames

    async def __aexit__(self, *_: object) -> None:
        """Say goodbye and close."""
        if self._opened is not None:
            await self._opened.aclose()


def _check(message: object) -> None:
    """Refuse what is no message, before it counts as one."""
    if not isinstance(message, str | bytes | bytearray | memoryview):
        kind = type(message).__name__
        raise InvalidRequestError(
            f"message is of type {kind}: give text or bytes, or use send_json"
        )
