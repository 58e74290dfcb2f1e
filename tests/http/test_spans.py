"""Parts of an answer are spans of its action: told, judged and kept, and no actions."""

from __future__ import annotations

import math
from itertools import count
from pathlib import Path

import pytest

import murmur
from murmur.errors import HttpError
from murmur.http import Options
from murmur.testing import HttpStub, TokenServer, rehearse

EVENTS = (200, {"content-type": "text/event-stream"}, b"data: 1\n\ndata: 2\n\n")


class Chat(murmur.Scenario):
    """Asks three times, the last time of a server that breaks off after two tokens."""

    async def start(self, user: murmur.User) -> None:
        async with TokenServer(tokens=4, first=0.3, gap=0.05) as server:
            for fails_after in (None, None, 2):
                server.fails_after = fails_after
                url = f"http://127.0.0.1:{server.port}/"
                async with user.http.post(url, json={}, stream=True, name="chat") as answer:
                    async for _ in answer.events():
                        pass


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[murmur.Results]:
    """Return the results of a run, and the same from its archive."""
    with murmur.Session() as session:
        run = session.do(Chat, 2, end_when_idle=True, user_rate=float("inf"))
        run.wait(60)
        place: Path = tmp_path_factory.mktemp("run") / "chat"
        run.results.save(place)
        return [run.results, murmur.load(place)]


@pytest.mark.parametrize("which", [0, 1])
def test_spans_are_rows_of_their_own(results: list[murmur.Results], which: int) -> None:
    spans = results[which].spans
    counts = spans.groupby("name", observed=True)["count"].sum().to_dict()

    # [DONE] is an event as well; of the third answer two tokens came.
    # It broke off in a gap, which never ended.
    parts = {"chat.first_event": 6, "chat.event_gap": 2 * (4 + 4 + 1)}
    assert counts == {**parts, "chat.event_gap.never_came": 2}
    first = spans[spans["name"] == "chat.first_event"]
    assert first["p50"].between(0.29, 1.0).all()
    assert results[which].windows["count"].sum() == 6
    assert set(results[which].windows["name"]) == {"chat"}


@pytest.mark.parametrize("which", [0, 1])
def test_checks_judge_spans_by_their_names(results: list[murmur.Results], which: int) -> None:
    found = results[which].check(
        "p50(chat.first_event) < 1s",
        "p50(chat.first_event) < 200ms",
        "p50(chat.event_gap) < 200ms",
        "p50(chat.never) < 1s",
    )

    assert [each.holds for each in found] == [True, False, True, False]


def test_an_answer_that_broke_off_failed(results: list[murmur.Results]) -> None:
    assert results[0].errors["count"].sum() == 2
    assert issubclass(
        getattr(murmur.errors, results[0].errors["error"].iloc[0].split(":")[0]), HttpError
    )


def asking(*, patience: float = 60.0, phases: bool = False) -> type[murmur.Scenario]:
    """Return a scenario whose users ask ten times; the last answer takes 40 s."""
    asked = count(1)
    stub = HttpStub(lambda _: EVENTS, latency=lambda _: 0.1 if next(asked) % 10 else 40.0)

    class Asks(murmur.Scenario):
        """Asks for events."""

        http = Options(base_url="http://chat.test", phases=phases, transport=stub)

        async def start(self, user: murmur.User) -> None:
            for _ in range(10):
                call = user.http.get("/", name="chat", stream=True, timeout=patience)
                async with call as answer:
                    if answer.error is None:
                        async for _ in answer.events():
                            pass

    return Asks


def judged(results: murmur.Results, text: str) -> murmur.results.CheckResult:
    (found,) = results.check(text)
    return found


@pytest.mark.parametrize(("patience", "waited"), [(60.0, 11.1), (5.0, 5.0)])
def test_an_event_that_never_came_counts_with_its_age(
    patience: float, waited: float, tmp_path: Path
) -> None:
    """One of ten waits until its user has to go, or until its own patience ends."""
    ran = rehearse(asking(patience=patience), 1, duration=10, user_rate=math.inf)
    saved = murmur.load(ran.save(tmp_path / "run"))

    for results in (ran, saved):
        slow = judged(results, "p99(chat.first_event) < 1s")
        assert not slow.holds
        assert slow.value == pytest.approx(waited, abs=0.6)
        assert "never came" in slow.reason
        assert judged(results, "p50(chat.first_event) < 1s").holds
        assert judged(results, "p99(chat.event_gap) < 1s").holds
        missed = results.spans[results.spans["name"] == "chat.first_event.never_came"]
        assert missed["count"].tolist() == [1]
        assert missed["max"].item() == pytest.approx(waited, abs=0.6)


def test_a_phase_that_never_ended_counts_with_its_age() -> None:
    results = rehearse(asking(phases=True), 1, duration=10, user_rate=math.inf)

    found = judged(results, "p99(chat [first byte]) < 1s")
    assert not found.holds
    assert found.value == pytest.approx(11.1, abs=0.6)
    assert judged(results, "p50(chat [first byte]) < 1s").holds


class Otherwise(murmur.Scenario):
    """Reads one answer event by event, one in bytes, and one not at all."""

    http = Options(base_url="http://chat.test", transport=HttpStub(lambda _: EVENTS))

    async def start(self, user: murmur.User) -> None:
        async with user.http.get("/", name="chat", stream=True) as answer:
            async for _ in answer.events():
                pass
        async with user.http.get("/", name="chat", stream=True) as answer:
            async for _ in answer.iter_bytes():
                pass
        async with user.http.get("/", name="chat", stream=True) as answer:
            await user.sleep(1)


def test_an_answer_that_is_read_in_another_way_misses_no_event() -> None:
    results = rehearse(Otherwise, 1, duration=20, user_rate=math.inf)

    counts = results.spans.groupby("name", observed=True)["count"].sum().to_dict()
    assert counts == {"chat.first_event": 1, "chat.event_gap": 1}


class Impatient(murmur.Scenario):
    """Asks ten times, and reads one event of each answer."""

    http = Options(base_url="http://chat.test", transport=HttpStub(lambda _: EVENTS))

    async def start(self, user: murmur.User) -> None:
        for _ in range(10):
            async with user.http.get("/", name="chat", stream=True) as answer:
                async for _ in answer.events():
                    break
                await user.sleep(1)


def test_events_that_nobody_waits_for_are_not_missed() -> None:
    results = rehearse(Impatient, 1, duration=20, user_rate=math.inf)

    counts = results.spans.groupby("name", observed=True)["count"].sum().to_dict()
    assert counts == {"chat.first_event": 10}
    assert not [line for line in results.verdict.reasons if "never came" in line]
