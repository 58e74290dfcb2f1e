"""A small shop to load-test: JSON over HTTP/1.1, with a till that only so many use at once.

| request | answer |
|---|---|
| `GET /items` | 200, the first items; `?from=` and `?count=` choose others |
| `GET /items/{id}` | 200, or 404 for an item that is not sold |
| `POST /login` with `{"name": ...}` | 204, and a cookie |
| `GET /cart`, `POST /cart` with `{"item": id}` | 200, 201; 401 without the cookie |
| `POST /checkout` | 200, 409 if the cart is empty; queues for the till |
| `GET /feed?parts=` | 200, one JSON line after the other |

All else is 404, a wrong method 405, and bad JSON 400.  Every answer takes `latency`;
paying also takes a place at the till, of which there are `tills`, for `till_seconds`.  So
the shop sells ``tills / till_seconds`` carts a second and no more: beyond, the queue grows.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace
from types import ModuleType
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, urlsplit

from murmur.errors import MissingExtraError

from ._listening import Listening

ITEMS = 1_000
BODY_LIMIT = 1 << 16

REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 401: "Unauthorized",
    404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large",
}  # fmt: skip


@dataclass(slots=True)
class ShopCounters:
    """What a shop did since it opened.

    Attributes
    ----------
    requests : int
        Requests that were answered.
    failed : int
        Those answered with a status from 400.
    logins, sold : int
        Customers who logged in, and carts that were paid.
    queued : int
        Customers who wait at the till now.
    open : int
        Connections there are now.
    """

    requests: int = 0
    failed: int = 0
    logins: int = 0
    sold: int = 0
    queued: int = 0
    open: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class _Asked(NamedTuple):
    method: str
    path: str
    query: dict[str, list[str]]
    customer: str | None
    body: bytes

    def number(self, name: str, default: int) -> int:
        """Return a number of the query."""
        text = self.query.get(name, [""])[0]
        return int(text) if text.isdecimal() else default


class Shop(Listening):
    """The shop, as an asynchronous context manager; on asyncio only.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        Address to listen on.
    port : int, default 0
        Port to listen on; 0 lets the system choose one, see `port`.
    latency : float, default 0.002
        Seconds that every answer takes.
    tills : int, default 4
        Customers that can pay at a time.
    till_seconds : float, default 0.02
        Seconds that paying takes.

    Examples
    --------
    >>> import anyio, murmur.http
    >>> from murmur.testing import Shop
    >>> async def look():
    ...     async with Shop() as shop, murmur.http.Client(base_url=shop.url) as client:
    ...         return (await client.get("/items/{id}", id=3)).json()
    >>> anyio.run(look)
    {'id': 3, 'name': 'item 3', 'price': 13}
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        latency: float = 0.002,
        tills: int = 4,
        till_seconds: float = 0.02,
    ) -> None:
        super().__init__(host, port)
        self.latency = latency
        self.till_seconds = till_seconds
        self._tills = asyncio.Semaphore(tills)
        self._carts: dict[str, Counter[int]] = {}
        self._names = itertools.count(1)
        self._board = _Board(self._answer, _llhttp())
        self._counts = self._board.counts
        self._thaws_at = 0.0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.host}:{self._port}"

    @property
    def counters(self) -> ShopCounters:
        """A copy of the counts so far."""
        return replace(self._counts, open=len(self._board.customers))

    def freeze(self, seconds: float) -> None:
        """Answer nothing for `seconds`, as a server that collects garbage would."""
        self._thaws_at = max(self._thaws_at, asyncio.get_running_loop().time() + seconds)

    def _welcome(self) -> _Customer:
        return _Customer(self, self._board)

    def _dismiss(self) -> None:
        for customer in tuple(self._board.customers):
            customer.send_home()

    async def _answer(self, asked: _Asked) -> tuple[int, Any]:
        """Return status and what is said."""
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(self.latency, self._thaws_at - now))
        status, said = await self._serve(asked)
        self._counts.requests += 1
        self._counts.failed += status >= 400
        return status, said

    async def _serve(self, asked: _Asked) -> tuple[int, Any]:
        match asked.method, asked.path:
            case "GET", "/items":
                first = asked.number("from", 1)
                last = min(ITEMS, first - 1 + min(asked.number("count", 20), 100))
                return 200, [_item(number) for number in range(first, last + 1)]
            case "GET", path if path.startswith("/items/"):
                number = path.removeprefix("/items/")
                is_sold = number.isdecimal() and 1 <= int(number) <= ITEMS
                return (200, _item(int(number))) if is_sold else (404, {"error": "not sold"})
            case "POST", "/login":
                return self._log_in(asked)
            case ("GET" | "POST", "/cart") | ("POST", "/checkout"):
                return await self._serve_customer(asked)
            case _, "/items" | "/login" | "/cart" | "/checkout" | "/feed":
                return 405, {"error": "not like this"}
            case _:
                return 404, {"error": "no such page"}

    def _log_in(self, asked: _Asked) -> tuple[int, Any]:
        if _field(asked.body, "name") is None:
            return 400, {"error": "give a name"}
        customer = f"c{next(self._names)}"
        self._carts[customer] = Counter()
        self._counts.logins += 1
        return 204, customer

    async def _serve_customer(self, asked: _Asked) -> tuple[int, Any]:
        cart = self._carts.get(asked.customer or "")
        if cart is None:
            return 401, {"error": "log in first"}
        if asked.path == "/checkout":
            return await self._check_out(cart)
        if asked.method == "POST":
            item = _field(asked.body, "item")
            if not isinstance(item, int) or not 1 <= item <= ITEMS:
                return 400, {"error": "give an item"}
            cart[item] += 1
        items = [{"item": item, "count": count} for item, count in cart.items()]
        return (201 if asked.method == "POST" else 200), {"items": items}

    async def _check_out(self, cart: Counter[int]) -> tuple[int, Any]:
        if not cart:
            return 409, {"error": "the cart is empty"}
        total = sum(_item(item)["price"] * count for item, count in cart.items())
        cart.clear()
        self._counts.queued += 1
        async with self._tills:
            self._counts.queued -= 1
            await asyncio.sleep(self.till_seconds)
        self._counts.sold += 1
        return 200, {"total": total}


@dataclass
class _Board:
    """State that a shop shares with its customers."""

    answer: Callable[[_Asked], Awaitable[tuple[int, Any]]]
    llhttp: ModuleType  # httptools
    counts: ShopCounters = field(default_factory=ShopCounters)
    customers: set[_Customer] = field(default_factory=set)


class _Customer(asyncio.Protocol):
    """One connection: its requests are answered one after the other."""

    _transport: asyncio.Transport

    def __init__(self, shop: Shop, board: _Board) -> None:
        self._shop = shop
        self._board = board
        self._parser = board.llhttp.HttpRequestParser(self)
        self._queue: deque[_Asked] = deque()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._board.customers.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._board.customers.discard(self)
        if self._task is not None:
            self._task.cancel()

    def send_home(self) -> None:
        """Close at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except self._board.llhttp.HttpParserError:
            self._say(400, {"error": "not HTTP"})
            self._transport.close()

    def on_message_begin(self) -> None:
        self._url, self._body, self._cookie = b"", b"", b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"cookie":
            self._cookie = value

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > BODY_LIMIT:
            self._say(413, {"error": "too much"})
            self._transport.close()

    def on_message_complete(self) -> None:
        split = urlsplit(self._url.decode("ascii", "replace"))
        cookies = dict(
            pair.strip().partition("=")[::2] for pair in self._cookie.decode("latin-1").split(";")
        )
        method = self._parser.get_method().decode()
        query = parse_qs(split.query)
        self._queue.append(_Asked(method, split.path, query, cookies.get("customer"), self._body))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while self._queue:
            asked = self._queue.popleft()
            if asked.method == "GET" and asked.path == "/feed":
                await self._feed(asked.number("parts", 10))
                continue
            status, said = await self._board.answer(asked)
            if status == 204:
                self._say(204, None, f"Set-Cookie: customer={said}; Path=/; HttpOnly\r\n")
            else:
                self._say(status, said)
        self._task = None

    async def _feed(self, parts: int) -> None:
        """Send one line after the other, each when it is due."""
        self._write("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n")
        self._write("Transfer-Encoding: chunked\r\n\r\n")
        for number in range(min(parts, 10_000)):
            await asyncio.sleep(self._shop.latency)
            line = json.dumps({"part": number}) + "\n"
            self._write(f"{len(line):x}\r\n{line}\r\n")
        self._write("0\r\n\r\n")
        self._board.counts.requests += 1

    def _say(self, status: int, said: object, more: str = "") -> None:
        text = "" if said is None else json.dumps(said)
        self._write(
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n"
            f"{more}Content-Length: {len(text)}\r\n\r\n{text}"
        )

    def _write(self, text: str) -> None:
        if not self._transport.is_closing():
            self._transport.write(text.encode("ascii"))


def _llhttp() -> ModuleType:
    """Return the parser of HTTP, which is in an extra."""
    try:
        import httptools
    except ImportError as error:
        raise MissingExtraError("murmur.testing.Shop", "http", "httptools") from error
    return httptools


def _item(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"item {number}", "price": 10 + number % 90}


def _field(body: bytes, name: str) -> object:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document.get(name) if isinstance(document, dict) else None
