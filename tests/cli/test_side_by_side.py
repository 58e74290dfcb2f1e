"""`murmur compare` says how two runs differ, how sure that is, and what else differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from murmur._cli import main


@pytest.fixture
def both(results, slower, tmp_path: Path) -> list[str]:
    return [str(results.save(tmp_path / "a")), str(slower.save(tmp_path / "b"))]


def test_every_action_has_its_rows_and_intervals(both, capsys):
    assert main(["compare", *both]) == 1
    out = capsys.readouterr().out

    rows = [line.split() for line in out.splitlines() if "response_p50" in line]
    assert rows[0][:3] == ["response_p50", "100", "ms"]
    assert rows[0][5].startswith("+9") or rows[0][5].startswith("+10")  # twice, within 1 %
    assert rows[0][-1] == "higher"
    assert "95% confidence" in out
    assert "repeat both" in out
    assert "note: settings pace differs: 0.1, then 0.2" in out
    assert "service_p50" not in out
    assert out.splitlines()[-1] == "fail: something is worse, and more than chance explains"


def test_without_a_rule_that_nothing_is_worse_is_no_pass(both, capsys):
    assert main(["compare", both[0], both[0]]) == 4
    assert "cannot tell: nothing says how much is too much" in capsys.readouterr().out


def test_a_margin_passes_what_is_surely_within_it(both, capsys):
    assert main(["compare", both[0], both[0], "--margin", "5%", "--after", "1s"]) in {0, 4}
    assert main(["compare", *both, "--margin", "5%"]) == 1
    assert main(["compare", *both, "--margin", "much"]) == 2
    assert "--margin: 'much' is no share" in capsys.readouterr().err


def test_sides_of_several_runs_are_parted_by_two_dashes(both, capsys):
    a, b = both
    assert main(["compare", a, a, "--", b, b, "--fail-if", "p50 > +50%"]) == 1
    assert "repeat both" not in capsys.readouterr().out
    assert main(["compare", a, b, b]) == 2
    assert "two directories, or several of each side" in capsys.readouterr().err
    assert main(["compare", a, "--"]) == 2


def test_all_statistics_are_shown_on_demand(both, capsys):
    main(["compare", *both, "--all"])

    assert "service_p50" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ("p50(nap) > +50%", 1, "p50(nap) > +50%: met (nap: +"),
        ("p50(nap) > +150%", 0, "not met (nap: +"),
        ("p50(nap) < -150%", 2, "at most 100%"),
        ("rate(nap) < -5%", 0, "not met (nap: +0.0%"),
        ("p50(nop) > +5%", 4, "cannot tell (no action is called 'nop'; did you mean 'nap'?)"),
        ("failed > +10%", 4, "cannot tell"),
        ("failed > +20 points", 0, "not met (nap: -0.5 points, between"),
        ("p50 > +0.1 points", 2, "points are of `failed`"),
        ("p50(nap) > 5%", 2, "write the change with its sign"),
    ],
)
def test_rules_are_the_exit_code(both, capsys, rule, code, said):
    assert main(["compare", *both, "--fail-if", rule]) == code
    out, err = capsys.readouterr()
    assert said in out + err


def test_a_program_gets_json(both, capsys):
    assert main(["compare", *both, "--json", "--fail-if", "p50 > +50%"]) == 1
    plain = json.loads(capsys.readouterr().out)

    assert plain["rules"][0]["is_met"] is True
    assert {row["statistic"] for row in plain["comparison"]} >= {"rate", "response_p99"}


def test_an_invalid_run_is_exit_3(both, capsys):
    path = Path(both[1]) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["verdict"] = {"state": "invalid", "reasons": ["Too slow."]}
    path.write_text(json.dumps(manifest), encoding="utf-8")

    assert main(["compare", *both]) == 3
    assert "warning: B is invalid: Too slow." in capsys.readouterr().out


def test_times_have_to_be_times(both, capsys):
    assert main(["compare", *both, "--after", "soon"]) == 2
    assert "--after: 'soon' is no time" in capsys.readouterr().err
