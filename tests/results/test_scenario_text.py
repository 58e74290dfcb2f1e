"""The text of a scenario is kept, and no default of a secret setting with it."""

from __future__ import annotations

import inspect
import json
from hashlib import sha256
from inspect import getsource
from pathlib import Path

import pytest
from traitlets import Dict, HasTraits, Int, Unicode, default

from murmur.recording import RunRecord
from murmur.results import Results, RunDirectory
from murmur.results.archive import entries


def scenario_text(scenario: type) -> dict[str, object]:
    """Return what the manifest of a run has of its scenario, but for the name."""
    results = Results(RunRecord("r1", 0.0, 0.0), scenario=scenario)
    return {key: told for key, told in results.manifest["scenario"].items() if key != "name"}


class Plain(HasTraits):
    greeting = Unicode("hello", help="what is said")


class Secretive(HasTraits):
    """Signs in; hunter2 is not for everybody."""

    greeting = Unicode("grüß dich", help="what is said")
    password = Unicode("hunter2", help="what opens it").tag(secret=True, live=True)
    pin = Int(default_value=4711, min=0, help="digits").tag(secret=True)
    keys: Dict = Dict({"a": "open" + "sesame"}).tag(secret=True)
    token = Unicode(help="made anew").tag(secret=True)

    @default("token")
    def _made(self) -> str:
        return "token-" + "of-old"

    def check(self) -> bool:
        return self.password != "hunter2"


class Heir(Secretive):
    def again(self) -> bool:
        return self.password == "hunter2"


class Roundabout(HasTraits):
    password, pin = Unicode("hunter2").tag(secret=True), 1


def test_without_secrets_it_is_the_text_as_written() -> None:
    assert scenario_text(Plain)["source"] == getsource(Plain)


def test_defaults_of_secrets_are_masked_and_nothing_else() -> None:
    text = scenario_text(Secretive)["source"]

    for secret in ("hunter2", "4711", "sesame", "token-", "of-old"):
        assert secret not in text
    assert "password = Unicode('***', help=\"what opens it\").tag(secret=True, live=True)" in text
    assert "pin = Int(default_value='***', min=0, help=\"digits\").tag(secret=True)" in text
    assert 'greeting = Unicode("grüß dich", help="what is said")' in text
    assert "return self.password != '***'" in text
    compile(text, "masked", "exec")


def test_the_hash_is_that_of_the_text_as_written() -> None:
    assert scenario_text(Secretive)["sha256"] == sha256(getsource(Secretive).encode()).hexdigest()


def test_a_secret_of_a_base_is_masked_too() -> None:
    assert "hunter2" not in scenario_text(Heir)["source"]


def test_a_class_within_a_function_keeps_its_indentation() -> None:
    class Inner(HasTraits):
        password = Unicode("hunter2").tag(secret=True)

    assert scenario_text(Inner)["source"] == getsource(Inner).replace('"hunter2"', "'***'")


def test_a_text_in_which_the_default_cannot_be_found_is_left_out() -> None:
    assert list(scenario_text(Roundabout)) == ["sha256"]


@pytest.mark.parametrize("kept", ["journal", "archive", "report"])
def test_no_file_of_a_run_holds_a_default_of_a_secret(kept: str, tmp_path: Path) -> None:
    record = RunRecord("r1", 0.0, 0.0)
    results = Results(record, scenario=Secretive)
    if kept == "journal":
        directory = RunDirectory(tmp_path, record, Secretive)
        text = str(list(entries(directory.path)))
        directory.close()
    elif kept == "archive":
        manifest = results.save(tmp_path / "run") / "manifest.json"
        text = json.loads(manifest.read_text())["scenario"]["source"]
    else:
        text = results.report(tmp_path / "run.html").read_text()

    assert "class Secretive" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("kind", [OSError, SystemError, IndexError, RecursionError])
def test_a_text_that_cannot_be_had_costs_nothing(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> str:
        raise kind("error return without exception set")

    monkeypatch.setattr(inspect, "getsource", refuse)

    assert scenario_text(Plain) == {}
