"""A run is done again from its archive alone: its settings, its seed, its calls at their times."""

import math
from types import SimpleNamespace

import pytest
from traitlets import Float, Unicode

import murmur
from murmur.errors import ConfigError, RunStateError
from murmur.results import load

BATCH = 2


def twice(number):
    return number * BATCH


class Talk(murmur.Scenario):
    """Users talk as fast as a throttle lets them."""

    pace = Float(0.01, min=0, help="seconds that a word takes").tag(live=True)

    async def init(self):
        self.words = await murmur.throttle("words", rate=100, interval=1)

    async def start(self, user):
        while not user.leaving.is_set():
            await self.words.wait()
            with user.timer("word"):
                await user.sleep(self.pace)


class Draw(murmur.Scenario):
    """Users draw a number."""

    async def start(self, user):
        user.count("drawn", twice(user.random.randrange(1000)))


class Login(murmur.Scenario):
    """Users log in."""

    password = Unicode(help="what they log in with").tag(secret=True, required=True)

    async def start(self, user):
        user.count("length", len(self.password))


@pytest.fixture
def session():
    with murmur.Session() as session:
        yield session


def steered(session):
    """Return the results of a run that was changed in every way, ended by `stop`."""
    run = session.do(Talk, 3, seed=11, user_rate=math.inf)
    session.add(2)
    session.update(pace=0.02)
    throttle = session.throttles["words"]
    throttle.change_rate(rate=50)
    throttle.pause()
    throttle.unlock()
    session.remove(1)
    session.add_users(20, 21)
    session.remove_user(2, force=True)
    session.throttle("more", rate=5, interval=1)
    session.stop()
    run.wait(timeout=60)
    return run.results


def told(results):
    return [tuple(row) for row in results.changes[["what", "old", "new"]].itertuples(index=False)]


def test_an_archive_is_enough_to_do_a_run_again(session, tmp_path):
    first = steered(session)
    first.save(tmp_path / "first")

    again = murmur.replay(tmp_path / "first", session=session).results

    assert told(again) == told(first)
    assert again.manifest["seed"] == 11
    assert again.manifest["settings_at_start"]["user_rate"] == math.inf
    assert again.users["user_id"].tolist() == first.users["user_id"].tolist()
    assert again.manifest.diff(first.manifest) == []


def test_no_change_comes_before_its_time(session):
    run = session.do(Talk, 1, seed=1, user_rate=math.inf, duration=1.0)
    session.add(1)
    run.wait(timeout=60)
    kept = run.results.manifest

    again = murmur.replay(run.results, session=session)

    done = again.results.manifest
    assert [call["verb"] for call in done["calls"]] == ["add"]
    # After the load began: what is before that, such as `init`, takes its own time.
    moments = [each["calls"][0]["at"] - each["load_at"] for each in (kept, done)]
    assert moments[1] >= moments[0] - 0.01
    assert again.results.manifest["plan"] == {"users": 1, "seconds": 1.0, "end_when_idle": False}


def test_users_choose_what_they_chose(session):
    first = session.do(Draw, 3, seed=5, user_rate=math.inf, end_when_idle=True)
    first.wait(timeout=60)

    again = murmur.replay(first.results, session=session)

    drawn = [run.results.counters["value"].sum() for run in (first, again)]
    assert drawn[0] == drawn[1] > 0


def test_a_secret_has_to_be_given_again(session, tmp_path, monkeypatch):
    run = session.do(Login, 1, password="hunter2", user_rate=math.inf, end_when_idle=True)
    run.wait(timeout=60)
    run.results.save(tmp_path / "run")

    with pytest.raises(ConfigError, match="password is secret and was not kept: pass password="):
        murmur.replay(tmp_path / "run", session=session)

    again = murmur.replay(tmp_path / "run", session=session, password="other")
    assert again.results.counters["value"].sum() == len("other")


def test_a_run_that_was_cut_off_is_done_again_up_to_there(session, tmp_path):
    with murmur.Session(directory=tmp_path) as kept:
        run = kept.do(Talk, 2, user_rate=math.inf)
        kept.add(1)
        run.results.windows  # noqa: B018 - has the nodes hand over what they hold
        before = load(run.directory)

    assert [call["verb"] for call in before.manifest["calls"]] == ["add"]
    again = murmur.replay(before, session=session)
    assert again.status().state == "finished"
    assert len(again.results.users) == 3


def test_an_archive_of_before_says_so(session):
    manifest = {"murmur": "0.1.0", "plan": {}, "scenario": {"name": "Talk"}}

    with pytest.raises(ConfigError, match=r"murmur 0\.1\.0 kept no calls"):
        murmur.replay(SimpleNamespace(manifest=manifest), session=session)


def test_a_replay_waits_for_no_other_run(session):
    first = steered(session)
    session.do(Talk, 1)

    with pytest.raises(RunStateError):
        murmur.replay(first, session=session, scenario=Talk)


def test_a_mistyped_argument_of_replay_is_named(session) -> None:
    with session.do(Talk, 1, duration=0.1) as first:
        first.wait(timeout=60)

    with pytest.raises(ConfigError, match=r"did you mean 'scenario'\?"):
        murmur.replay(first.results, session=session, scenaro=Talk)
    with pytest.raises(ConfigError, match=r"'duration' .* replay\(\) takes session, scenario"):
        murmur.replay(first.results, session=session, duration=3)
