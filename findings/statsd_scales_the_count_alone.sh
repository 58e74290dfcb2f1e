#!/usr/bin/env bash
# statsd, timers sent with "@0.1": the count is 1,000, the sum and the count below the 90th percentile are those of 100.
#
# Version: statsd 0.9.0 (npm), Node.js 20.
# Guess before the run: all figures of a timer stand for the requests that it samples, so count, sum and count_90 are
#   multiplied by ten alike, and sum divided by count is the mean.
# Seen: 1 to 100 ms, each once: count 1000, count_ps 200, mean 50.5, sum 5050, count_90 90, sum_90 4095: as
#   without a rate, but for the first two.
# So sum by count is a tenth of the mean, and the share of count_90 is 9 %; with a sample rate use the mean and the
#   percentiles alone, or divide the other sums and counts by the rate.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --omit=optional statsd@0.9.0 > /dev/null
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free)
cat > tell.js <<'JS'
exports.init = (started, config, events) => {
  events.on("flush", (at, metrics) => {
    if (metrics.timer_data.whole?.count) console.log(JSON.stringify(metrics.timer_data));
  });
  return true;
};
JS
cat > config.js <<JS
{
  port: $port, address: "127.0.0.1", mgmt_port: $(free), mgmt_address: "127.0.0.1",
  flushInterval: 5000, percentThreshold: [90], backends: ["$work/tell.js"]
}
JS
timeout 60 node node_modules/statsd/stats.js config.js > told.txt 2>&1 &
server=$!
cat > look.py <<'PY'
import json
import socket
import sys
import time
from pathlib import Path

port = int(sys.argv[1])
told = Path("told.txt")
until = time.monotonic() + 20
while "server is up" not in told.read_text():
    assert time.monotonic() < until, told.read_text()
    time.sleep(0.1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    for each in range(1, 101):
        sender.sendto(b"sampled:%d|ms|@0.1\nwhole:%d|ms" % (each, each), ("127.0.0.1", port))
until = time.monotonic() + 20
while '"whole"' not in told.read_text():
    assert time.monotonic() < until, told.read_text()
    time.sleep(0.1)
timers = json.loads(next(line for line in told.read_text().splitlines() if '"whole"' in line))
sampled, whole = timers["sampled"], timers["whole"]
for name, timer in timers.items():
    print(name, {key: timer[key] for key in ("count", "count_ps", "sum", "mean", "count_90", "sum_90")})
assert whole["count"] == 100
assert sampled["count"] == 1_000
assert sampled["sum"] == whole["sum"] == 5050
assert sampled["mean"] == 50.5
assert sampled["count_90"] == 90
assert sampled["sum_90"] == 4095
PY
timeout 50 python3 look.py "$port"
