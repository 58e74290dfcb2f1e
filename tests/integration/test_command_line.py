"""`murmur` as a user of a terminal, a container or a CI server meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

import murmur

SCENARIOS = '''
"""Users nap."""
import time
import anyio
import murmur
from traitlets import Float, Int

class Nap(murmur.Scenario):
    """Users nap, and some of the naps are bad."""
    user_rate = Float(float("inf"), min=0, help="users a minute").tag(live=True)
    pace = Float(0.05, min=0, help="seconds between naps").tag(live=True)
    bad = Float(0.0, min=0, max=1, help="share of naps that fail")
    naps = Int(0, min=0, help="naps of a user; 0 for no end")

    async def start(self, user):
        done = 0
        while not self.naps or done < self.naps:
            done += 1
            user.record("nap", 0.01, ok=user.random.random() >= self.bad)
            await user.sleep(self.pace)

class Stubborn(murmur.Scenario):
    """Users who ignore that they are asked to leave."""
    grace = Float(60.0, min=0, help="seconds")
    async def start(self, user):
        with user.timer("stay"):
            await anyio.sleep(600)

class Stuck(murmur.Scenario):
    """A user who never lets go of the loop."""
    async def start(self, user):
        if user.id == 1:
            await user.sleep(0.5)
            while True:
                pass
        await user.sleep(600)

class Slow(murmur.Scenario):
    """Takes its time to begin."""
    async def init(self):
        await anyio.sleep(600)
    async def start(self, user):
        pass

class Broken(murmur.Scenario):
    """Cannot begin."""
    async def init(self):
        raise OSError("no route to host")
    async def start(self, user):
        pass

class Talkative(murmur.Scenario):
    """Prints."""
    def init(self):
        print("init is here")
    async def start(self, user):
        print("user is here")
'''

BUSY = "the load generator is the bottleneck"
"""Of which a busy machine is told."""


# What a shell starts behind its back ignores Ctrl-C, and what `nohup` starts a closed terminal; so
# do the tests in it, and not the command.
IN_FRONT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from murmur._cli import main
sys.exit(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nap.py").write_text(SCENARIOS, encoding="utf-8")
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "murmur", *arguments]


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def start(folder: Path) -> Iterator:
    """Start a command that goes on; whatever is left of it is killed."""
    started = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", IN_FRONT, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_line(process: subprocess.Popen[str], text: str) -> str:
    """Read the progress until a line has `text`."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line
    pytest.fail(f"{text!r} did not come")


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_a_run_whose_checks_hold_exits_0_and_leaves_its_files(folder):
    done = run(
        folder,
        *("run", "nap.py:Nap", "-u", "5", "-d", "3", "--every", "1s", "--seed", "7"),
        *("--check", "failed == 0", "--check", "p99(nap) < 100ms"),
        *("--out", "kept", "--junit", "j.xml", "--report", "r.html"),
    )

    assert done.returncode in (0, 3), done.stderr  # 3: this machine is busy with other things
    assert "Nap: 5 users for 3 s; run " in done.stderr
    assert re.search(r"^ +[12] s \| users 5 running \| ", done.stderr, re.MULTILINE)
    assert "users: 5 left" in done.stdout
    assert "  holds  p99(nap) < 100ms  10 ms" in done.stdout
    assert murmur.load(folder / "kept").summary().seed == 7
    assert ElementTree.parse(folder / "j.xml").getroot().get("failures") == "0"
    assert "<!doctype html>" in (folder / "r.html").read_text(encoding="utf-8")


def test_a_check_that_fails_is_exit_1(folder):
    done = run(
        folder,
        *("run", "nap.py:Nap", "-u", "5", "--set", "naps=20", "--set", "bad=1", "--json"),
        *("--check", "failed < 1%", "--progress", "none"),
    )
    plain = json.loads(done.stdout)

    assert done.returncode == plain["exit_code"] in (1, 3)
    assert [line for line in done.stderr.splitlines() if BUSY not in line] == []
    assert plain["users"] == {"finished": 5}
    assert plain["checks"][0]["value"] == 1.0
    assert plain["checks"][0]["holds"] is False


def test_problems_are_told_at_once_and_are_exit_2(folder):
    done = run(folder, "run", "nap.py:Nap", "--set", "pase=1", "--check", "p99 = 1", "-r", "5")

    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "unknown setting 'pase'; did you mean 'pace'?" in done.stderr
    assert "--check: write == for 'equals'" in done.stderr
    assert "--rate: '5' does not say per what" in done.stderr


def test_a_run_that_cannot_begin_is_exit_2_and_says_where(folder):
    done = run(folder, "run", "nap.py:Broken")

    assert done.returncode == 2
    assert "init failed on node local: OSError: no route to host" in done.stderr
    assert "nap.py:48, in init" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("listen", "ticket", "said"),
    [
        ("127.0.0.1:0", "no/such/t", "--ticket no/such/t: it cannot be written (No such file"),
        ("nohost.invalid:80", "t", "nohost.invalid"),
    ],
)
def test_a_port_that_nobody_can_join_at_is_exit_2(folder, listen, ticket, said):
    done = run(folder, "run", "nap.py:Nap", "--listen", listen, "--ticket", ticket)

    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_scenario_prints_does_not_mix_with_the_result(folder):
    done = run(folder, "run", "nap.py:Talkative", "--json")

    assert json.loads(done.stdout)["users"] == {"finished": 1}
    assert "init is here" in done.stderr
    assert "user is here" in done.stderr  # its newline may come after another line


def test_the_environment_gives_settings_and_the_command_line_comes_first(folder):
    arguments = ("run", "nap.py:Nap", "--set", "naps=1", "--progress", "none", "--json", "-u", "1")
    by_environment = run(folder, *arguments, AMOC_BAD="1")
    by_argument = run(folder, *arguments, "--set", "bad=0", AMOC_BAD="1")

    assert json.loads(by_environment.stdout)["actions"][0]["failed"] == 1
    assert json.loads(by_argument.stdout)["actions"][0]["failed"] == 0


def test_a_file_says_the_same_as_options(folder):
    (folder / "run.toml").write_text(
        'scenario = "nap.py:Nap"\nusers = 3\ncheck = ["users(finished) == 3"]\n'
        "[settings]\nnaps = 2\n"
    )
    done = run(folder, "run", "--config", "run.toml", "--json", "--progress", "none")

    assert done.returncode in (0, 3), done.stderr
    assert json.loads(done.stdout)["actions"][0]["count"] == 6


def test_stages_keep_that_many_users(folder):
    stages = ("--stage", "1s:20", "--stage", "1s:20", "--stage", "1s:0")
    done = run(folder, "run", "nap.py:Nap", *stages, "--out", "kept", "--every", "1s")
    population = murmur.load(folder / "kept").population

    assert done.returncode in (0, 3), done.stderr
    assert "Nap: up to 20 users for 3 s" in done.stderr
    assert population["running"].max() in range(18, 21)
    assert (
        len(murmur.load(folder / "kept").changes) <= 4
    )  # the way down and the end, and not the way up


def test_users_who_are_done_are_replaced_in_stages(folder):
    done = run(
        folder,
        *("run", "nap.py:Nap", "-u", "5", "--stage", "2s:5", "--set", "naps=1"),
        *("--json", "--progress", "none"),
    )

    assert json.loads(done.stdout)["users"]["finished"] > 20


def test_arrivals_follow_stages_of_a_rate(folder):
    stages = ("--stage", "1s:20/s", "--stage", "2s:20/s")
    done = run(
        folder, "run", "nap.py:Nap", *stages, "--set", "naps=1", "--json", "--progress", "none"
    )
    users = json.loads(done.stdout)["users"]

    assert sum(users.values()) == 50
    assert users["finished"] >= 30  # who came late on a busy machine was cut short


def test_abort_on_ends_a_run_before_its_time(folder):
    began = time.monotonic()
    done = run(
        folder,
        *("run", "nap.py:Nap", "-u", "5", "-d", "1m", "--set", "bad=1"),
        *("--abort-on", "failed > 5% after 1s"),
    )

    assert time.monotonic() - began < 30
    assert done.returncode in (1, 3), done.stderr
    assert "--abort-on failed > 5% after 1s: holds, 100 %" in done.stderr


def test_what_should_end_a_run_and_had_nothing_to_judge_is_told(folder):
    done = run(
        folder,
        *("run", "nap.py:Nap", "-u", "2", "-d", "1s"),
        *("--abort-on", "p99(napp) > 1s", "--abort-on", "failed > 50%"),
    )

    told = "--abort-on p99(napp) > 1s had nothing to judge: no action is called 'napp'"
    assert told in done.stderr
    assert done.stderr.count("had nothing to judge") == 1


def test_ctrl_c_ends_in_order_and_keeps_the_results(folder, start):
    process = start("run", "nap.py:Nap", "-u", "5", "--every", "500ms", "--out", "kept")
    wait_line(process, "users 5 running")
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)

    assert code == 130
    assert "ending the run in order" in err
    assert "users: 5 left" in out
    assert "exit 130: the run was interrupted" in out
    assert murmur.load(folder / "kept").summary().users == {"left": 5}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_container_and_a_closed_terminal_do_the_same(start, folder, number):
    process = start("run", "nap.py:Nap", "-u", "5", "--every", "500ms", "--out", "kept")
    wait_line(process, "users 5 running")
    process.send_signal(number)
    code, out, _ = ended(process)

    assert code == 128 + number
    assert "users: 5 left" in out
    assert (folder / "kept" / "manifest.json").exists()


def test_a_run_whose_nodes_are_all_told_to_end_is_invalid_and_exits_3(folder, start):
    """A job that is cancelled, a deployment that is scaled to none: each process gets SIGTERM."""
    listen = ("--listen", "127.0.0.1:0", "--ticket", "run.ticket", "--wait-for", "2")
    users = ("-u", "6", "-d", "60", "--check", "failed < 1%")
    process = start("run", "nap.py:Nap", *users, *listen, "--every", "500ms", "--json")
    wait_line(process, "nodes join with")
    nodes = [start("node", "run.ticket", "--name", name) for name in ("a", "b")]
    wait_line(process, "users 6 running")
    for node in nodes:
        node.send_signal(signal.SIGTERM)
    ends = [ended(node) for node in nodes]
    code, out, err = ended(process)
    plain = json.loads(out)

    assert code == 3, err
    assert plain["users"] == {"left": 6}
    assert plain["verdict"]["state"] == "invalid"
    said = " ".join(plain["verdict"]["reasons"])
    assert "6 of 6 users were lost, or went with a node that nobody asked to go: a left at " in said
    assert "of the plan was not carried out, and nobody asked for that" in said
    assert [code for code, *_ in ends] == [128 + signal.SIGTERM] * 2


def test_a_second_ctrl_c_leaves_at_once(start, folder):
    junit = folder / "j.xml"
    junit.write_text('<testsuite tests="1" failures="0" errors="0" />', encoding="utf-8")
    process = start("run", "nap.py:Stubborn", "-u", "2", "--every", "500ms", "--junit", "j.xml")
    wait_line(process, "running")
    process.send_signal(signal.SIGINT)
    wait_line(process, "once more to leave at once")
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)

    assert code == 130
    assert "left at once" in err
    assert out == ""
    said = ElementTree.parse(junit).getroot().find("testcase/error").get("message")
    assert "the run is not over, or it was killed" in said


def takes_signals(process: subprocess.Popen[str]) -> bool:
    """Return whether a process has a handler for SIGTERM; Python itself has none."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    caught = int(re.search(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("after", [0.0, 0.2, 1.0])  # about when modules load, and `init`
def test_ctrl_c_while_a_scenario_begins_ends_that(start, folder, after):
    process = start("run", "nap.py:Slow", "--progress", "none", "--junit", "j.xml")
    while not takes_signals(process):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(after)  # it says nothing before it has begun
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)

    assert code == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    junit = ElementTree.parse(folder / "j.xml").getroot()
    assert "interrupted" in junit.find("testcase/error").get("message")


CTRL_C_AMID_IMPORT = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path, target=None):
        if name == os.environ["AMID"]:
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # as above
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("module", ["asyncio.base_events", "numpy._core", "pandas._libs.missing"])
def test_ctrl_c_amid_an_import_is_told_as_any_other(folder, module):
    """What was left half imported could be imported no more, and the refusal needed it."""
    (folder / "sitecustomize.py").write_text(CTRL_C_AMID_IMPORT, encoding="utf-8")
    done = run(
        folder,
        *("run", "nap.py:Slow", "--progress", "none", "--junit", "j.xml"),
        PYTHONPATH=os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]),
        AMID=module,
    )

    assert (done.returncode, "Traceback" in done.stderr) == (130, False), done.stderr
    junit = ElementTree.parse(folder / "j.xml").getroot()
    assert "interrupted" in junit.find("testcase/error").get("message")


def test_a_run_whose_loop_is_stuck_is_kept_as_an_invalid_one(folder):
    options = ("-u", "4", "-d", "60", "--set", "user_rate=inf")
    done = run(folder, "run", "nap.py:Stuck", *options, "--out", "kept", "--json")
    saved = run(folder, "report", "kept", "--json")

    assert (done.returncode, saved.returncode) == (3, 3), done.stderr
    for plain in (json.loads(done.stdout), json.loads(saved.stdout)):
        assert plain["users"] == {"lost": 4}
        assert plain["elapsed"] > 0.5
        assert plain["verdict"]["state"] == "invalid"
        assert plain["verdict"]["reasons"][0].startswith("The run did not end in order: no answer")
        # Nobody is blamed while other programs have the cores.
        who = r"user 1 has blocked the loop|perhaps a scenario blocks it"
        assert re.search(who, plain["reason"])
    users = murmur.load(folder / "kept").users
    assert sorted(users["user_id"]) == [1, 2, 3, 4]
    assert users["reason"].str.startswith("no end in order: ").all()
    assert not (folder / "kept.unfinished").exists()


def test_it_works_without_environment_and_home(folder):
    done = subprocess.run(
        command("run", "nap.py:Nap", "-u", "2", "--set", "naps=2"),
        cwd=folder,
        env={},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode in (0, 3), done.stderr  # 3: this machine is busy with other things
    assert "users: 2 finished" in done.stdout


def test_a_reader_that_stops_reading_is_no_error(folder):
    run(folder, "run", "nap.py:Nap", "--set", "naps=1", "--out", "kept", "--progress", "none")
    process = subprocess.Popen(
        command("report", "kept", "--json"), cwd=folder, stdout=subprocess.PIPE, stderr=-1
    )
    process.stdout.close()
    _, err = process.communicate(timeout=60)

    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err
    assert process.returncode == 0


def test_a_run_goes_on_if_nobody_reads_its_progress(folder):
    """As in `murmur run ... 2>&1 | head -1`."""
    process = subprocess.Popen(
        command("run", "nap.py:Nap", "--set", "naps=1", "--out", "kept", "--every", "0.2s"),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    process.stdout.close()

    assert process.wait(timeout=60) in (0, 3)  # 3 on a machine that is too busy
    assert json.loads((folder / "kept" / "manifest.json").read_text("utf-8"))["run_id"]


def test_a_scenario_is_described_without_its_imports(folder):
    path = folder / "far.py"
    path.write_text("import not_there_at_all\n" + SCENARIOS, encoding="utf-8")
    text = run(folder, "describe", "far.py:Nap")
    plain = run(folder, "describe", "far.py:Nap", "--json")

    assert text.returncode == 0, text.stderr
    assert "Nap: Users nap, and some of the naps are bad." in text.stdout
    assert json.loads(plain.stdout)["name"] == "Nap"


@pytest.mark.parametrize("words", [(), ("run",), ("describe",), ("report",), ("compare",)])
def test_help_is_quick_and_tells_the_exit_codes(folder, words):
    before = os.times()
    done = run(folder, *words, "--help")
    after = os.times()
    took = sum(after[2:4]) - sum(before[2:4])  # of its child, as user and in the system

    assert done.returncode == 0
    assert words == ("describe",) or "Exit codes:" in done.stdout
    # Seconds of the processor, which other programs take none of: a tenth on an idle machine.
    assert took < 1, took


def test_shells_complete_its_words(folder):
    script = run(folder, "completion", "bash")
    offered = run(
        folder, _MURMUR_COMPLETE="bash_complete", COMP_WORDS="murmur run --ch", COMP_CWORD="2"
    )

    assert "_MURMUR_COMPLETE=bash_complete" in script.stdout
    assert offered.stdout.strip() == "plain,--check"


def drawn(folder: Path, arguments: Sequence[str], until: str) -> list[str]:
    """Run a command in a terminal of 100 by 30; return the screen once it shows `until`."""
    import pty
    import select

    import pyte

    screen = pyte.Screen(100, 30)
    stream = pyte.ByteStream(screen)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color", COLUMNS="100", LINES="30")
        os.execv(sys.executable, command(*arguments))
    deadline = time.monotonic() + 60
    try:
        while not any(until in line for line in screen.display):
            assert time.monotonic() < deadline, "\n".join(screen.display)
            if select.select([terminal], [], [], 0.1)[0]:
                stream.feed(os.read(terminal, 65536))
        return [line.rstrip() for line in screen.display]
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def test_a_terminal_shows_a_live_table(folder):
    arguments = ["run", "nap.py:Nap", "-u", "5", "-d", "30", "--check", "p99(nap) < 1ms"]
    arguments += ["--set", "bad=0.5"]
    screen = "\n".join(drawn(folder, arguments, until="fails so far, 10 ms"))

    assert "running" in screen
    assert "of 30 s" in screen
    assert "users: 0 waiting, 5 running, 0 leaving, 0 gone" in screen
    assert "per second" in screen
    assert "throttle: user_rate" in screen
    assert "check: p99(nap) < 1ms: fails so far, 10 ms" in screen
    assert "generator: " in screen


def test_a_terminal_that_is_closed_costs_no_results(folder):
    import pty
    import select

    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup` has it ignored
        os.execv(sys.executable, command("run", "nap.py:Nap", "-u", "5", "--out", "kept"))
    shown, deadline = b"", time.monotonic() + 60
    while b"5 running" not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 65536)
    os.close(terminal)  # the kernel sends SIGHUP, and what is written there fails
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 129
    assert murmur.load(folder / "kept").summary().users == {"left": 5}


def test_a_run_that_is_killed_can_be_read_all_the_same(folder, start):
    process = start("run", "nap.py:Nap", "-u", "5", "--every", "500ms", "--out", "kept")
    wait_line(process, "users 5 running")
    while float(re.search(r"([\d.]+) s \| ", wait_line(process, " s | "))[1]) < 4:
        pass  # it is kept once a second, or later on a busy machine
    process.kill()
    process.communicate()
    (left,) = (folder / "kept.unfinished").iterdir()

    assert murmur.load(left).summary().users == {"here": 5}
    assert not (folder / "kept").exists()
