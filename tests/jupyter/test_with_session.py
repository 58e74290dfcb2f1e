"""The magics steer a real session: users come and go, settings and rates change."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import murmur
import murmur.jupyter
from murmur.jupyter import complete

CELL = '''\
%%amoc do Nap {users} user_rate=inf pace=0.01 {options}
import murmur
from traitlets import Float, Int

class Nap(murmur.Scenario):
    """Users nap until they are asked to leave."""

    pace = Float(1.0, min=0, help="seconds of a nap").tag(live=True)
    port = Int(8888, min=1, max=65535, help="never opened")

    async def init(self):
        self.naps = await murmur.throttle("naps", rate=60_000)

    async def start(self, user):
        while True:
            await self.naps.wait()
            with user.timer("nap"):
                await user.sleep(self.pace)
'''


@pytest.fixture
def real() -> Iterator[murmur.Session]:
    """Return a session that is closed after the test."""
    with murmur.Session() as session:
        yield session


@pytest.fixture
def amoc(shell: InteractiveShell, real: murmur.Session) -> Callable[[str], object]:
    """Return a function that runs a line on the real session."""
    murmur.jupyter.load(shell, real)
    return lambda line: shell.run_line_magic("amoc", line)


@pytest.fixture
def run(shell: InteractiveShell, amoc: object, real: murmur.Session) -> murmur.Run:
    """Return a run of five users that the cell has defined and started."""
    shell.run_cell(CELL.format(users=5, options="--seed 7")).raise_error()
    assert real.run is not None
    return real.run


def test_what_was_reset_has_no_verdict(amoc, run):
    assert amoc("status").verdict
    amoc("reset")

    status = amoc("status")
    assert (str(status.state), status.verdict, status.remarks) == ("idle", "", ())


def test_a_run_from_its_cell_to_its_frames(amoc, run):
    assert run.seed == 7
    assert amoc("add 3") == range(6, 9)
    assert amoc("remove 2") == 2
    assert amoc("status").state == "running"
    amoc("stop")
    assert amoc("wait 30").state == "finished"
    assert amoc("status").verdict == run.results.verdict.state

    assert list(amoc("users")["user_id"]) == list(range(1, 9))
    assert set(amoc("actions")["name"].unique()) <= {"nap"}


def test_settings_change_while_it_runs(amoc, run):
    assert amoc("update pace=0.5") == {"pace": (0.01, 0.5)}


def test_all_that_is_wrong_with_an_update_is_said_at_once(amoc, run):
    with pytest.raises(UsageError) as caught:
        amoc("update pase=1 pace=soon")

    assert "unknown setting 'pase'; did you mean 'pace'" in str(caught.value)
    assert "setting 'pace' does not accept 'soon'" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("update port=80", "setting 'port' is read-only while the scenario runs"),
        ("update pace=-1", "setting 'pace' does not accept -1.0"),
        ("do Nap", "the run is running"),
        ("add -1", "cannot add -1 users"),
        ("pause nap", "no throttle 'nap'; did you mean 'naps'"),
        ("wait 0.05", "still"),
        ("plot latencies", "did you mean 'latency'"),
    ],
)
def test_a_refusal_is_one_line_in_the_sessions_words(amoc, run, line, message):
    with pytest.raises(UsageError) as caught:
        amoc(line)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_throttle_is_steered_by_name(amoc, run):
    amoc("throttle naps rate=1200")
    assert amoc("throttle naps").rate == 1200

    amoc("pause naps")
    assert amoc("throttle naps").paused

    amoc("resume naps")
    assert not amoc("throttle naps").paused

    amoc("ramp naps 1200 6000 --duration 60")
    assert amoc("throttle naps").ramp == "ramp 1200 to 6000/60 s over 60 s"
    with pytest.raises(UsageError, match="while a ramp runs"):
        amoc("throttle naps rate=60")

    amoc("throttle naps rate=60 --cancel-ramp")
    assert amoc("throttle naps").rate == 60

    amoc("unlock naps")
    assert amoc("throttle naps").rate == float("inf")


def test_tab_offers_what_runs(shell, run):
    context = shell.magics_manager.registry["Amoc"].context()

    assert complete("update p", context)[1] == ["pace="]
    assert complete("pause n", context)[1] == ["naps"]


def test_wait_returns_when_the_run_has_ended(shell, amoc, real):
    shell.run_cell(CELL.format(users=2, options="--duration 0.2 --wait")).raise_error()

    assert real.run.is_over
    assert real.status().state == "finished"


def test_reset_forces_it_back_to_idle(amoc, run):
    amoc("reset")

    assert amoc("status").state == "idle"


def test_results_show_and_draw(amoc, run):
    amoc("stop")
    amoc("wait 30")

    assert repr(amoc("summary"))
    assert set(amoc("windows")["name"].unique()) <= {"nap"}
    assert amoc("plot latency").to_dict()
