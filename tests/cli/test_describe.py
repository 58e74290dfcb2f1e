"""`murmur describe` shows settings, of files that are not imported as well."""

from __future__ import annotations

import json

from murmur._cli import main


def test_a_file_is_read_and_not_imported(scenario, capsys):
    source = scenario.read_text(encoding="utf-8")
    scenario.write_text("import not_there_at_all\n" + source, encoding="utf-8")

    assert main(["describe", str(scenario)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Nap: Users nap.")
    assert "port to connect to" in out
    assert "'none'" not in out  # the default of a secret


def test_a_program_gets_json(scenario, capsys):
    assert main(["describe", str(scenario), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)

    assert [setting["name"] for setting in plain["settings"]][:2] == ["pace", "port"]


def test_a_class_of_a_module_is_imported(capsys):
    assert main(["describe", "murmur.demo:Chat"]) == 0
    assert "neighbours" in capsys.readouterr().out
