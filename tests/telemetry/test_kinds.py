"""Failures that are alike are one kind, and those that are not stay apart."""

from __future__ import annotations

import pytest

from murmur.telemetry import Kind, Kinds, joined_kinds


def kind_of(error: BaseException | str) -> str:
    return str(Kinds().of(error))


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
    assert kind_of(several) == (
        "ExceptionGroup: both (3 sub-exceptions): 2 x ValueError: a; KeyError: 'b'"
    )


def test_what_is_remembered_is_bounded() -> None:
    kinds = Kinds()
    for n in range(1, 1500):
        kinds.of(ValueError(f"{'x' * (n % 900)} {'z' * (n // 900)} {n}"))

    assert str(kinds.of(ValueError("y 7"))) == "ValueError: y <n>"
