"""What a session and its throttles show in a notebook."""

from __future__ import annotations

from typing import Any

import pytest

import murmur


class Nap(murmur.Scenario):
    """Users nap at the pace of a throttle."""

    async def init(self) -> None:
        self.naps = await murmur.throttle("naps <1>", rate=50, interval=1)

    async def start(self, user: murmur.User) -> None:
        await self.naps.wait()
        await user.sleep(60)


def test_session_throttles_and_statistics_are_tables() -> None:
    with murmur.Session() as session:
        session.do(Nap, 3, user_rate=float("inf"))

        assert "<caption>Nap on local</caption>" in str(session._repr_html_())
        assert sorted(session.throttles._ipython_key_completions_()) == ["naps <1>", "user_rate"]
        for shown in (session.throttles, session.throttles["naps <1>"].statistics()):
            table = shown._repr_html_()
            assert "<th scope='row'>naps &lt;1&gt;</th><td>50/1 s</td>" in table

    assert session._repr_html_() is None  # closed, it has nothing to ask


class Going:
    """What there is of a kind: something when it is first asked for, and nothing later."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> dict[str, Any]:
        self.asked += 1
        return {"one": 1} if self.asked == 1 else {}


@pytest.mark.parametrize(
    ("kind", "others"),
    [
        ("nodes", [None]),
        ("throttles", [dict, lambda *_: None]),
        ("coordinators", [lambda *_: None]),
    ],
)
def test_what_goes_while_all_are_read_is_no_error(kind: str, others: list[Any]) -> None:
    with murmur.Session() as session:
        known = type(getattr(session, kind))

    assert list(dict(known(Going(), *others).items())) == ["one"]
    assert len(list(known(Going(), *others).values())) == 1
    assert known(Going(), *others).get("one", "gone") == "gone"
