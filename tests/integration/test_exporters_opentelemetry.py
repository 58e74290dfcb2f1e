"""A collector that speaks OTLP gets what the frames say; without one the run goes on."""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import murmur
from murmur.exporters import OpenTelemetry

from .exporting import DEADLINE, is_about_exporters, serving, wait_until


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP, and remembers the latest metrics and all spans."""

    daemon_threads = True

    def __init__(self) -> None:
        self.metrics = ExportMetricsServiceRequest()
        self.spans: list = []
        self.status = 200
        self.refused: tuple[int, str] = (0, "")  # how many data points are, and why
        self.fields: dict[str, str] = {}  # of an answer that is none of OTLP's
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def resource(self) -> dict[str, str]:
        """Return the attributes of the sender of the latest metrics."""
        attributes = self.metrics.resource_metrics[0].resource.attributes
        return {each.key: each.value.string_value for each in attributes}

    def points(self, name: str) -> dict[tuple[str, ...], object]:
        """Return the latest data points of a metric, by the values of their attributes."""
        (resource,) = self.metrics.resource_metrics
        (metric,) = [one for one in resource.scope_metrics[0].metrics if one.name == name]
        data = getattr(metric, metric.WhichOneof("data"))
        return {
            tuple(each.value.string_value for each in point.attributes): point
            for point in data.data_points
        }


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == "application/x-protobuf"
        answer: ExportMetricsServiceResponse | ExportTraceServiceResponse
        if self.path == "/v1/metrics":
            if self.server.status == 200:
                self.server.metrics = ExportMetricsServiceRequest.FromString(body)
            answer = ExportMetricsServiceResponse()
            number, why = self.server.refused
            answer.partial_success.rejected_data_points = number
            answer.partial_success.error_message = why
        else:
            assert self.path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.server.spans += [s for scope in resource.scope_spans for s in scope.spans]
            answer = ExportTraceServiceResponse()
        content = answer.SerializeToString()
        self.send_response(self.server.status)
        fields = {"Content-Type": "application/x-protobuf", **self.server.fields}
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Steady(murmur.Scenario):
    """Users beat until they are asked to leave; every tenth beat fails."""

    async def start(self, user):
        number = 0
        while True:
            with user.timer("beat") as timer:
                number += 1
                if number % 10 == 0:
                    timer.fail("out of time")
            await user.sleep(0.01)


def collecting() -> AbstractContextManager[Collector]:
    return serving(Collector())


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        yield session


def test_a_collector_gets_what_the_frames_say(session):
    with collecting() as server:
        labels = {"deployment.environment": "staging"}
        exporter = OpenTelemetry(session, server.url, interval=0.2, spans=1.0, labels=labels)
        with exporter, session.do(Steady, 5, user_rate=float("inf")) as run:
            wait_until(lambda: exporter.statistics().pushed >= 3)

    actions = run.results.actions
    failed = actions[~actions["ok"]]
    assert server.points("murmur.actions")["beat", "local"].as_double == len(actions)
    assert server.points("murmur.actions_failed")["beat", "out of time", "local"].as_double == len(
        failed
    )
    service = server.points("murmur.service_time")[("beat",)]
    assert service.count == sum(service.bucket_counts) == len(actions) - len(failed)
    assert service.max == pytest.approx(actions.loc[actions["ok"], "service_time"].max())
    assert server.points("murmur.users_gone")["left", "local"].as_double == 5
    assert server.resource["service.name"] == "murmur"
    assert server.resource["murmur.run"] == run.id
    assert server.resource["deployment.environment"] == "staging"
    assert len(server.spans) == len(actions)
    assert len({span.trace_id for span in server.spans}) == len(actions)
    assert sum(span.status.code == 2 for span in server.spans) == len(failed)
    assert exporter.statistics().dropped == 0


SCRIPT = """
import sys, murmur
from murmur.exporters import OpenTelemetry

class Beat(murmur.Scenario):
    async def start(self, user):
        with user.timer("beat"): ...

session = murmur.Session()
OpenTelemetry(session, sys.argv[1], interval=3600).start()
session.do(Beat, 5, user_rate=float("inf"), end_when_idle=True).wait()
"""


def test_a_script_that_ends_without_a_stop_has_pushed_all():
    """The SDK finds out about the process in threads, and at its end no thread begins."""
    with collecting() as server:
        subprocess.run([sys.executable, "-c", SCRIPT, server.url], check=True, timeout=120)

    assert server.points("murmur.actions")["beat", "local"].as_double == 5


def test_without_a_collector_the_run_goes_on_and_it_is_told_once(session, caplog):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        exporter = OpenTelemetry(session, url, interval=0.1, spans=1.0)
        with caplog.at_level(logging.WARNING), exporter:
            run = session.do(Steady, 5, user_rate=float("inf"))
            wait_until(lambda: not run.results.errors.empty and exporter.statistics().failed >= 1)
            run.stop()
            status = run.wait(timeout=DEADLINE)

    assert status.users["gone"] == 5
    assert exporter.statistics().pushed == 0
    assert exporter.statistics().failed >= 1
    wait_until(lambda: exporter.statistics().dropped == len(run.results.actions))
    assert exporter.statistics().last_error != ""
    assert sorted(line.name for line in caplog.records if is_about_exporters(line)) == [
        "murmur.exporters._push",
        "murmur.failures",  # a beat that is out of time, by intent
    ]


def test_a_collector_that_refuses_for_a_while_has_the_right_totals_afterwards(session):
    with collecting() as server:
        server.status = 400
        exporter = OpenTelemetry(session, server.url, interval=0.1)
        with exporter, session.do(Steady, 5, user_rate=float("inf")) as run:
            wait_until(lambda: exporter.statistics().failed >= 2)
            server.status = 200
            wait_until(lambda: exporter.statistics().pushed >= 1)

    beats = len(run.results.actions)
    assert server.points("murmur.actions")["beat", "local"].as_double == beats


@pytest.mark.parametrize(
    ("status", "fields", "refused", "told"),
    [
        (302, {"Location": "/login?to=%2Fv1"}, (0, ""), "status 302, a redirect to /login"),
        (304, {}, (0, ""), "status 304, a redirect"),
        (200, {"Content-Type": "text/html"}, (0, ""), "a page came (text/html), as of a login"),
        (200, {}, (7, "out of bounds"), "7 data points were refused: out of bounds"),
        (429, {"Retry-After": "3600"}, (0, ""), "status 429, to be asked again after 3600 s"),
    ],
)
def test_what_a_collector_did_not_take_is_no_success(session, status, fields, refused, told):
    """The SDK's exporter says that each of these was taken, or not by what it was refused."""
    with collecting() as server:
        server.status, server.fields, server.refused = status, fields, refused
        exporter = OpenTelemetry(session, server.url, interval=0.1)
        with exporter, session.do(Steady, 2, user_rate=float("inf")) as run:
            wait_until(lambda: exporter.statistics().failed >= 2)

    assert exporter.statistics().pushed == 0
    assert told in exporter.statistics().last_error
    assert any("pushes failed" in problem for problem in run.status().problems)


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_an_answer_without_an_end_takes_neither_memory_nor_the_next_push(
    session, monkeypatch, status, pause
):
    monkeypatch.setattr("murmur.exporters._otlp.ANSWER_WITHIN", 1.0)

    def talk(peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):  # whoever sent has heard enough
            peer.recv(65_536)
            peer.sendall(b"HTTP/1.1 %d OK\r\nContent-Type: text/plain\r\n\r\n" % status)
            while True:
                peer.sendall(b"x" * (1 if pause else 65_536))
                time.sleep(pause)

    def serve() -> None:
        with contextlib.suppress(OSError):  # the test is over
            while True:
                threading.Thread(target=talk, args=(server.accept()[0],)).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = threading.Thread(target=serve)
        listener.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        exporter = OpenTelemetry(session, address, interval=0.1)
        with exporter, session.do(Steady, 2, user_rate=float("inf")):
            wait_until(lambda: exporter.statistics().failed >= 2)
        server.shutdown(socket.SHUT_RDWR)
        listener.join()

    assert exporter.statistics().pushed == 0
    assert "its answer has no end" in exporter.statistics().last_error


def test_exporters_of_the_sdk_can_be_given_instead(session):
    memory = InMemorySpanExporter()
    with collecting() as server:
        exporter = OpenTelemetry(session, server.url, interval=0.1, spans=1.0, span_exporter=memory)
        with exporter:
            run = session.do(Steady, 2, user_rate=float("inf"), duration=0.5)
            run.wait(timeout=DEADLINE)

    assert len(memory.get_finished_spans()) == len(run.results.actions)
    assert server.spans == []
