"""Sends what a run comes to over OTLP, and a sample of its actions as spans.

Totals are handed to the SDK's exporters as data points: an instrument of the SDK would want
every single duration again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from murmur._backend import thread_here
from murmur._given import amount_given, needed
from murmur.errors import MissingExtraError

from ._exporter import Followed, labels_as_text
from ._push import ExporterStatistics, PushExporter
from ._spans import Action, SpanSample

if TYPE_CHECKING:
    import requests
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SpanExporter

    from ._totals import Reading

TIMEOUT = 2.0
"""Seconds that a push to the endpoint may take, retries included."""


class OpenTelemetry(PushExporter):
    """Sends the metrics of a session's runs, and if you like spans, to OpenTelemetry.

    Without arguments it sends OTLP over HTTP to where the environment says
    (``OTEL_EXPORTER_OTLP_ENDPOINT`` and its like), by default to port 4318 of this host.

    Parameters
    ----------
    session : murmur.Session
        Whose runs are followed, from the moment the exporter is started.
    endpoint : str, optional
        Where the collector is, such as ``"http://collector:4318"``.
    interval : float, default 10.0
        Seconds between two pushes.
    spans : float, default 0.0
        Share of actions that are sent as a span each, between 0 and 1; 0.01 is one in a
        hundred.  At most 2,000 of a push are; the rest are counted as dropped.
    labels : mapping of str to str, optional
        Attributes of the resource, such as ``{"deployment.environment": "staging"}``.
    names : int, default 100
        How many actions, kinds of errors, counters and so on are told apart each.
    metric_exporter, span_exporter : optional
        Exporters of the SDK to use instead: OTLP over gRPC, or one with credentials.

    Raises
    ------
    InvalidArgumentError
        If `spans` is no share.
    MissingExtraError
        If the OpenTelemetry SDK or its OTLP exporter is not installed.

    Examples
    --------
    >>> import murmur, murmur.exporters
    >>> with murmur.Session() as session:
    ...     murmur.exporters.OpenTelemetry(session, "http://collector:4318", spans=0.01)
    <OpenTelemetry to http://collector:4318: stopped, 0 pushes, 0 failed>
    """

    def __init__(  # noqa: PLR0913 - all but the first two by keyword
        self,
        session: Followed,
        endpoint: str | None = None,
        *,
        interval: float = 10.0,
        spans: float = 0.0,
        labels: Mapping[str, str] | None = None,
        names: int = 100,
        metric_exporter: MetricExporter | None = None,
        span_exporter: SpanExporter | None = None,
    ) -> None:
        share = "give a number between 0 and 1, the share of actions to send"
        spans = amount_given("spans", spans, share)
        needed(spans <= 1, "spans", spans, share)
        fits = endpoint is None or isinstance(endpoint, str)
        needed(fits, "endpoint", endpoint, "give a URL, such as 'http://collector:4318'")
        _require_sdk(metric_exporter is None or (spans > 0 and span_exporter is None))
        target = endpoint or ("an exporter of yours" if metric_exporter else "the environment's")
        super().__init__(session, target, interval=interval, names=names)
        self._endpoint = endpoint
        self._labels = labels_as_text(labels)
        self._spans = SpanSample(spans)
        self._given = metric_exporter, span_exporter
        self._metrics: Any = metric_exporter
        self._traces: Any = span_exporter
        self._sessions: list[Any] = []  # what exporters of ours send by

    def statistics(self) -> ExporterStatistics:
        """Return what it has done so far."""
        return ExporterStatistics(self._pushed, self._failed, self._last_error, self._spans.dropped)

    def push(self, reading: Reading) -> None:
        """Send the totals, `reading`."""
        resource = self._resource(reading.run_id)
        sample = self._spans.drain()
        try:
            self._push_metrics(reading, resource)
            self._push_spans(sample, resource)
        except BaseException:
            self._spans.drop(len(sample))
            raise

    def _push_metrics(self, reading: Reading, resource: Resource) -> None:
        from opentelemetry.sdk.metrics.export import MetricExportResult

        from ._otlp import metrics_data

        data = metrics_data(reading, resource, time.time_ns())
        with _overheard(self._metrics) as words:
            if self._metrics.export(data) is not MetricExportResult.SUCCESS:
                raise ConnectionError(self._why(words) or "the metrics were not taken")

    def _push_spans(self, sample: Sequence[Action], resource: Resource) -> None:
        from opentelemetry.sdk.trace.export import SpanExportResult

        from ._otlp import spans_of

        if not sample:
            return
        spans = spans_of(sample, resource)
        with _overheard(self._traces) as words:
            if self._traces.export(spans) is not SpanExportResult.SUCCESS:
                raise ConnectionError(self._why(words) or "the spans were not taken")

    def _why(self, words: Sequence[str]) -> str:
        """Return why nothing was taken: what the SDK said last, and by which status."""
        last = words[-1] if words else ""
        told = [session.refusal for session in self._sessions if session.refusal]
        return "; ".join(filter(None, [last, *told]))

    def _open(self) -> None:
        self._metrics, self._traces = self._given
        self._sessions = []
        if self._metrics is None:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            self._metrics = OTLPMetricExporter(
                self._path("metrics"), timeout=TIMEOUT, session=self._session()
            )
        if self._traces is None and self._spans.share:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            self._traces = OTLPSpanExporter(
                self._path("traces"), timeout=TIMEOUT, session=self._session()
            )
        _ = self._sender  # found out in threads, which nobody can start once the process ends
        self._relay.attach(self._spans)
        super()._open()

    def _close(self) -> None:
        self._relay.detach(self._spans)
        super()._close()
        if left := self._spans.drain():  # the last push did not come to them
            self._spans.drop(len(left))
            self._tell()
        for exporter in (self._metrics, self._traces):
            if exporter is not None and exporter not in self._given:
                exporter.shutdown()

    def _path(self, signal: str) -> str | None:
        return f"{self._endpoint.rstrip('/')}/v1/{signal}" if self._endpoint else None

    def _session(self) -> requests.Session | None:
        """Return what the SDK's exporters send by; None where the environment names something."""
        from ._otlp import WarySession

        if any(name.endswith("_CREDENTIAL_PROVIDER") for name in os.environ):
            return None
        session = WarySession()
        self._sessions.append(session)
        return session

    @cached_property
    def _sender(self) -> Resource:
        """Who sends: a service named murmur, unless the environment knows better."""
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource

        found = Resource.create(dict(self._labels))
        if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
            return found.merge(Resource({SERVICE_NAME: "murmur"}))
        return found

    def _resource(self, run_id: str) -> Resource:
        """Return who sends, and of which run."""
        from opentelemetry.sdk.resources import Resource

        return self._sender.merge(Resource({"murmur.run": run_id}))


def _require_sdk(with_otlp: bool) -> None:
    try:
        import opentelemetry.sdk.metrics.export

        if with_otlp:
            import opentelemetry.exporter.otlp.proto.http  # noqa: F401 - to see whether it is there
    except ImportError as error:
        feature = "murmur.exporters.OpenTelemetry"
        raise MissingExtraError(feature, "otel", str(error.name)) from error


@contextmanager
def _overheard(exporter: object) -> Iterator[list[str]]:
    """Hear what an exporter of the SDK logs of every try, in place of the log: we tell once."""
    logger, thread = logging.getLogger(type(exporter).__module__), thread_here()
    words: list[str] = []

    def is_others(record: logging.LogRecord) -> bool:
        if record.thread == thread:
            words.append(record.getMessage())
        return record.thread != thread

    logger.addFilter(is_others)
    try:
        yield words
    finally:
        logger.removeFilter(is_others)
