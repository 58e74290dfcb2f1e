"""What programs read fits its schema, to the last entry."""

from __future__ import annotations

import json
import math

import jsonschema
import pytest

import murmur
from murmur._cli import main
from murmur.errors import InvalidArgumentError
from murmur.results import JSON_KINDS, json_schema

SCENARIO = """
import murmur
from traitlets import Float

class Steady(murmur.Scenario):
    pace = Float(0.05, help="seconds between actions").tag(live=True)

    async def init(self):
        self.acts = await murmur.throttle("acts", rate=50, interval=1)

    async def start(self, user):
        for number in range(5):
            await self.acts.wait()
            with user.timer("act"):
                await user.sleep(self.pace)
        if user.id == 2:
            raise ValueError("no luck")
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Return what one run of the command line, with one live change, has written."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "steady.py").write_text(SCENARIO, encoding="utf-8")
    with murmur.Session() as session:
        path = str(folder / "steady.py")
        run = session.do(path, 3, user_rate=math.inf, end_when_idle=True)
        session.update(pace=0.01)
        run.wait(timeout=60)
        run.results.save(folder / "out")
    manifest = json.loads((folder / "out" / "manifest.json").read_text("utf-8"))
    return {"manifest": manifest, "folder": folder}


@pytest.fixture
def documents(written, capsys) -> dict[str, object]:
    """Return one document of each kind."""
    main(["report", str(written["folder"] / "out"), "--json", "--check", "count(act) > 1"])
    return {"run": json.loads(capsys.readouterr().out), "manifest": written["manifest"]}


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_a_schema_is_one(kind):
    jsonschema.Draft202012Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_real_output_fits(kind, documents):
    validator = jsonschema.Draft202012Validator(_closed(json_schema(kind)))

    assert [error.message for error in validator.iter_errors(documents[kind])] == []


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_what_is_missing_or_of_another_type_is_found(kind, documents):
    validator = jsonschema.Draft202012Validator(json_schema(kind))
    document = documents[kind]

    for name in document:
        rest = {key: value for key, value in document.items() if key != name}
        assert not validator.is_valid(rest), name
        assert not validator.is_valid(document | {name: object}), name


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_the_command_prints_it(kind, capsys):
    assert main(["schema", kind]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema(kind)


def test_another_kind_is_refused():
    with pytest.raises(InvalidArgumentError, match="did you mean 'manifest'"):
        json_schema("manifets")


def _closed(schema):
    """Return the schema with nothing allowed that it does not name: output has no more."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "required" in schema and "properties" in schema:
        closed["additionalProperties"] = False
    return closed
