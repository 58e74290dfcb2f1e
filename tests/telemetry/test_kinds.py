"""Failures that are alike are one kind, and those that are not stay apart."""

from __future__ import annotations

import random
import string
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from murmur.telemetry import Kind, Kinds, joined_kinds


def kind_of(error: BaseException | str) -> str:
    return str(Kinds().of(error))


def joined(errors: Iterable[tuple[str, str]]) -> set[Kind]:
    """Return the kinds of errors by class and text, as they are at the end of a run."""
    kinds = Kinds()
    counts = Counter(tuple(kinds.of_text(*error)) for error in errors)
    return set(joined_kinds(counts).values())


RANDOM = random.Random(7)


def drawn(letters: str, length: int) -> str:
    return "".join(RANDOM.choice(letters) for _ in range(length))


HEX = "0123456789abcdef"
TOKEN = string.ascii_letters + string.digits + "-_"
SINCE = datetime(2026, 1, 1)  # noqa: DTZ001 - as texts have it, without a zone


def moment() -> datetime:
    return SINCE + timedelta(seconds=RANDOM.randrange(10**7))


VARYING: dict[str, Callable[[int], str]] = {
    "request <hex> timed out": lambda n: f"request {drawn(HEX, 8)} timed out",
    "span <hex> dropped": lambda n: f"span {drawn(HEX, 16).upper()} dropped",
    "no commit <hex>": lambda n: f"no commit {drawn(HEX, 7)}",
    "no queue reply_<uuid>": lambda n: f"no queue reply_{UUID(int=RANDOM.getrandbits(128))}",
    "no job urn:<hex>": lambda n: f"no job urn:{UUID(int=RANDOM.getrandbits(128)).hex}",
    "no job <id>": lambda n: f"no job 01{drawn('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 24)}",
    "no room <id>": lambda n: f"no room {drawn(TOKEN, 21)}",
    "bad token <token>": lambda n: f"bad token eyJ{drawn(TOKEN, 30)}.{drawn(TOKEN, 40)}",
    "connect to [::1]:<port> failed": lambda n: f"connect to [::1]:{40_000 + n} failed",
    "no route to [<n>]:80": lambda n: f"no route to [2001:db8::{n:x}]:80",
    "no device <n>": lambda n: f"no device {':'.join(drawn(HEX, 2) for _ in range(6))}",
    "expired at <time>": lambda n: f"expired at {moment()}",
    "no slot at <time>": lambda n: f"no slot at {moment().isoformat(timespec='minutes')}",
    "stale since <time>": lambda n: f"stale since {moment():%a, %d %b %Y %H:%M:%S GMT}",
    "late since <time>": lambda n: f"late since {moment().ctime()}",
    "[<time>] lost": lambda n: f"[{moment():%H:%M:%S}] lost",
    "valid until <time>": lambda n: f"valid until {1_767_225_600 + n % 4}",
    "no prices of <n>": lambda n: f"no prices of {(SINCE + timedelta(days=n)).date()}",
    "worker pid=<n> died": lambda n: f"worker pid={n % 5 + 300} died",
    "<Transport fd=<n> idle> is closed": lambda n: f"<Transport fd={n % 9 + 5} idle> is closed",
    "<Thing <n>> is gone": lambda n: f"<Thing 0x{RANDOM.getrandbits(26) + 9:x}> is gone",
    "No such file: '/tmp/tmp<...>/data.json'":
        lambda n: f"No such file: '/tmp/tmp{drawn(HEX + '_', 8)}/data.json'",
    "No such file: '/tmp/<n>/data.json'":
        lambda n: f"No such file: '/tmp/job-{drawn('ghijk', 6)}/data.json'",
    "cannot parse '{\"id\": <n>, \"name\": \"user <n>\"}'":
        lambda n: f'cannot parse \'{{"id": {n}, "name": "user {n}"}}\'',
    "unknown user \"<...>\"": lambda n: f'unknown user "{drawn("abcdefgh", 9)}"',
    "no account <...>@example.org": lambda n: f"no account {drawn('abcdefgh', 9)}@example.org",
    "no answer of /items?q=<...>": lambda n: f"no answer of /items?q={drawn('abcdefgh', 9)}",
    "unknown user <...>, sorry": lambda n: f"unknown user {drawn('abcdefgh', 9)}, sorry",
    "user<n> has no cart": lambda n: f"user{n:04d} has no cart",
    "took <n> s": lambda n: f"took {RANDOM.random() * 1e-5:.3e} s",
    "sold <n> of [<n>]": lambda n: f"sold {n} of {list(range(n, n + 3 + n % 7))}",
}  # fmt: skip


@pytest.mark.parametrize("told", VARYING)
def test_what_varies_in_a_text_makes_no_kinds(told: str) -> None:
    texts = [VARYING[told](n) for n in range(80)]
    whole = told.replace("<...>, sorry", "<...> sorry")  # a word goes with what is written to it

    assert {kind.text for kind in joined(("E", text) for text in texts)} == {whole}


@pytest.mark.parametrize(
    "texts",
    [
        [f"HTTP {code}" for code in (400, 401, 403, 404, 405, 409, 410, 413, 429, 500, 502, 503)],
        [f"{code}, message='x', url='/items'" for code in (404, 409, 429, 500, 502, 503)],
        ["404 Not Found", "500 Internal Server Error", "503 Service Unavailable"],
        [f"the command had exit code {code}" for code in range(20)],
        [f"returned non-zero exit status {code}." for code in range(1, 15)],
        [f"died with signal {number}" for number in range(1, 16)],
        [f"[Errno {number}] no" for number in range(100, 115)],
        [f"failed (sqlstate={state})" for state in ("23505", "23503", "40001", "40P01", "42P01")],
        [f"{state}: no" for state in ("23505", "23503", "40001", "40P01", "42P01", "57014")],
        ["ORA-00942: no", "ORA-00904: no", "ORA-00001: no", "ORA-01400: no", "ORA-12541: no"],
        ["order 5 lost", "order lost"],
        ["needs TLSv1.2", "needs TLSv1.3"],
        ["status 0xC0000005", "status 0xC0000409"],
        ["no such table 'orders'", "no such table 'users'", "no such table 'carts'"],
        ["UNAVAILABLE: no", "NOT_FOUND: no", "ABORTED: no", "CANCELLED: no", "INTERNAL: no",
         "UNKNOWN: no", "DATA_LOSS: no", "OUT_OF_RANGE: no", "UNIMPLEMENTED: no", "OK: no",
         "INVALID_ARGUMENT: no", "DEADLINE_EXCEEDED: no", "ALREADY_EXISTS: no"],
        ["decade", "facade", "deadbeef"],
        ["ThreadPoolExecutorIsFull", "AsyncHttp2ConnectionPool", "items/Foo2/barBaz9/QuxQuux1"],
    ],
    ids=lambda texts: texts[0],
)  # fmt: skip
@pytest.mark.parametrize("times", [1, 20])
def test_what_differs_in_meaning_stays_apart(texts: list[str], times: int) -> None:
    assert {kind.text for kind in joined(("E", text) for text in texts * times)} == set(texts)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("lost <Peer object at 0x7f31a2b4c5d0>", "lost <Peer object at 0x...>"),
        ("<TCPTransport closed=True 0x7fe97801ba80>", "<TCPTransport closed=True 0x...>"),
        ("error 0x80090308 of the system", "error 0x80090308 of the system"),
        ("from ('127.0.0.1', 51234) to ('10.0.0.1', 443)",
         "from ('127.0.0.1', <port>) to ('10.0.0.1', 443)"),
        ("127.0.0.1:40001 -> 10.0.0.1:5432: refused", "127.0.0.1:<port> -> 10.0.0.1:5432: refused"),
        ("[::1]:60999 is gone", "[::1]:<port> is gone"),
        ("refused: 5432", "refused: 5432"),
        ("sent 40001 bytes", "sent 40001 bytes"),
        ("order 6fa459ea-ee8a-3ca4-894e-db77e160355e lost", "order <uuid> lost"),
        ("trace 0af7651916cd43dd8448eb211c80319c", "trace <hex>"),
        ("at 2026-11-29T01:02:03.456Z: late", "at <time>: late"),
        ("Task-4711 was destroyed", "Task-<n> was destroyed"),
        ("two\n  lines\tof it", "two lines of it"),
    ],
)  # fmt: skip
def test_what_is_different_each_time_is_replaced(given: str, told: str) -> None:
    assert kind_of(LookupError(given)) == f"LookupError: {told}"


def test_the_end_of_a_long_text_is_kept_as_well_as_its_beginning() -> None:
    told = kind_of(OSError("first " + "x" * 3000 + " last"))

    assert told.startswith("OSError: first x")
    assert told.endswith("x last")
    assert len(told) == 1000 + len("OSError: ")


def test_a_number_that_keeps_changing_is_a_counter() -> None:
    kinds = Kinds()
    told = [str(kinds.of(LookupError(f"HTTP 404: order {n}"))) for n in range(70)]

    assert told[-60:] == ["LookupError: HTTP 404: order <n>"] * 60


def test_kinds_are_joined_once_all_of_them_are_known() -> None:
    few = {("E", f"refused: {port}"): 1 for port in (5432, 6379, 3306)}
    ports = {("E", f"no reply: {port}"): 9 for port in (80, 443, 5432, 6379, 8080)}
    orders = {("E", f"order {n} at shop 7"): 1 for n in range(6)}

    found = joined_kinds({**few, **ports, **orders})

    assert {found[kind].text for kind in few} == {text for _, text in few}
    assert {found[kind].text for kind in ports} == {text for _, text in ports}
    assert {found[kind] for kind in orders} == {Kind("E", "order <n> at shop 7")}


class RpcError(Exception):
    """Looks as gRPC's errors do."""

    def __init__(self, name: str) -> None:
        super().__init__(f"<RpcError of RPC that terminated with:\n\tdetails = {name.lower()}>")
        self._name = name

    def code(self) -> object:
        return type("Code", (), {"name": self._name})()

    def details(self) -> str:
        return ""


class SqlError(Exception):
    sqlstate = "40P01"


class HttpError(Exception):
    def __init__(self) -> None:
        super().__init__("no good")
        self.response = type("Response", (), {"status_code": 503})()


class TrapError(Exception):
    @property
    def sqlstate(self) -> str:
        raise SystemExit


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RpcError("NOT_FOUND"),
         "RpcError: NOT_FOUND: <RpcError of RPC that terminated with: details = not_found>"),
        (SqlError("deadlock detected"), "SqlError: 40P01: deadlock detected"),
        (HttpError(), "HttpError: 503: no good"),
        (TrapError("odd"), "TrapError: odd"),
    ],
)  # fmt: skip
def test_the_code_of_a_known_class_comes_first(error: Exception, told: str) -> None:
    assert kind_of(error) == told


def test_a_group_is_told_by_what_it_holds() -> None:
    alone = ExceptionGroup("of a task group", [ValueError("empty")])
    several = ExceptionGroup("both", [ValueError("a"), ValueError("a"), KeyError("b")])

    assert kind_of(alone) == "ValueError: empty"
    assert kind_of(several) == "ExceptionGroup: both: KeyError: 'b'; ValueError: a"
    fewer = ExceptionGroup("both", [KeyError("b"), ValueError("a")])
    assert kind_of(fewer) == kind_of(several)  # how many, and which came first, is chance


def test_groups_in_groups_without_end_are_a_kind_too() -> None:
    group = ExceptionGroup("n", [ValueError("a"), KeyError("b")])
    for _ in range(3000):
        group = ExceptionGroup("n", [group, ValueError("a")])

    assert kind_of(group).startswith("ExceptionGroup: n: ExceptionGroup: n: ")
    assert "...; ValueError: a" in kind_of(group)


def test_an_error_without_a_word_says_where_it_is_from() -> None:
    error = ValueError()
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")

    assert kind_of(error) == (
        "ValueError: from ConnectionRefusedError: [Errno 111] Connection refused"
    )


def test_classes_that_are_made_up_are_one_kind() -> None:
    told = {str(kind) for kind in joined([(f"Error{n}", "boom") for n in range(40)])}

    assert told == {"Error<n>: boom"}
    assert kind_of(type("Gone_3fa8c2d177", (Exception,), {})("x")) == "Gone_<hex>: x"


def test_what_is_remembered_is_bounded() -> None:
    kinds = Kinds()
    for n in range(1, 1500):
        kinds.of(ValueError(f"{'x' * (n % 900)} {'z' * (n // 900)} {n}"))

    assert str(kinds.of(ValueError("y 7"))) == "ValueError: y <n>"
