"""Names and errors of strangers forge no line, and an error of one's own tells no secret."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import re
import time
import traceback
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from traitlets import Dict, List, Unicode, observe

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
        over = run.wait(60)
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


class AtTheEnd(Chat):
    """The error comes when the run ends, in an event that follows another."""

    async def terminate(self) -> None:
        raise ValueError(f"refused: Bearer {self.token}")


@pytest.mark.parametrize("scenario", [ByChanged, ByObserver, ByUser, AtTheEnd])
def test_a_secret_in_the_text_of_an_error_is_told_to_nobody(
    scenario: type[Chat], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    events: list[object] = []  # as a handler may keep them
    with (
        caplog.at_level(logging.DEBUG, logger="murmur"),
        murmur.on("amoc.*", events.append),
        murmur.Session(directory=tmp_path) as session,
    ):
        run = session.do(scenario, 1, user_rate=math.inf)
        if scenario in {ByUser, AtTheEnd}:
            session.update(token=SECRET)
        else:
            with pytest.raises(CallbackError) as caught:
                session.update(token=SECRET)
            told.append("".join(traceback.format_exception(caught.value)))
            told.append(caught.value.traceback_text)
        if scenario is not AtTheEnd:
            wait_for(lambda: len(run.results.errors))
        session.stop()
        told.append(repr(run.wait(60)))
    results = run.results
    told += map(repr, events)
    told += [results.errors.to_csv(), results.events.to_csv(), repr(results.summary())]
    told += [repr(run.settings), *(record.getMessage() for record in caplog.records)]
    told += [file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()]

    assert results.errors["count"].sum() == 1
    assert "***" in results.errors["error"].iloc[0]
    assert [text for text in told if SECRET in text] == []


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Everywhere(murmur.Scenario):
    """Puts its secrets into everything that has a name, and into errors in other forms."""

    token = Unicode("guest", help="part of a path").tag(secret=True)
    keys = List(Unicode(), help="several").tag(secret=True)
    login = Dict(help="names and passwords").tag(secret=True)

    async def init(self) -> None:
        await murmur.throttle(f"of {self.token}", rate=math.inf)
        murmur.count(f"made {self.token}")

    async def start(self, user: murmur.User) -> None:
        user.record(f"GET /bot{self.token}/me", 0.1)
        user.gauge(f"{self.token}", 1.0)
        user.stamp(f"to {self.token}")
        await (await murmur.throttle(f"of {self.token}")).wait()
        form = {"key": self.keys[0], **self.login}
        for text in (repr(form), json.dumps(form), urllib.parse.urlencode(form)):
            user.record("send", 0.1, ok=False)
            with contextlib.suppress(ValueError), user.timer("send"):
                raise ValueError(text)


def test_a_secret_is_in_no_name_and_in_no_other_form(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = {"token": "110201:AAHdqTcv", "keys": ['k/ey "0" é'], "login": {"pass": "a&b=c d"}}
    told: list[str] = []
    with (
        caplog.at_level(logging.DEBUG, logger="murmur"),
        murmur.on("amoc.*", lambda event: told.append(repr(event))),
        murmur.Session(directory=tmp_path) as session,
    ):
        run = session.do(Everywhere, 1, user_rate=math.inf, end_when_idle=True, **given)
        told.append(repr(run.wait(60)))
    told += [repr(run.results.summary()), *(record.getMessage() for record in caplog.records)]
    told += [frame.to_csv() for frame in (run.results.errors, run.results.deliveries)]
    told += [file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()]

    assert "GET /bot***/me" in set(run.results.actions["name"])
    assert len(run.results.errors.query("kind == 'ValueError'")) > 0
    parts = ("AAHdqTcv", "k/ey", "k%2Fey", "a&b", "a%26b")
    assert [part for part in parts for text in told if part in text] == []


def test_a_name_may_be_a_short_word_that_is_a_password_as_well() -> None:
    class Guest(murmur.Scenario):
        """Guests look."""

        password = Unicode("guest", help="of everybody").tag(secret=True)

        async def start(self, user: murmur.User) -> None:
            user.record("guest looks", 0.1)

    with murmur.Session() as session:
        run = session.do(Guest, 1, user_rate=math.inf, end_when_idle=True)
        run.wait(60)

    assert list(run.results.actions["name"]) == ["guest looks"]


class Named(murmur.Scenario):
    """Throttles and coordinators are named for the key that they pace."""

    key = Unicode("guest", help="of an account").tag(secret=True)
    other = Unicode("", help="of another").tag(secret=True)

    async def init(self) -> None:
        self.calls = await murmur.throttle(f"calls of {self.key}", rate=1000, interval=1)
        self.pairs = await murmur.coordinator(("pairs", self.key), (2, lambda event: None))
        self.rooms = await murmur.coordinator(f"rooms of {self.key}", (1, lambda event: None))
        try:
            await murmur.throttle(f"calls of {self.other}", rate=5, interval=1)
        except murmur.errors.InvalidArgumentError:
            murmur.count("refused")

    async def start(self, user: murmur.User) -> None:
        await (await murmur.throttle(f"calls of {self.key}")).wait()
        await (await murmur.coordinator(f"rooms of {self.key}")).add(user)
        murmur.count("met")
        await self.pairs.gather(user, 2)


@pytest.mark.parametrize("is_cluster", [False, True])
def test_a_secret_is_in_no_name_of_a_throttle_or_a_coordinator(
    tmp_path: Path, *, is_cluster: bool
) -> None:
    told: list[str] = []
    with (
        murmur.on("amoc.*", lambda event: told.append(repr(event))),
        murmur.Session(directory=tmp_path) as session,
    ):
        if is_cluster:
            session.spawn_nodes(1)
        keys = {"key": SECRET, "other": "swordfish-swordfish"}
        run = session.do(Named, 1, user_rate=math.inf, **keys)
        wait_for(lambda: session.status().users["running"])
        named_by_hand = session.throttle(f"by hand of {SECRET}", rate=7, interval=1)
        named_by_hand.change_rate(rate=8, interval=1)
        session.throttles["calls of ***"].change_rate(rate=500, interval=1)
        told += [repr(named_by_hand), repr(session.throttles), repr(session.coordinators)]
        told += [repr(session.status()), *map(repr, session.coordinators.statistics())]
        names = set(session.throttles)
        rooms = set(session.coordinators)
        wait_for(lambda: len(run.results.throttles.query("name == 'by hand of ***'")))
        session.stop()
        told.append(repr(run.wait(60)))
    results = run.results
    told += [results.throttles.to_csv(), results.changes.to_csv(), repr(results.summary())]
    told += [file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()]

    assert names == {"user_rate", "calls of ***", "by hand of ***"}
    assert rooms == {("pairs", "***"), "rooms of ***"}
    assert set(results.counters["name"]) == {"met", "refused"}
    assert [text for text in told if SECRET in text or "swordfish" in text] == []


def test_an_archive_says_what_the_guard_allowed_and_no_secret(tmp_path: Path) -> None:
    with murmur.Session(allow=["127.0.0.0/8", f"{SECRET}.example.org"]) as session:
        run = session.do(Chat, token=SECRET)
        session.stop()
        run.wait(60)
    kept = murmur.load(run.results.save(tmp_path / "kept"))
    assert kept.manifest["plan"]["allow"] == ["127.0.0.0/8", "***.example.org"]

    with murmur.Session() as session:
        run = session.do(Chat, token=SECRET)
        session.stop()
        run.wait(60)
    assert "allow" not in run.results.manifest["plan"]
    assert run.results.manifest.diff(kept.manifest) == []
