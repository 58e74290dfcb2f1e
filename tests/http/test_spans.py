"""Parts of an answer are spans of its action: told, judged and kept, and no actions."""

from __future__ import annotations

from pathlib import Path

import pytest

import murmur
from murmur.errors import HttpError
from murmur.testing import TokenServer


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
        run.wait(30)
        place: Path = tmp_path_factory.mktemp("run") / "chat"
        run.results.save(place)
        return [run.results, murmur.load(place)]


@pytest.mark.parametrize("which", [0, 1])
def test_spans_are_rows_of_their_own(results: list[murmur.Results], which: int) -> None:
    spans = results[which].spans
    counts = spans.groupby("name", observed=True)["count"].sum().to_dict()

    # [DONE] is an event as well; of the third answer two tokens came.
    assert counts == {"chat.first_event": 6, "chat.event_gap": 2 * (4 + 4 + 1)}
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
