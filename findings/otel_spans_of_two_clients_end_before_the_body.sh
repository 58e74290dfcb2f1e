#!/usr/bin/env bash
# An answer whose body takes half a second: OpenTelemetry has a span of 0.5 s for requests, and of 5 ms for httpx.
#
# Version: opentelemetry-instrumentation-httpx, -aiohttp-client, -requests and -urllib3 0.66b1, opentelemetry-sdk
#   1.45.1, httpx 0.28.1, aiohttp 3.14.5, requests 2.34.2, urllib3 2.8.0 (PyPI), Python 3.11.
# Guess before the run: the spans last as long as the calls that return the whole body, but for aiohttp, whose call
#   does not; and a body that breaks off makes a span with an error.
# Seen: requests and urllib3 0.50 to 0.55 s, httpx and aiohttp 2 to 60 ms, which is up to the head of the answer; so it
#   is in the histogram http.client.duration.  Where the server closes in the middle of the body all four raise; the
#   spans of requests and urllib3 have status ERROR, those of httpx and aiohttp have status code 200 and no error.
# So two services that call the same one cannot be compared by their spans, and the ones that stream have neither
#   their time nor their failures there; put a span of your own around the call.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.1 httpx==0.28.1 aiohttp==3.14.5 \
  requests==2.34.2 urllib3==2.8.0 opentelemetry-instrumentation-{httpx,aiohttp-client,requests,urllib3}==0.66b1
cat > look.py <<'PY'
import asyncio
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import httpx
import requests
import urllib3
from opentelemetry import metrics, trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Slow(BaseHTTPRequestHandler):
    """Sends half of a body at once, and after half a second the rest, or nothing."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"first")
        self.wfile.flush()
        time.sleep(0.5)
        if self.path == "/half":
            self.close_connection = True
        else:
            self.wfile.write(b"other")

    def log_message(self, *_: object) -> None:
        pass


def by_httpx(url: str) -> bytes:
    with httpx.Client() as client:
        return client.get(url).content


async def by_aiohttp(url: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.read()


CLIENTS: dict[str, Callable[[str], bytes]] = {
    "requests": lambda url: requests.get(url, timeout=20).content,
    "urllib3": lambda url: urllib3.PoolManager(retries=False).request("GET", url).data,
    "httpx": by_httpx,
    "aiohttp_client": lambda url: asyncio.run(by_aiohttp(url)),
}
server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}"
spans, points = InMemorySpanExporter(), InMemoryMetricReader()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([points]))
for instrumentor in (HTTPXClientInstrumentor, AioHttpClientInstrumentor, RequestsInstrumentor, URLLib3Instrumentor):
    instrumentor().instrument()

for name, get in CLIENTS.items():
    for path in ("/", "/half"):
        spans.clear()
        began = time.monotonic()
        try:
            told = get(url + path).decode()
        except Exception as error:  # each client has a class of its own
            told = type(error).__name__
        took = time.monotonic() - began
        (span,) = (each for each in spans.get_finished_spans() if each.instrumentation_scope.name.endswith(name))
        lasted = (span.end_time - span.start_time) / 1e9
        status = span.status.status_code.name
        print(f"{name} {path}: {told} after {took:.2f} s; span of {lasted:.3f} s, {status}")
        assert took > 0.5
        assert (told == "firstother") == (path == "/")
        whole = name in ("requests", "urllib3")
        assert (lasted > 0.49) == whole
        assert status == ("ERROR" if whole and path == "/half" else "UNSET")
for scope in points.get_metrics_data().resource_metrics[0].scope_metrics:
    for metric in scope.metrics:
        if metric.name == "http.client.duration":
            print(scope.scope.name, metric.name, [(each.count, each.sum) for each in metric.data.data_points])
PY
timeout 60 venv/bin/python look.py
