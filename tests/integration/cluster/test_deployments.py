"""Workers of real dask deployments as nodes of a session."""

from __future__ import annotations

import gc
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Adaptive, Client, LocalCluster

import murmur
from murmur.cluster._deployment import _is_private
from murmur.errors import ClusterError, WaitTimeoutError

from .conftest import wait_for

AT_ONCE = math.inf


class Stay(murmur.Scenario):
    """Users stay until they are asked to leave."""

    async def start(self, user: murmur.User) -> None:
        await user.sleep(math.inf)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Return a deployment with two workers."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.ERROR,
    ) as made:
        yield made


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster, set_as_default=False) as made:
        yield made


@pytest.fixture
def threads() -> Iterator[LocalCluster]:
    """Return a deployment of one worker in this process, which may end at any moment."""
    with LocalCluster(
        n_workers=1, processes=False, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as made:
        yield made


@pytest.fixture
def dask_process() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Return what starts a command of dask's; all of them end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        line = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
        started.append(subprocess.Popen(line, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def reasons(run: murmur.Run) -> dict[str, set[str]]:
    """Return the reasons of users by the node they were on."""
    users = run.results.users
    return {
        str(node): set(rows["reason"].astype(str))
        for node, rows in users.groupby("node", observed=True)
    }


def test_workers_are_nodes_by_their_names_and_are_given_back(
    session: murmur.Session, cluster: LocalCluster, client: Client
) -> None:
    with session.use(cluster) as deployment:
        assert set(session.nodes) == {"0", "1"}  # those that were there, at once
        run = session.do(Stay, 20, user_rate=AT_ONCE, nodes=["0", "1"])
        assert session.status().users["running"] + session.status().users["waiting"] == 20
        tasks = [key for keys in client.processing().values() for key in keys]
        assert sorted(str(task).split("-")[0] for task in tasks) == ["murmur_node"] * 2
        assert client.submit(sum, [1, 2]).result(timeout=60) == 3  # its threads are free
        assert cluster.scheduler.workers_to_close(target=0) == []  # what `adapt` asks

    assert "given back" in repr(deployment)
    assert set(session.nodes) == {"local"}
    assert len(client.nthreads()) == 2
    wait_for(lambda: not any(client.processing().values()))
    session.stop()
    run.wait(timeout=60)
    assert set.union(*reasons(run).values()) == {"node released"}
    verdict = str(run.results.verdict)
    assert "went with nodes that were given back" in verdict
    assert "nobody asked" not in verdict


def test_workers_that_come_join_and_those_scaled_away_leave_in_order(
    session: murmur.Session, cluster: LocalCluster
) -> None:
    session.use(cluster)
    run = session.do(Stay, 4, user_rate=AT_ONCE)
    cluster.scale(3)
    assert session.wait_for_nodes(3, timeout=90) == ["0", "1", "2"]
    wait_for(lambda: session.nodes["2"].state == "running")
    session.add(3, nodes=["2"])
    wait_for(lambda: session.nodes["2"].users["running"] == 3)
    cluster.scale(2)
    wait_for(lambda: set(session.nodes) == {"0", "1"})
    session.stop()
    run.wait(timeout=60)

    assert reasons(run)["2"] == {"node released"}
    changes = run.results.changes
    released = changes[changes["new"] == "released"]
    assert released["what"].tolist() == ["node 2"]
    assert "3 users went with nodes that were given back" in str(run.results.verdict)


def test_a_worker_that_dies_loses_its_users_and_is_a_node_again(
    session: murmur.Session, cluster: LocalCluster
) -> None:
    session.use(cluster)
    run = session.do(Stay, 4, user_rate=AT_ONCE)
    wait_for(lambda: session.status().users["running"] == 4)
    os.kill(session.nodes["1"].pid, signal.SIGKILL)
    wait_for(lambda: "1" not in session.nodes)
    session.wait_for_nodes(2, timeout=90)
    wait_for(lambda: session.nodes["1"].state == "running")
    session.add(2, nodes=["1"])
    session.stop()
    run.wait(timeout=60)

    outcomes = run.results.users["outcome"].astype(str).value_counts().to_dict()
    assert outcomes in ({"lost": 2, "left": 4}, {"lost": 2, "left": 2, "dropped": 2})
    assert run.results.verdict.state == "invalid"


def test_a_worker_by_command_line_that_is_terminated_left_unasked(
    session: murmur.Session,
    cluster: LocalCluster,
    client: Client,
    dask_process: Callable[..., subprocess.Popen[bytes]],
) -> None:
    worker = dask_process("worker", cluster.scheduler_address, "--name", "by-hand")
    session.use(client)
    session.wait_for_nodes(3, timeout=90)
    run = session.do(Stay, 2, user_rate=AT_ONCE, nodes=["by-hand"])
    wait_for(lambda: session.status().users["running"] == 2)
    worker.terminate()
    wait_for(lambda: "by-hand" not in session.nodes)
    session.stop()
    run.wait(timeout=60)

    assert reasons(run) == {"by-hand": {"node left"}}
    assert run.results.verdict.state == "invalid"


def test_workers_that_have_users_are_not_idle_to_adapt(
    session: murmur.Session, cluster: LocalCluster, client: Client
) -> None:
    targets: list[int] = []

    class Watched(Adaptive):
        async def target(self) -> int:
            targets.append(await super().target())
            return targets[-1]

    session.use(cluster)
    run = session.do(Stay, 4, user_rate=AT_ONCE)
    wait_for(lambda: sum(map(len, client.processing().values())) == 2)
    adaptive = cluster.adapt(Adaptive=Watched, minimum=1, interval="50ms", wait_count=1)
    try:
        wait_for(lambda: len(targets) > 20)
    finally:
        adaptive.stop()

    assert set(targets) == {2}
    assert session.status().users["running"] == 4
    session.stop()
    run.wait(timeout=60)
    assert set(session.nodes) == {"0", "1"}
    assert set(run.results.users["outcome"]) == {"left"}


def test_a_scheduler_that_ends_takes_its_nodes_unasked(
    session: murmur.Session, dask_process: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    where = ["--scheduler-file", str(tmp_path / "scheduler.json")]
    scheduler = dask_process("scheduler", "--host", "127.0.0.1", "--port", "0", *where)
    dask_process("worker", "--no-nanny", "--name", "lone", *where)
    wait_for((tmp_path / "scheduler.json").exists, within=60.0)
    with Client(scheduler_file=where[1], set_as_default=False) as client:
        client.wait_for_workers(1, timeout=60)
        deployment = session.use(client)
        run = session.do(Stay, 2, user_rate=AT_ONCE, nodes=["lone"])
        wait_for(lambda: session.status().users["running"] == 2)
        scheduler.terminate()  # an idle timeout ends it in the same way
        wait_for(lambda: set(session.nodes) == {"local"})
        session.stop()
        run.wait(timeout=60)
        deployment.release()

    assert reasons(run) == {"lone": {"node left"}}
    assert run.results.verdict.state == "invalid"
    kept = weakref.ref(deployment)
    del deployment
    wait_for(lambda: gc.collect() >= 0 and kept() is None)  # the session has forgotten it


def test_a_scale_beyond_what_there_is_hurts_no_node_and_the_next_one_holds(
    session: murmur.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster of listed hosts, such as `SSHCluster`, has no specification of one more."""
    with LocalCluster(
        n_workers=2, processes=False, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as hosts:
        session.use(hosts)
        run = session.do(Stay, 4, user_rate=AT_ONCE)
        wait_for(lambda: session.status().users["running"] == 4)
        monkeypatch.setattr(hosts, "new_spec", None)
        hosts.scale(4)
        assert hosts.worker_spec[3] is None
        with murmur.join(session.open(), name="guest"):  # whoever comes or goes is looked up there
            wait_for(lambda: session.nodes["guest"].state == "running")
        assert session.status().users["running"] == 4
        hosts.scale(1)
        wait_for(lambda: set(session.nodes) == {"0"})
        session.stop()
        run.wait(timeout=60)

    assert reasons(run)["1"] == {"node released"}
    assert set(run.results.users["outcome"]) == {"left"}


def test_a_client_that_tries_to_connect_again_is_closed_in_silence(
    session: murmur.Session, threads: LocalCluster, caplog: pytest.LogCaptureFixture
) -> None:
    deployment = session.use(threads)
    threads.close()
    wait_for(lambda: deployment._client.status == "connecting")
    caplog.clear()
    logging.getLogger("distributed").addHandler(caplog.handler)  # it hands on to nobody
    deployment.release()
    logging.getLogger("distributed").removeHandler(caplog.handler)

    assert not [record for record in caplog.records if record.exc_info]


def test_a_scheduler_that_ends_while_its_workers_join_is_told(
    session: murmur.Session, threads: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_joining, is_over = threading.Event(), threading.Event()

    def join(*_: object, **__: object) -> None:
        is_joining.set()
        is_over.wait(60)

    monkeypatch.setattr("murmur.cluster._worker.join", join)
    fall = threading.Thread(target=lambda: is_joining.wait(60) and threads.close())
    fall.start()
    try:
        with pytest.raises(ClusterError, match=r"dask's scheduler at inproc://.* (ended|answer)"):
            session.use(threads)
    finally:
        is_over.set()
        fall.join()
    with pytest.raises(ClusterError, match="cannot use the deployment: it is clos"):
        session.use(threads)


def test_a_scheduler_that_stands_still_is_told(
    session: murmur.Session, threads: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = session.use(threads)
    monkeypatch.setattr("murmur.cluster._deployment.ANSWER", 0.5)
    is_over = threading.Event()
    threads.loop.add_callback(is_over.wait, 30)
    try:
        with pytest.raises(ClusterError, match=r"dask's scheduler at .* said nothing for 0\.5 s"):
            deployment.workers  # noqa: B018 - asks
        deployment.release()
    finally:
        is_over.set()
    assert "given back" in repr(deployment)


def test_what_is_no_deployment_says_so(session: murmur.Session) -> None:
    for given in (7, "tcp://127.0.0.1:8786", object()):
        with pytest.raises(ClusterError, match=r"give a distributed\.Client or a cluster"):
            session.use(given)
    with pytest.raises(WaitTimeoutError, match=r"0 of 1 nodes \(none\) came in"):
        session.wait_for_nodes(1, timeout=0.05)


@pytest.mark.parametrize(
    ("address", "is_private"),
    [
        ("tcp://127.0.0.1:8786", True),
        ("tcp://localhost:8786", True),
        ("tcp://[::1]:8786", True),
        ("inproc://10.0.0.5/1/2", True),
        ("tls://10.0.0.5:8786", True),
        ("tcp://10.0.0.5:8786", False),
        ("ws://10.0.0.5:8786", False),
    ],
)
def test_a_ticket_goes_to_other_hosts_over_secure_connections_alone(
    address: str, is_private: bool
) -> None:
    assert _is_private(address) is is_private


def test_a_ticket_is_refused_to_plain_connections(
    session: murmur.Session, cluster: LocalCluster, monkeypatch: Any
) -> None:
    async def nthreads(_: Client) -> dict[str, int]:
        return {"tcp://10.0.0.5:3131": 1}

    monkeypatch.setattr(Client, "nthreads", nthreads)
    with pytest.raises(ClusterError, match=r"to tcp://10\.0\.0\.5:3131 as plain text.*Security"):
        session.use(cluster)
    assert not [name for name in cluster.scheduler.worker_plugins if "murmur" in name]
