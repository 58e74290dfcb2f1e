#!/usr/bin/env bash
# A cell displays 20,000 texts in 8 s and ends "ok"; a client that reads after it finds some 7,000 of them.
#
# Version: ipykernel 7.4.0, jupyter_client 8.10.0, pyzmq 27.3.0 (PyPI), Python 3.11, Linux.
# Guess before the run: outputs wait for a client that is slow, in the kernel or in its own queue.
# Seen: the first 6,994 to 7,994 are there in order and all after them is gone, with the message that the
#   kernel is idle again; the reply on the shell channel says "ok" and nothing anywhere says that something was
#   lost.  The next cell's messages arrive as usual.  ZeroMQ's publisher throws away what a subscriber
#   does not take (1,000 messages on either side, and what the socket holds).
# So whoever feeds charts from a kernel must not take what was sent for what is seen, and a client that
#   waits for "idle" needs the reply, too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export JUPYTER_DATA_DIR="$work/data" IPYTHONDIR="$work/ipython"
python3 -m venv here
here/bin/pip install --quiet --disable-pip-version-check \
  ipykernel==7.4.0 jupyter_client==8.10.0 pyzmq==27.3.0
cat > look.py <<'PY'
from queue import Empty
from time import sleep

from jupyter_client.manager import start_new_kernel

SHOWN = 20_000
manager, client = start_new_kernel(kernel_name="python3")
try:
    client.execute(
        f"for number in range({SHOWN}):\n"
        "    display({'text/plain': f'{number} ' + 'x' * 200}, raw=True)"
    )
    status = client.get_shell_msg(timeout=90)["content"]["status"]
    sleep(5)  # until all that will be sent is sent
    seen, states = [], []
    try:
        while True:
            message = client.get_iopub_msg(timeout=3)
            content = message["content"]
            if message["msg_type"] == "display_data":
                seen.append(int(content["data"]["text/plain"].split()[0]))
            elif message["msg_type"] == "status":
                states.append(content["execution_state"])
    except Empty:
        pass
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
print(f"reply {status!r}; {len(seen):,} of {SHOWN:,} displays, states {states}")
assert status == "ok"
assert seen == list(range(len(seen)))
assert 1_000 < len(seen) < SHOWN
assert "idle" not in states
PY
timeout 180 here/bin/python look.py 2> errors.txt || { cat errors.txt; exit 1; }
! grep -qi 'lost\|discard\|overflow' errors.txt
