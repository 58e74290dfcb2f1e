"""Errors and log handlers of a user's making: each user has its outcome, and the run goes on."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator

import pytest
from traitlets import Float

import murmur
from murmur.testing import rehearse


def deep() -> BaseException:
    """Return an error in five thousand groups."""
    error: Exception = ValueError("order lost")
    for _ in range(5_000):
        error = ExceptionGroup("of a task group", [error])
    return error


def long() -> BaseException:
    """Return an error with twenty thousand causes."""
    error = ValueError("the first")
    for number in range(20_000):
        error, cause = ValueError(f"after {number}"), error
        error.__context__ = cause
    return error


def round_about() -> BaseException:
    """Return an error that is its own cause's cause."""
    error, cause = ValueError("order lost"), LookupError("no order")
    error.__cause__, cause.__cause__ = cause, error
    return error


class MuteError(Exception):
    """Refuses whatever it is asked."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(f"no {name}")


class Nameless(type):
    """Has no name to tell."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise KeyError("no name")


def nameless() -> BaseException:
    """Return an error whose class raises when it is asked for its name."""

    class NamelessError(Exception, metaclass=Nameless):
        pass

    return NamelessError()


ERRORS: dict[str, Callable[[], BaseException]] = {
    "ValueError: order lost": deep,
    "ValueError: after ": long,
    "ValueError: order lost ": round_about,
    "ValueError: xxx": lambda: ValueError("x" * 20_000_000),
    "ExceptionGroup: g: ValueError: order 0": lambda: ExceptionGroup(
        "g", [ValueError(f"order {number} lost") for number in range(1_000)]
    ),
    "ScenarioError: MuteError, an error that nothing can be told of": MuteError,
    "ScenarioError: Something, an error that nothing can be told of": nameless,
    "MemoryError": MemoryError,
}


class Raises(murmur.Scenario):
    """Users raise what the class has."""

    user_rate = Float(math.inf, help="users per minute").tag(live=True)
    error: Callable[[], BaseException]

    async def start(self, user: murmur.User) -> None:
        raise type(self).error()


@pytest.mark.parametrize("told", ERRORS)
def test_a_user_that_raises_it_has_failed(told: str) -> None:
    Raises.error = ERRORS[told]
    began = time.process_time()
    results = rehearse(Raises, 3)

    assert results.users["outcome"].tolist() == ["failed"] * 3
    assert results.users["reason"].str.startswith(told.strip()).all()
    assert "every user failed" in str(results.summary()).lower()
    assert time.process_time() - began < 20  # Python takes minutes to format 20,000 causes


def test_a_user_whose_attributes_were_taken_is_lost_and_not_forgotten() -> None:
    class Careless(murmur.Scenario):
        """Users take what murmur knows them by."""

        user_rate = Float(math.inf, help="users per minute").tag(live=True)

        async def start(self, user: murmur.User) -> None:
            user.run = None  # type: ignore[assignment]
            if user.id > 2:
                user.id = None  # type: ignore[assignment]

    results = rehearse(Careless, 4, duration=60)  # the lost ones never end by themselves

    assert results.users["user_id"].tolist() == [1, 2, 3, 4]
    assert results.users["outcome"].tolist() == ["finished"] * 2 + ["lost"] * 2
    assert results.users["reason"].tolist()[2:] == ["nobody told how it ended"] * 2
    assert not results.verdict.is_valid


class Handler(logging.Handler):
    """Raises out of its logger."""

    def emit(self, record: logging.LogRecord) -> None:
        raise SystemExit("no log")


@pytest.fixture
def handler() -> Iterator[Handler]:
    handler, logger = Handler(), logging.getLogger("murmur")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.mark.usefixtures("handler")
def test_a_log_handler_that_raises_ends_no_run() -> None:
    Raises.error = lambda: LookupError("order lost")
    with murmur.Session() as session:
        run = session.do(Raises, 2, end_when_idle=True)
        state = run.wait(60).state
        again = session.do(Raises, 2, end_when_idle=True)

        assert state == "finished"
        assert again.wait(60).state == "finished"
        assert run.results.errors["error"].tolist() == ["LookupError: order lost"]


class FailsBesides(murmur.Scenario):
    """Users do well, and what stands beside them does not."""

    async def init(self) -> None:
        self.pairs = await murmur.coordinator("pairs", (1, self.act))

    async def act(self, event: object) -> None:
        raise RuntimeError("nobody there")

    async def start(self, user: murmur.User) -> None:
        user.record("look", 0.1)
        await self.pairs.add(user)

    async def terminate(self) -> None:
        raise ValueError("the data stay")


def test_what_fails_beside_users_and_actions_is_a_remark() -> None:
    with murmur.Session() as session:
        run = session.do(FailsBesides, 1, user_rate=math.inf, end_when_idle=True)
        run.wait(timeout=60)
    reasons = " ".join(run.results.verdict.reasons)

    assert "x coordinator pairs failed: RuntimeError: nobody there." in reasons
    assert "1 x scenario terminate failed: ValueError: the data stay." in reasons
