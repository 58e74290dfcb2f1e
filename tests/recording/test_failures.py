"""Every failure of a run has a row: of what, how often, and the first traceback."""

from __future__ import annotations

import json

import anyio
import pytest

import murmur
from murmur.recording import failure_lines
from murmur.testing import rehearse


def rows(results: murmur.results.Results) -> set[tuple[str, str, str, int, int]]:
    columns = ["source", "name", "error", "count", "users"]
    return set(results.errors[columns].itertuples(index=False, name=None))


class Mixed(murmur.Scenario):
    """Two faults, one of them with the address of an object in its text."""

    async def start(self, user: murmur.User) -> None:
        if user.id <= 70:
            with user.timer("publish"):
                raise RuntimeError(f"nothing on <Transport {0x7FE97801BA80 + 64 * user.id:#x}>")
        with user.timer("order"):
            raise LookupError("order lost")


def test_failures_that_are_alike_are_one_row_with_one_traceback() -> None:
    results = rehearse(Mixed, 80, user_rate=float("inf"))

    assert rows(results) == {
        ("action", "publish", "RuntimeError: nothing on <Transport 0x...>", 70, 70),
        ("action", "order", "LookupError: order lost", 10, 10),
    }
    found = dict(results.errors[["name", "traceback"]].itertuples(index=False, name=None))
    assert 'raise LookupError("order lost")' in found["order"]
    assert "raise RuntimeError(" in found["publish"]
    assert set(results.actions["error"]) == set(results.errors["error"])
    assert set(results.users["reason"]) == set(results.errors["error"])
    reasons = results.events.query("name == 'amoc.user.failure'")["metadata"]
    assert len(reasons) == 2


def test_kinds_that_differ_in_a_counter_are_joined_in_errors_and_in_actions() -> None:
    class Counting(murmur.Scenario):
        """The text of the failure has the number of the user."""

        async def start(self, user: murmur.User) -> None:
            with user.timer("order"):
                raise LookupError(f"order {user.id} lost")

    results = rehearse(Counting, 40, user_rate=float("inf"))

    assert rows(results) == {("action", "order", "LookupError: order <n> lost", 40, 40)}
    assert set(results.actions["error"]) == {"LookupError: order <n> lost"}


def test_two_ports_of_servers_stay_two() -> None:
    class Refused(murmur.Scenario):
        """Half of the users go to one server, half to the other."""

        async def start(self, user: murmur.User) -> None:
            raise ConnectionError(f"refused: {5432 if user.id % 2 else 6379}")

    results = rehearse(Refused, 10, user_rate=float("inf"))

    assert rows(results) == {
        ("user", "Refused", "ConnectionError: refused: 5432", 5, 5),
        ("user", "Refused", "ConnectionError: refused: 6379", 5, 5),
    }


def test_what_fails_beside_the_users_has_a_row_too() -> None:
    class Beside(murmur.Scenario):
        """All users are fine; what they set off is not."""

        async def init(self) -> None:
            self.pairs = await murmur.coordinator("pairs", (2, self.introduce))
            self.calls = await murmur.throttle("calls", rate=10, interval=1)

        def introduce(self, event: object) -> None:
            raise ValueError("no pair")

        async def call(self) -> None:
            raise OSError("no call")

        async def start(self, user: murmur.User) -> None:
            await self.pairs.add(user)
            self.calls.run(self.call)
            await user.sleep(2)

        async def terminate(self) -> None:
            raise KeyError("no end")

    results = rehearse(Beside, 4, user_rate=float("inf"))

    assert rows(results) == {
        ("coordinator", "pairs", "ValueError: no pair", 3, 0),  # two pairs, and the stop
        ("throttle", "calls", "OSError: no call", 4, 0),
        ("scenario", "terminate", "KeyError: 'no end'", 1, 0),
    }
    assert all("Traceback" in text for text in results.errors["traceback"])
    told = results.events.query("name == 'amoc.throttle.failure'")["metadata"].map(json.loads)
    assert {(each["name"], each["error"], each["reason"]) for each in told} == {
        ("calls", "OSError", "no call")
    }


def test_a_text_of_many_lines_is_kept_whole_in_one() -> None:
    class Rpc(murmur.Scenario):
        """Errors as gRPC has them."""

        async def start(self, user: murmur.User) -> None:
            raise OSError("<RpcError:\n\tstatus = NOT_FOUND\n\tdetails = 'no room'\n>")

    results = rehearse(Rpc, 1)

    text = "OSError: <RpcError: status = NOT_FOUND details = 'no room' >"
    assert list(results.errors["error"]) == [text]


def test_the_first_of_two_tracebacks_is_kept() -> None:
    class Twice(murmur.Scenario):
        """One failure, from two places."""

        async def start(self, user: murmur.User) -> None:
            await anyio.sleep(user.id)
            if user.id == 1:
                raise ValueError("alike")  # the first
            raise ValueError("alike")  # the second

    results = rehearse(Twice, 2, user_rate=float("inf"))

    assert "# the first" in results.errors["traceback"][0]


def test_an_error_that_was_handled_counts_as_an_action_alone() -> None:
    class Handled(murmur.Scenario):
        """The user goes on after its action failed."""

        async def start(self, user: murmur.User) -> None:
            try:
                with user.timer("order"):
                    raise LookupError("order lost")
            except LookupError:
                user.count("lost")

    results = rehearse(Handled, 3, user_rate=float("inf"))

    assert rows(results) == {("action", "order", "LookupError: order lost", 3, 0)}


@pytest.mark.parametrize(
    ("only_harm", "lines"),
    [
        (False, ("9 x login failed: E: no", "3 users failed: F",
                 "2 x order failed: G: x; 1 user ended by it", "1 x handler h failed: H")),
        (True, ("3 users failed: F", "2 x order failed: G: x; 1 user ended by it",
                "1 x handler h failed: H")),
    ],
)  # fmt: skip
def test_failures_are_told_in_a_line_each(only_harm: bool, lines: tuple[str, ...]) -> None:
    table = {
        "source": ["action", "user", "action", "handler"],
        "name": ["login", "Chat", "order", "h"],
        "kind": ["E", "F", "G", "H"],
        "message": ["no", "", "x", ""],
        "count": [9, 3, 2, 1],
        "users": [0, 3, 1, 0],
    }

    assert failure_lines(table, only_harm=only_harm) == lines
    assert failure_lines(table, most=1)[-1] == "and 3 other kinds of failure, see results.errors"
