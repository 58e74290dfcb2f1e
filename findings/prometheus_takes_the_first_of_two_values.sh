#!/usr/bin/env bash
# A target tells the same series three times with other values: Prometheus keeps the first, is "up", and logs nothing.
#
# Version: Prometheus 2.42 (Debian 2.42.0+ds-5+deb12u1), Python 3.11 for the target.
# Guess before the run: the scrape fails and `up` is 0, or there is a warning and
#   prometheus_target_scrapes_sample_duplicate_timestamp_total counts.
# Seen: of requests_total 100, 20 and 3000 in one answer the series is 100 from the first scrape on; `up` is 1,
#   scrape_samples_scraped and scrape_samples_post_metric_relabeling are 3, as though all were kept, that counter is 0,
#   and the log has no warning.
# So where a label that tells workers apart was left out, the rate is that of one of them, and every sign is good, also
#   that of `promtool check metrics`; compare with a server's own log.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${target:-}" "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT
cd "$work"
command -v prometheus > /dev/null || apt-get install --yes --quiet prometheus > /dev/null
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
there=$(free)
port=$(free)
cat > told <<'TEXT'
# HELP requests_total All requests.
# TYPE requests_total counter
requests_total 100
requests_total 20
requests_total 3000
TEXT
promtool check metrics < told
cat > target.py <<'PY'
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Target(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(Path("told").read_bytes())

    def log_message(self, *_: object) -> None:
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Target).serve_forever()
PY
timeout 60 python3 target.py "$there" &
target=$!
cat > prometheus.yml <<CONF
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs: [{job_name: target, static_configs: [{targets: ["127.0.0.1:$there"]}]}]
CONF
timeout 60 prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$port" \
  2> log.txt &
server=$!
cat > look.py <<'PY'
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

here = f"http://127.0.0.1:{sys.argv[1]}"


def asked(query: str) -> list[float]:
    with urlopen(f"{here}/api/v1/query?{urlencode({'query': query})}", timeout=5) as answer:
        return [float(each["value"][1]) for each in json.load(answer)["data"]["result"]]


until = time.monotonic() + 30
while True:
    try:
        if asked("count_over_time(up[1m]) >= 4"):
            break
    except OSError:
        pass
    assert time.monotonic() < until
    time.sleep(0.3)
values = asked("requests_total"), asked("max_over_time(requests_total[1m])")
up = asked("up")
scraped = asked("scrape_samples_scraped"), asked("scrape_samples_post_metric_relabeling")
with urlopen(f"{here}/metrics", timeout=5) as answer:
    own = answer.read().decode().splitlines()
duplicates = [line for line in own if line.startswith("prometheus_target_scrapes_sample_duplicate_timestamp_total")]
warned = [line for line in Path("log.txt").read_text().splitlines() if "level=info" not in line]
print("value and maximum", *values, "up", up, "scraped and kept", *scraped, duplicates, "warned", warned)
assert values == ([100], [100])
assert up[-1] == 1
assert scraped == ([3], [3])
assert [line.split()[1] for line in duplicates] == ["0"]
assert not warned
PY
timeout 40 python3 look.py "$port"
