"""`murmur compare --baseline` keeps good runs, and judges new ones by all that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from murmur._cli import main
from murmur.recording import RunRecord
from murmur.results import Results
from murmur.telemetry import Recorder

DAY = 86_400.0


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., str]:
    """Return ``saved(number, seconds)``: a run of that day whose naps take so long."""

    def made(number: int, seconds: float) -> str:
        wall = 1_700_000_000.0 + number * DAY
        record = RunRecord(f"run{number}", 0.0, wall, settings={"pace": 0.1}, seed=number)
        node = Recorder(node="n1", started_at=0.0, wall_started_at=wall, now=lambda: 40.0)
        for second in range(40):
            for place in range(20):
                at = second + place / 20
                node.action("nap", 1, at, at, at + seconds * (1 + (place * 7 + second) % 20 / 400))
        node.user_gone(1, "finished", None, 0.0, 0.0, 40.0)
        node.health(40.0, [0.001], 0.5, 1e8, saturated=False)
        record.add(node.seal())
        return str(Results(record, scenario="Nap").save(tmp_path / f"new-{number}"))

    return made


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    return tmp_path / "baselines" / "nap"


def kept(baseline: Path) -> list[str]:
    return sorted(path.name for path in baseline.iterdir())


def test_without_a_baseline_nobody_can_tell(saved, baseline, capsys):
    assert main(["compare", "--baseline", str(baseline), saved(1, 0.1), "--margin", "5%"]) == 4
    assert "cannot tell: no other run is kept in" in capsys.readouterr().out
    assert not baseline.exists()


def test_update_begins_a_baseline_and_says_that_nothing_was_compared(saved, baseline, capsys):
    command = ["compare", "--baseline", str(baseline), "--update", "--margin", "5%"]

    assert main([*command, saved(1, 0.1)]) == 0
    out, err = capsys.readouterr()
    assert "nothing was compared" in out
    assert f"kept in {baseline}: 1 run" in err
    assert kept(baseline) == ["20231115T221320Z-run1"]


def test_good_runs_join_and_the_oldest_go(saved, baseline, capsys):
    command = ["compare", "--baseline", str(baseline), "--update", "--keep", "2"]
    command += ["--fail-if", "p50 > +20%"]
    main([*command, saved(1, 0.1)])

    for number, seconds in ((2, 0.1003), (3, 0.0998)):
        assert main([*command, saved(number, seconds)]) == 0

    assert [name.partition("-")[2] for name in kept(baseline)] == ["run2", "run3"]
    out, err = capsys.readouterr()
    assert "without the 1 oldest" in err
    assert out.splitlines()[-1] == "pass"


def test_a_run_that_is_worse_fails_and_is_not_kept(saved, baseline, capsys):
    command = ["compare", "--baseline", str(baseline), "--update", "--margin", "20%"]
    main([*command, saved(1, 0.1)])
    main([*command, saved(2, 0.1002)])

    assert main([*command, saved(3, 0.2)]) == 1
    assert "not kept" in capsys.readouterr().err
    assert len(kept(baseline)) == 2


def test_runs_that_differ_among_themselves_cannot_tell_of_a_small_change(saved, baseline, capsys):
    command = ["compare", "--baseline", str(baseline)]
    for number, seconds in ((1, 0.1), (2, 0.13), (3, 0.08)):
        main([*command, "--update", saved(number, seconds)])

    # By itself each of these is told from any other; among such differences it is nothing.
    assert main([*command, saved(4, 0.11), "--margin", "5%"]) == 4
    assert capsys.readouterr().out.splitlines()[-1] == "cannot tell"


def test_a_run_is_not_compared_with_itself_nor_kept_twice(saved, baseline, capsys):
    run = saved(1, 0.1)
    command = ["compare", "--baseline", str(baseline), "--margin", "5%", run]
    main([*command, "--update"])

    assert main(command) == 4
    assert "no other run" in capsys.readouterr().out
    main([*command, "--update"])
    assert len(kept(baseline)) == 1


def test_an_invalid_run_is_exit_3_and_never_kept(saved, baseline):
    run = Path(saved(1, 0.1))
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    manifest["ended_by"], manifest["broken_off"] = "", "its loop was lost"
    manifest["verdict"] = {"state": "invalid", "reasons": ["It was lost."]}
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    assert main(["compare", "--baseline", str(baseline), "--update", str(run)]) == 3
    assert not baseline.exists()


def test_a_program_gets_json_of_the_first_run_too(saved, baseline, capsys):
    assert main(["compare", "--baseline", str(baseline), saved(1, 0.1), "--json"]) == 4

    assert json.loads(capsys.readouterr().out)["answer"] == "cannot tell"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--baseline", "{run}", "{run}"], "it is a run; give the directory above it"),
        (["--baseline", "{run}/manifest.json", "{run}"], "it is a file"),
        (["--baseline", "{new}"], "the directories of the new runs alone"),
        (["--baseline", "{new}", "{run}", "--", "{run}"], "the directories of the new runs alone"),
        (["--update", "{run}", "{run}"], "--update says what is kept"),
        (["--baseline", "{new}", "{run}", "--keep", "0"], "--keep 0: give 1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(saved, baseline, capsys, arguments, said):
    run = saved(1, 0.1)
    filled = [each.format(run=run, new=baseline) for each in arguments]

    assert main(["compare", *filled]) == 2
    assert said in capsys.readouterr().err
