"""`murmur capacity` prints what was found, each step on the way, and exits with the answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from murmur._cli import main
from murmur.errors import MurmurError
from murmur.results import Capacity
from murmur.results.capacity import Search, Step

SHOP = '''
import murmur
from traitlets import Float


class Shop(murmur.Scenario):
    """Users order."""

    pace = Float(0.01, min=0, help="seconds an order takes")

    async def start(self, user):
        while True:
            with user.timer("order"):
                await user.sleep(self.pace)
'''


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = tmp_path / "shop.py"
    path.write_text(SHOP)
    return str(path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Answer in place of a session, which would take minutes; return what it was asked."""
    calls: list[dict[str, object]] = []

    def find_capacity(self: object, scenario: object, **options: object) -> Capacity:
        calls.append(options)
        search, steps = Search(10.0, whole=True), []
        while (load := search.next_load()) is not None:
            answer = "holds" if load <= 55 else "fails"
            step = Step(load, answer, 0.1, "", 9.0, 9.0, 0.0, 0.1, 0.2, 1.0, 0.1, load, 20.0)
            steps.append(step)
            search.take(load, step.answer)
            options["on_step"](step, search)  # type: ignore[operator]
        low, high = search.interval()
        return Capacity(
            "p99(order) < 1s", "users", low, high, search.best, 0.95, search.ended, steps, ("so",)
        )

    monkeypatch.setattr("murmur._session.Session.find_capacity", find_capacity)
    return calls


def test_the_answer_is_a_sentence_and_the_steps_are_told(
    shop: str, asked: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--low", "10", "--hold", "1m", "--set", "pace=0.5"]

    code = main(["capacity", shop, "--check", "p99(order) < 1s", *options])

    out, err = capsys.readouterr()
    assert code == 0
    assert out.startswith("p99(order) < 1s holds up to 5")
    assert "users (95% sure)" in out
    assert err.splitlines()[0].startswith(" 1. 10: holds; between")
    (options_seen,) = asked
    assert (options_seen["hold"], options_seen["pace"], options_seen["low"]) == (60.0, 0.5, 10.0)


def test_json_holds_every_step(
    shop: str, asked: list[dict[str, object]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    chart = tmp_path / "curve.json"

    arguments = ["--check", "p99(order) < 1s", "--json", "--chart", str(chart)]

    assert main(["capacity", shop, *arguments]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["low"] <= 55 <= told["high"]
    assert told["steps"][0]["load"] == 10
    assert "concat" in json.loads(chart.read_text())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--check", "p99(order) <"], "p99(order) <"),
        (["--check", "p99(order) < 1s", "--set", "pace"], "NAME=VALUE"),
        (["--check", "p99(order) < 1s", "--set", "pase=1"], "pace"),
        (["--check", "p99(order) < 1s", "--hold", "soon"], "soon"),
        (["--check", "p99(order) < 1s", "--low", "0"], "low=0"),
        (["--check", "p99(order) < 1s", "--by", "orders"], "users="),
    ],
)
def test_what_cannot_be_read_exits_with_2(
    shop: str, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["capacity", shop, *words])
    except MurmurError as error:  # pragma: no cover - the command answers it
        pytest.fail(str(error))

    assert code == 2
    assert says in capsys.readouterr().err
