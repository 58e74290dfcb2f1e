"""What went wrong is told, the most frequent first."""

from __future__ import annotations

from murmur._cli._troubles import troubles_of
from murmur.recording import RunRecord
from murmur.results import Results
from murmur.telemetry import Recorder


def troubles(fill) -> tuple[str, ...]:
    record = RunRecord("r1", 0.0, 0.0)
    node = Recorder(node="n1", started_at=0.0, wall_started_at=0.0, now=lambda: 1.0)
    fill(node)
    record.add(node.seal())
    return troubles_of(Results(record))


def test_users_and_actions_are_counted_by_their_reason():
    def fill(node):
        for user in range(1, 4):
            node.user_gone(user, "failed", "OSError: refused", 0.0, 0.0, 1.0)
        node.user_gone(4, "failed", "KeyError: 'x'", 0.0, 0.0, 1.0)
        node.user_gone(5, "finished", None, 0.0, 0.0, 1.0)
        node.action("echo", 1, 0.0, 0.0, 0.5, ConnectionError("reset"))
        node.action("echo", 1, 0.0, 0.0, 0.5)

    assert troubles(fill) == (
        "3 users failed: OSError: refused",
        "1 user failed: KeyError: 'x'",
        "1 x echo failed: ConnectionError: reset",
    )


def test_a_run_without_troubles_has_none():
    assert troubles(lambda node: node.action("echo", 1, 0.0, 0.0, 0.5)) == ()


def test_many_kinds_and_long_texts_are_cut():
    def fill(node):
        for user in range(1, 9):
            node.user_gone(user, "failed", f"Error {user}\n" + "x" * 500, 0.0, 0.0, 1.0)

    found = troubles(fill)
    assert len(found) == 6
    assert found[-1] == "and users with 3 other reasons"
    assert all(len(line) <= 200 and "\n" not in line for line in found)
