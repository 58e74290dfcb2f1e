"""Totals and actions in the words of OpenTelemetry's SDK, and what a collector answers to them.

Every function here needs the extra ``otel``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from opentelemetry.context import Context
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as OtelMetric
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, StatusCode

from ._catalogue import Metric
from ._spans import Action
from ._totals import Reading

SCOPE = "murmur"

MOST_ANSWER = 2**16
"""Bytes that a collector's answer may have; as a rule it has a few hundred at most."""

ANSWER_WITHIN = 5.0
"""Seconds in which it has to be there once it has begun: each piece alone may be in time."""

UNITS = {"seconds": "s", "bytes": "By", "ratio": "1", "": "1"}


def metrics_data(
    reading: Reading,
    resource: Resource,
    now: int,  # the present moment in UNIX nanoseconds
) -> MetricsData:
    """Return all totals as data points, cumulative since the run started."""
    points = _Points(reading, now)
    metrics = [
        OtelMetric(metric.otel_name, metric.help, UNITS[metric.unit], points.of(metric, series))
        for metric, series in reading.metrics()
    ]
    scope = ScopeMetrics(InstrumentationScope(SCOPE), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


class _Points:
    """Makes the data points of one reading."""

    def __init__(self, reading: Reading, now: int) -> None:
        self._bounds = reading.bounds
        self._counts = reading.counts
        started = reading.wall_started_at
        self._start = int(started * 1e9) if started == started else now  # noqa: PLR0124 - NaN
        self._now = max(now, self._start)  # a clock may be set back during a run

    def of(self, metric: Metric, series: Mapping[tuple[str, ...], Any]) -> Sum | Gauge | Histogram:
        cumulative = AggregationTemporality.CUMULATIVE
        if metric.kind == "histogram":
            return Histogram(list(self._histograms(metric, series)), cumulative)
        numbers = list(self._numbers(metric, series))
        return Sum(numbers, cumulative, True) if metric.kind == "counter" else Gauge(numbers)

    def _numbers(
        self, metric: Metric, series: Mapping[tuple[str, ...], float]
    ) -> Iterator[NumberDataPoint]:
        for labels, value in series.items():
            attributes = dict(zip(metric.labels, labels, strict=True))
            yield NumberDataPoint(attributes, self._start, self._now, float(value))

    def _histograms(
        self, metric: Metric, series: Mapping[tuple[str, ...], Any]
    ) -> Iterator[HistogramDataPoint]:
        for labels, durations in series.items():
            yield HistogramDataPoint(
                attributes=dict(zip(metric.labels, labels, strict=True)),
                start_time_unix_nano=self._start,
                time_unix_nano=self._now,
                count=durations.size,
                sum=durations.total,
                bucket_counts=self._counts(durations).tolist(),
                explicit_bounds=self._bounds,
                min=durations.minimum,
                max=durations.maximum,
            )


class _Ended(SpanProcessor):
    """Keeps the spans that ended."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


def spans_of(actions: Sequence[Action], resource: Resource) -> list[ReadableSpan]:
    """Return a span for each action, from its start to its end, each a trace of its own.

    When the action was due is among its attributes, because a span that begins before anything
    happens would not fit those of the server.
    """
    ended = _Ended()
    # All of them: they are a sample already, whatever the environment says of traces.
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
    provider.add_span_processor(ended)
    tracer = provider.get_tracer(SCOPE)
    for action in actions:
        span = tracer.start_span(
            action.name,
            context=Context(),
            kind=SpanKind.CLIENT,
            attributes=_attributes(action),
            start_time=int(action.started_at * 1e9),
        )
        if action.error:
            span.set_status(StatusCode.ERROR, action.error)
        span.end(int(action.ended_at * 1e9))
    return ended.spans


def _attributes(action: Action) -> dict[str, str | int | float]:
    attributes: dict[str, str | int | float] = {
        "murmur.node": action.node,
        "murmur.user": action.user_id,
        "murmur.due_at": action.due_at,
        "murmur.service_time": action.ended_at - action.started_at,
        "murmur.response_time": action.ended_at - action.due_at,
    }
    if action.error:
        attributes["error.type"] = action.error
    return attributes


class WarySession(requests.Session):
    """A session in which nothing counts as taken but what a collector took.

    The SDK's exporters take every status below 400 for a success, also a proxy's redirect to its
    login page, do not read how much a collector says that it refused
    (https://opentelemetry.io/docs/specs/otlp/#partial-success-1), and forget by which status a
    collector refused what they tried again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refusal: str = ""  # the status of the last answer, if it was a refusal
        self.hooks["response"].append(self._look)

    def _look(self, answer: requests.Response, **_: object) -> None:
        _take_in(answer)
        self.refusal = ""
        if answer.status_code >= 400:  # the SDK may try again
            after = answer.headers.get("Retry-After", "")
            wish = f", to be asked again after {after[:40]} s" * after.isdecimal()
            self.refusal = f"status {answer.status_code}{wish}"
        elif trouble := _trouble_of(answer):
            answer.close()
            raise ConnectionError(trouble)


def _take_in(answer: requests.Response) -> None:
    """Read an answer before somebody does who has neither a limit nor a deadline."""
    until, content = time.monotonic() + ANSWER_WITHIN, bytearray()
    for piece in answer.raw.stream(1, decode_content=True):
        content += piece
        if len(content) > MOST_ANSWER or time.monotonic() > until:
            answer.close()
            raise ConnectionError("its answer has no end")
    answer.raw = BytesIO(content)


def _trouble_of(answer: requests.Response) -> str:
    """Say why the answer is none of a collector that took everything; empty if it is."""
    if answer.status_code >= 300:
        place = urlsplit(answer.headers.get("Location", ""))
        where = f" to {place.netloc}{place.path}" if place.path else ""
        return f"nothing was taken: status {answer.status_code}, a redirect{where}"
    kind = answer.headers.get("Content-Type", "")
    if "html" in kind:
        return f"nothing was taken: a page came ({kind}), as of a login"
    number, what, why = _refused(answer.content, kind, is_of_spans="/traces" in (answer.url or ""))
    return f"{number:,} {what} were refused: {why or 'no reason is given'}" if number else ""


def _refused(content: bytes, kind: str, *, is_of_spans: bool) -> tuple[int, str, str]:
    """Return how many of what a collector did not take, and why."""
    what = "spans" if is_of_spans else "data points"
    if "json" in kind:
        told = json.loads(content or b"{}").get("partialSuccess", {})
        number = told.get("rejectedSpans" if is_of_spans else "rejectedDataPoints", 0)
        return int(number), what, str(told.get("errorMessage", ""))
    if "protobuf" not in kind:
        return 0, what, ""
    if is_of_spans:
        spans = ExportTraceServiceResponse.FromString(content).partial_success
        return spans.rejected_spans, what, spans.error_message
    points = ExportMetricsServiceResponse.FromString(content).partial_success
    return points.rejected_data_points, what, points.error_message
