#!/usr/bin/env bash
# dask's SpecCluster.scale(n) downwards closes workers without retiring them: their data are lost.
#
# Version: distributed 2026.8.0 (PyPI), Python 3.11, LocalCluster on the loopback.
# Guess before the run, from dask's source: `scale` downwards means to retire a worker first, as
#   `Client.retire_workers` does, and does not, so that what it alone holds in memory is lost.
# Seen: `retire_workers(names=[1])` copies the value that worker 1 alone holds, and the scheduler logs
#   "retired" for it.  `cluster.scale(1)`, which closes the same worker, logs nothing of the kind, and
#   the value is gone: its result is a FutureCancelledError.
# Cause: `SpecCluster._correct_state_internal` hands the *names* of workers to
#   `retire_workers(workers=...)`, which takes addresses and finds no worker of that address.
# So who relies on a scale-down being graceful loses scattered data, and a plugin of a worker cannot
#   tell it from a worker that is closed for another reason but by the text of its closing event.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "distributed==2026.8.0" "dask==2026.8.0"
cat > scale.py <<'PY'
import sys
import time

from distributed import Client, LocalCluster


def left_over(how: str) -> tuple[str, bool]:
    """Return what became of a value that worker 1 alone held, and whether it was retired."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(2, timeout=30)
        address = cluster.scheduler_info["workers"]
        (home,) = [where for where, facts in address.items() if facts["name"] == 1]
        future = client.scatter("precious", workers=[home], hash=False)
        if how == "retire":
            client.retire_workers(names=[1])
        else:
            cluster.scale(1)
        deadline = time.monotonic() + 20
        while len(client.scheduler_info()["workers"]) > 1 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1.0)
        told = client.get_events("all")
        is_retired = any("retired" in str(event) for _, event in told)
        try:
            value = future.result(timeout=5)
        except BaseException as error:
            value = type(error).__name__
        return value, is_retired


if __name__ == "__main__":
    retired, scaled = left_over("retire"), left_over("scale")
    print("retire_workers(names=[1]): value, told as retired:", retired)
    print("cluster.scale(1):          value, told as retired:", scaled)
    sys.exit(retired != ("precious", True) or scaled[0] == "precious" or scaled[1])
PY
timeout 120 venv/bin/python scale.py 2>/dev/null
