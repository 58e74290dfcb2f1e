"""Nodes that a batch system starts: `SLURMCluster` of dask-jobqueue on a Slurm of one host.

Run it as root by ``python -m tests.by_hand.by_hand_slurm``, about two minutes, after::

    apt-get install --no-install-recommends slurm-wlm munge
    pip install dask-jobqueue

munged, slurmctld and slurmd run with keys, configuration and state in a folder that is
removed afterwards, on ports of their own of 127.0.0.1; processes are followed through /proc
and not by cgroups, so that a container will do.  The last figures are in
docs/how-to/start-nodes-in-slurm.md.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import murmur
from tests.by_hand.by_hand_engines import Steady, wait_for, write

CONFIGURATION = """
ClusterName=murmur
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={daemon_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=20
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=8000 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[None]:
    """Run a batch system of one host."""
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            controller_port=free_port(),
            daemon_port=free_port(),
        )
    )
    os.environ["SLURM_CONF"] = str(configuration)
    munge = ["munged", "--foreground", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munge += [f"--pid-file={folder}/munge.pid", f"--log-file={folder}/munge.log"]
    munge += [f"--seed-file={folder}/munge.seed", "--force"]
    commands = (munge, ["slurmctld", "-D"], ["slurmd", "-D"])
    with contextlib.ExitStack() as running:
        for command in commands:
            with (folder / f"{command[0]}.out").open("w") as said:
                process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
            running.callback(end, process)
            time.sleep(1.0)
        wait_for(lambda: "idle" in answer("sinfo", "--noheader", "--format=%T"), "an idle host")
        yield


def end(process: subprocess.Popen[bytes]) -> None:
    """End a daemon."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answer(*words: str) -> str:
    """Return what a command of Slurm's says."""
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def jobs() -> list[str]:
    """Return the numbers of the jobs that run."""
    return answer("squeue", "--noheader", "--format=%A", "--states=RUNNING").split()


def tell(run: murmur.Run) -> None:
    """Say what became of the users, and of the run."""
    users = run.results.users
    for key, count in users.groupby(["outcome", "reason"], observed=True).size().items():
        write(f"  {count} users: {' / '.join(map(str, key))}")
    write(f"  {run.results.verdict}")


def try_out(folder: Path) -> None:
    """Scale up, down, and cancel; say what was seen."""
    from dask_jobqueue import SLURMCluster

    with (
        SLURMCluster(
            cores=1,
            memory="500MB",
            interface="lo",
            log_directory=str(folder),
            walltime="00:10:00",
        ) as cluster,
        murmur.Session() as session,
    ):
        session.use(cluster)
        write("use: no worker yet, no node")
        cluster.scale(jobs=2)
        write(f"scale(2): 2 nodes after {wait_for(lambda: len(nodes(session)) == 2, 'up'):.1f} s")
        run = session.do(Steady, 20, user_rate=math.inf)
        wait_for(lambda: session.status().users["running"] == 20, "users")
        cluster.scale(jobs=3)
        took = wait_for(lambda: len(nodes(session)) == 3, "a third")
        late = next(name for name in nodes(session) if session.nodes[name].users["running"] == 0)
        wait_for(lambda: session.nodes[late].state == "running", "the third in the run")
        session.add(5, nodes=[late])
        write(f"scale(3): a third node after {took:.1f} s, and in the run")
        time.sleep(3.0)
        cluster.scale(jobs=1)
        took = wait_for(lambda: len(nodes(session)) == 1, "down")
        session.stop()
        run.wait(timeout=30)
        write(f"scale(1): 1 node after {took:.1f} s")
        tell(run)

        run = session.do(Steady, 10, user_rate=math.inf)
        wait_for(lambda: session.status().users["running"] == 10, "users")
        time.sleep(2.0)
        subprocess.run(["scancel", *jobs()], check=True)
        write(f"scancel: no node after {wait_for(lambda: not nodes(session), 'none'):.1f} s")
        session.stop()
        run.wait(timeout=30)
        tell(run)


def nodes(session: murmur.Session) -> list[str]:
    """Return the names of the nodes that are workers."""
    return [name for name in session.nodes if name != "local"]


def main() -> None:
    """Set up, try out, and leave nothing."""
    folder = Path(tempfile.mkdtemp(prefix="murmur-slurm-"))
    try:
        began = time.monotonic()
        with slurm(folder):
            write(f"Slurm is ready after {time.monotonic() - began:.1f} s")
            try_out(folder)
    except BaseException:
        for log in sorted(folder.glob("*.log")) + sorted(folder.glob("*.out")):
            write(f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-15:]))
        raise
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
