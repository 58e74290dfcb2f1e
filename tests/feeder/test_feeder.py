from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import cloudpickle
import pandas as pd
import pytest
from traitlets import TraitError

import murmur
from murmur.errors import FeederError, InvalidSettingError
from murmur.feeder import Rows
from murmur.scenario import build, describe, resolve

NAMES = ["ann", "bob", "cyd"]


@pytest.fixture
def accounts(tmp_path, monkeypatch):
    path = tmp_path / "accounts.csv"
    path.write_text("name,password\nann,a1\nbob,b2\ncyd,c3\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return path


class Login(murmur.Scenario):
    """Users log in."""

    accounts = murmur.Feeder("accounts.csv", columns=["name", "password"], help="who logs in")

    async def start(self, user):
        user.count(self.accounts[user]["name"])


def test_rows_are_read_when_settings_are_resolved(accounts):
    rows = resolve(Login, {}, environment={}).values["accounts"]

    assert isinstance(rows, Rows)
    assert rows[2] == {"name": "bob", "password": "b2"}
    assert rows[SimpleNamespace(id=3)]["name"] == "cyd"


def test_a_missing_file_is_refused_up_front_with_all_other_problems(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidSettingError) as refused:
        resolve(Login, {"grace": -1}, environment={})

    first, second = sorted(refused.value.problems)
    assert "'accounts.csv': no such file" in first
    assert "'grace'" in second


def test_a_missing_column_is_refused_up_front(accounts):
    accounts.write_text("name,pass\nann,a1\n", encoding="utf-8")

    with pytest.raises(InvalidSettingError, match="no column 'password'; did you mean 'pass'"):
        resolve(Login, {}, environment={})


def test_an_argument_or_the_environment_brings_other_rows(accounts, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("name,password\ndan,d4\n", encoding="utf-8")
    frame = pd.DataFrame({"name": ["eve"], "password": ["e5"], "unused": [1]})

    named = resolve(Login, {"accounts": "other.csv"}, environment={})
    from_environment = resolve(Login, {}, environment={"AMOC_ACCOUNTS": str(other)})
    in_memory = resolve(Login, {"accounts": frame}, environment={})

    for resolved, name in ((named, "dan"), (from_environment, "dan"), (in_memory, "eve")):
        assert resolved.values["accounts"][1]["name"] == name
    assert in_memory.values["accounts"].columns == ("name", "password")


def test_a_path_is_also_looked_for_beside_the_scenario(accounts, tmp_path, monkeypatch):
    (tmp_path / "shop.py").write_text(
        textwrap.dedent(
            """
            import murmur
            class Shop(murmur.Scenario):
                accounts = murmur.Feeder("accounts.csv", help="who logs in")
                async def start(self, user): ...
            """
        ),
        encoding="utf-8",
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    from murmur.scenario import find

    rows = resolve(find(str(tmp_path / "shop.py"), {}), {}, environment={}).values["accounts"]

    assert len(rows) == 3


def test_a_feeder_without_a_source_is_a_required_setting():
    class Shop(murmur.Scenario):
        items = murmur.Feeder(help="what is bought")

        async def start(self, user): ...

    with pytest.raises(InvalidSettingError, match="it is required"):
        resolve(Shop, {}, environment={})
    assert len(resolve(Shop, {"items": [{"id": 1}]}, environment={}).values["items"]) == 1


def test_nothing_is_read_before_it_is_needed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Late(murmur.Scenario):
        accounts = murmur.Feeder("nowhere.csv", help="who logs in")

        async def start(self, user): ...

    (setting,) = [each for each in describe(Late).settings if each.name == "accounts"]

    assert setting.default == "nowhere.csv"
    with pytest.raises(TraitError, match="no such file"):
        Late().accounts  # noqa: B018 - to see it raise


def test_a_feeder_cannot_be_live():
    with pytest.raises(TraitError, match="a feeder cannot be live"):
        murmur.Feeder("a.csv", help="a").tag(live=True)


def test_what_rows_hold_is_in_no_description():
    class Shop(murmur.Scenario):
        accounts = murmur.Feeder([{"password": "hunter2"}], help="who logs in")

        async def start(self, user): ...

    (setting,) = [each for each in describe(Shop).settings if each.name == "accounts"]

    assert setting.default == "a list of 1"


def test_what_rows_hold_is_in_no_message():
    secrets = [{"name": "ann", "password": "hunter2"}, {"name": "bob"}]

    with pytest.raises(InvalidSettingError) as refused:
        resolve(Login, {"accounts": secrets}, environment={})

    assert "'a list of 2': row 2 differs from the first in ['password']" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(refused.value.failures)


@pytest.mark.parametrize(("given", "known"), [("order", "by-id"), ("beyond", "cycle")])
def test_a_policy_that_is_none_is_refused_at_once(given, known):
    with pytest.raises(TraitError, match=f"'random' is none of .*'{known}'"):
        murmur.Feeder("a.csv", help="a", **{given: "random"})


def rows(**policy: str) -> Rows:
    return Rows({"name": NAMES}, source="a list", **policy)


def test_users_beyond_the_rows_fail_begin_again_or_leave():
    with pytest.raises(FeederError, match="no row for user 4: there are 3 rows"):
        rows()[4]
    assert rows(beyond="cycle")[4] == {"name": "ann"}
    with pytest.raises(murmur.Leaving):
        rows(beyond="stop")[4]


def test_rows_that_travelled_keep_their_policy_and_say_nothing_of_their_content():
    before = Rows({"password": ["hunter2"]}, source="a.csv", beyond="cycle")

    after = pickle.loads(pickle.dumps(before))

    assert after[2] == {"password": "hunter2"}
    assert repr(after) == "<1 row of a.csv: password>"


def test_an_instance_made_of_resolved_rows_does_not_read_again(accounts):
    resolved = resolve(Login, {}, environment={})
    accounts.unlink()

    scenario = build(Login, pickle.loads(pickle.dumps(resolved)))

    assert scenario.accounts[1]["name"] == "ann"


def test_a_node_gives_out_rows_without_pandas(accounts, tmp_path):
    resolved = resolve(Login, {}, environment={})
    (tmp_path / "run.pickle").write_bytes(cloudpickle.dumps(resolved.values["accounts"]))
    code = """
    import pickle, sys
    rows = pickle.load(open("run.pickle", "rb"))
    assert rows[3]["name"] == "cyd"
    assert not {"pandas", "pyarrow", "numpy"} & set(sys.modules), "too much"
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
