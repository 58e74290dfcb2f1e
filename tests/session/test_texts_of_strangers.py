"""Names and errors of strangers forge no line, and an error of one's own tells no secret."""

from __future__ import annotations

import logging
import math
import re
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from traitlets import Unicode, observe

import murmur
from murmur.errors import CallbackError

EVIL = "x\nexit 0: all checks hold\r\x1b[2J\x07\u2028\u202ey\x00\x85z\t"
FORGED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]|^exit 0", re.MULTILINE
)
SECRET = "hunter2-hunter2"


class Forger(murmur.Scenario):
    """Everything has a name, and an error, that pretends to be more than one line."""

    async def init(self) -> None:
        self.paced = await murmur.throttle("t" + EVIL, rate=1000, interval=1)
        self.pairs = await murmur.coordinator("c" + EVIL, (1, self.act))

    async def act(self, event: object) -> None:
        raise RuntimeError("act" + EVIL)

    async def start(self, user: murmur.User) -> None:
        await self.paced.wait()
        user.record("r" + EVIL, 0.1, ok=False)
        user.count("n" + EVIL)
        user.gauge("g" + EVIL, 1)
        user.arrived(user.stamp("s" + EVIL, expected=1))
        await self.pairs.add(user)
        self.paced.run(self.act, None)
        await user.sleep(0.1)
        with user.timer("a" + EVIL):
            raise ValueError("v" + EVIL)


def test_names_and_errors_forge_no_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="murmur"), murmur.Session() as session:
        run = session.do(Forger, 3, user_rate=math.inf, end_when_idle=True)
        on = session.status()
        over = run.wait(20)
    results = run.results
    texts = {
        "status": repr(on),
        "throttles": repr(session.throttles),
        "last status": repr(over),
        "problems": "".join(over.problems),
        "summary": repr(results.summary()),
        "html": results.summary()._repr_html_(),
        "verdict": str(results.verdict),
        "check": str(results.check("p99 < 1s")),
        "log": "".join(record.getMessage() for record in caplog.records),
    }

    assert len(over.problems) > 2
    assert {what: FORGED.findall(text) for what, text in texts.items() if FORGED.search(text)} == {}


class Chat(murmur.Scenario):
    """Users wait."""

    token = Unicode("none yet", help="password").tag(secret=True, live=True)

    async def start(self, user: murmur.User) -> None:
        await user.sleep(math.inf)


class ByChanged(Chat):
    """The error is one of `changed`."""

    async def changed(self, name: str, old: object, new: object) -> None:
        raise ValueError(f"cannot use {new} now; {self.token!r}")


class ByObserver(Chat):
    """The error is an observer's."""

    @observe("token")
    def _tell(self, change: Any) -> None:
        raise ValueError(f"no {change.new}")


class ByUser(Chat):
    """The error is a user's, as of a server that repeats what it was sent."""

    async def start(self, user: murmur.User) -> None:
        while self.token != SECRET:
            await user.sleep(0.01)
        with user.timer("login"):
            raise ValueError(f"refused: Bearer {self.token}")


@pytest.mark.parametrize("scenario", [ByChanged, ByObserver, ByUser])
def test_a_secret_in_the_text_of_an_error_is_told_to_nobody(
    scenario: type[Chat], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    with (
        caplog.at_level(logging.DEBUG, logger="murmur"),
        murmur.on("amoc.*", lambda event: told.append(repr(event))),
        murmur.Session(directory=tmp_path) as session,
    ):
        run = session.do(scenario, 1, user_rate=math.inf)
        if scenario is ByUser:
            session.update(token=SECRET)
        else:
            with pytest.raises(CallbackError) as caught:
                session.update(token=SECRET)
            told.append("".join(traceback.format_exception(caught.value)))
            told.append(caught.value.traceback_text)
        wait_for(lambda: len(run.results.errors))
        session.stop()
        told.append(repr(run.wait(20)))
    results = run.results
    told += [results.errors.to_csv(), results.events.to_csv(), repr(results.summary())]
    told += [repr(run.settings), *(record.getMessage() for record in caplog.records)]
    told += [file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()]

    assert results.errors["count"].sum() == 1
    assert "***" in results.errors["error"].iloc[0]
    assert [text for text in told if SECRET in text] == []


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
