"""``murmur status TICKET`` asks the session itself, and is a health check of its nodes."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest

import murmur
from murmur._cli import main

from .conftest import wait_for


class Steady(murmur.Scenario):
    """Users stay; a message makes one block its loop, until there is a file of that name."""

    async def start(self, user: murmur.User) -> None:
        file = Path(await user.receive())
        until = time.monotonic() + 60
        while time.monotonic() < until and not file.exists():  # noqa: ASYNC240
            time.sleep(0.05)  # noqa: ASYNC251 - what the test is about


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main(["status", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_a_session_says_how_its_run_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with murmur.Session(run_here=True) as session:
        ticket = session.open(read_only=True).save(tmp_path / "look.ticket")
        assert answer(capsys, ticket) == (0, "idle: no run yet\n")

        run = session.do(Steady, 5, user_rate=math.inf)
        wait_for(lambda: session.status().users["running"] == 5)
        code, text = answer(capsys, ticket)
        assert (code, text[:52]) == (0, "running Steady: 0 waiting, 5 running, 0 leaving, 0 g")
        told = json.loads(answer(capsys, ticket.read_text("ascii").strip(), "--json")[1])
        assert (told["state"], told["run_id"], told["well"]) == ("running", run.id, True)

    code, text = answer(capsys, ticket)
    assert (code, "cannot join the session at 127.0.0.1:" in text) == (1, True)
    assert json.loads(answer(capsys, ticket, "--json")[1])["well"] is False


def test_a_node_that_is_missing_or_blocked_is_not_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with murmur.Session() as session:
        ticket = session.open(read_only=True).save(tmp_path / "look.ticket")
        [name] = session.spawn_nodes(1)
        session.do(Steady, 2, user_rate=math.inf)
        assert answer(capsys, ticket, "--node", name)[0] == 0
        code, text = answer(capsys, ticket, "--node", "nobody")
        assert (code, text.splitlines()[-1]) == (
            1,
            f"node nobody: it is not there (there: {name})",
        )

        wait_for(lambda: session.status().users["running"] == 2)
        session.send(1, str(tmp_path / "go on"))
        wait_for(lambda: "it does not answer" in str(session.status().problems))
        code, text = answer(capsys, ticket, "--node", name, "--within", 1)
        (tmp_path / "go on").touch()
        assert code == 1
        assert text.splitlines()[-1].startswith(f"node {name}: a user has been blocking its loop")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["murmur-ticket-1:zzz"], "it is damaged; copy it again, as a whole"),
        (["/tmp", "--node", "a"], "--node goes with a ticket"),
    ],
)
def test_what_is_no_ticket_is_a_mistake_of_the_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    code, text = answer(capsys, *arguments)

    assert code == 2
    assert reason in text
