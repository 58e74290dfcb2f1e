#!/usr/bin/env bash
# A collector behind a proxy redirects to a login page, or refuses every point; the exporter says SUCCESS.
#
# Version: opentelemetry-exporter-otlp-proto-http 1.45.2, requests 2.34.2 (PyPI), Python 3.11, Linux.
# Guess before the run: a redirect is followed or a failure, and points that are refused are at least logged.
# Seen: a 302 to /login is not followed and is SUCCESS, as each status from 200 to 399 is; an answer of 200
#   whose body says that 1 data point was rejected, "out of bounds", is SUCCESS as well.  Neither leaves a
#   line in the log at WARNING or above.  A 400 is FAILURE, and logged.
# So a dashboard stays empty while every export is a success; look at the collector's own counters, or hand
#   the exporter a `requests.Session` with a hook that reads the answer.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv here
here/bin/pip install --quiet --disable-pip-version-check \
  opentelemetry-exporter-otlp-proto-http==1.45.2 opentelemetry-sdk==1.45.2 requests==2.34.2
cat > look.py <<'PY'
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

REFUSAL = ExportMetricsServiceResponse()
REFUSAL.partial_success.rejected_data_points = 1
REFUSAL.partial_success.error_message = "out of bounds"
ANSWERS = {
    "/redirect": (302, {"Location": "/login"}, b""),
    "/refused": (200, {"Content-Type": "application/x-protobuf"}, REFUSAL.SerializeToString()),
    "/broken": (400, {}, b""),
}
asked = []


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        asked.append(f"{self.command} {self.path}")
        status, fields, body = ANSWERS[self.path]
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_):
        pass


logged = []
logging.getLogger().setLevel(logging.DEBUG)


class Notes(logging.Handler):
    def emit(self, record):
        logged.append(f"{record.levelname} {record.getMessage()}")


logging.getLogger().addHandler(Notes())
reader = InMemoryMetricReader()
MeterProvider([reader]).get_meter("look").create_counter("seen").add(1)
data = reader.get_metrics_data()
server = HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
found = {}
for path in ANSWERS:
    logged.clear()
    exporter = OTLPMetricExporter(f"http://127.0.0.1:{server.server_port}{path}", timeout=5)
    result = exporter.export(data).name
    warned = [text for text in logged if text.startswith(("WARNING", "ERROR"))]
    found[path] = result, warned
    print(path, result, warned or "nothing logged")
    exporter.shutdown()
server.shutdown()
print(asked)
assert found["/redirect"] == ("SUCCESS", [])
assert found["/refused"] == ("SUCCESS", [])
assert found["/broken"][0] == "FAILURE"
assert found["/broken"][1]
assert asked == ["POST /redirect", "POST /refused", "POST /broken"]
PY
timeout 120 here/bin/python look.py
