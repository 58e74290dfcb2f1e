"""What users print and log is in the saved notebook, whichever cell waits for them."""

from __future__ import annotations

import queue
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

SCENARIO = """
import logging, math, sys, threading, time, murmur

log = logging.getLogger("shop")
log.addHandler(logging.StreamHandler())
may_go_on = threading.Event()

class Say(murmur.Scenario):
    async def start(self, user):
        print(f"<first {user.id}>")
        while not may_go_on.is_set():
            await user.sleep(0.05)
        print(f"<second {user.id}>")
        log.warning("<logged %d>", user.id)

class Block(murmur.Scenario):
    def start(self, user):
        print(f"<blocking {user.id}>")
"""
START = """\
may_go_on.clear()
run = session.do(Say, 3, user_rate=math.inf, end_when_idle=True)
print('<started>')"""
CELLS = {
    "session": "session = murmur.session()",
    "start": START,
    "between": "time.sleep(0.3)",
    "wait": "threading.Timer(0.3, may_go_on.set).start()\nrun.wait(60)",
    "quiet": "print('<quiet>')",
    "start again": START,
    "await": "threading.Timer(0.3, may_go_on.set).start()\nawait run",
    "block": "run = session.do(Block, 2, user_rate=math.inf, end_when_idle=True)",
    "wait for those": "run.wait(60)",
}


@pytest.fixture(scope="module")
def saved() -> dict[str, str]:
    """Return the text that each cell has in the notebook as nbclient saves it."""
    cells = [nbformat.v4.new_code_cell(source) for source in (SCENARIO, *CELLS.values())]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        patch.delenv("JPY_SESSION_NAME", raising=False)  # as if no Jupyter server were there
        warnings.simplefilter("ignore")  # nbclient's own
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    texts = ["".join(each.get("text", "") for each in cell.outputs) for cell in cells[1:]]
    return dict(zip(CELLS, texts, strict=True))


@pytest.mark.parametrize("word", ["first", "second", "logged"])
def test_all_that_users_say_is_there_once_for_each_run(saved, word):
    everything = "".join(saved.values())

    assert [everything.count(f"<{word} {user}>") for user in (1, 2, 3)] == [2, 2, 2], saved


def test_what_comes_while_a_cell_waits_is_below_that_cell(saved):
    for user in (1, 2, 3):
        assert f"<second {user}>" in saved["wait"]
        assert f"<second {user}>" in saved["await"]


def test_a_user_in_a_thread_of_its_own_is_heard_as_well(saved):
    said = saved["block"] + saved["wait for those"]

    assert [said.count(f"<blocking {user}>") for user in (1, 2)] == [1, 1], saved


def test_what_a_cell_says_itself_stays_with_it(saved):
    assert saved["quiet"] == "<quiet>\n"
    assert "<started>" in saved["start"]


LOSS = """
import os, signal, time, murmur

class Dies(murmur.Scenario):
    async def start(self, user):
        os.kill(os.getpid(), signal.SIGKILL)

session = murmur.Session()
"""


@pytest.fixture
def execute(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], tuple[str, list[Any]]]]:
    """Return a function that runs a cell as in a Jupyter server.

    It returns the cell's id, and what streams said until the cell was done and a moment after.
    """
    monkeypatch.setenv("JPY_SESSION_NAME", "notebook.ipynb")
    manager, client = start_new_kernel(kernel_name="python3")

    def execute_one(source: str) -> tuple[str, list[Any]]:
        cell, streams, is_done = client.execute(source), [], False
        while True:
            try:
                message = client.get_iopub_msg(timeout=2 if is_done else 60)
            except queue.Empty:
                assert is_done, streams
                return cell, streams
            if message["msg_type"] == "stream":
                streams.append(message)
            is_end = message["content"].get("execution_state") == "idle"
            is_done |= is_end and message["parent_header"].get("msg_id") == cell

    yield execute_one
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_in_a_jupyter_server_a_lost_node_is_told_below_the_cell_that_runs(execute):
    execute(LOSS)
    execute("session.spawn_nodes(1)")

    gone = "session.do(Dies, 1)\nwhile 'spawned-1' in session.nodes: time.sleep(0.05)"
    cell, streams = execute(gone)

    lost = [one for one in streams if "spawned-1 is lost" in one["content"]["text"]]
    assert lost
    assert {one["parent_header"]["msg_id"] for one in lost} == {cell}
