"""Gives what runs measure to the systems that watch everything else.

Each exporter follows a session: it adds up what all nodes measured and gives the totals
out, in a thread of its own.  A receiver that is slow or gone costs the load nothing.

* `Prometheus` is scraped over HTTP.
* `Graphite` sends to carbon.
* `OpenTelemetry` sends metrics, and if you like spans, over OTLP.

For other systems derive from `PushExporter`, or follow `Session.relay` yourself.
"""

from murmur.recording import Follower, Relay
from murmur.telemetry import Chunk

from ._catalogue import BUCKETS as BOUNDS
from ._catalogue import METRICS, Metric
from ._exporter import Exporter
from ._graphite import Graphite
from ._opentelemetry import OpenTelemetry
from ._prometheus import Prometheus
from ._push import ExporterStatistics, PushExporter
from ._totals import Durations, Reading, Totals

__all__ = [
    "BOUNDS",
    "METRICS",
    "Chunk",
    "Durations",
    "Exporter",
    "ExporterStatistics",
    "Follower",
    "Graphite",
    "Metric",
    "OpenTelemetry",
    "Prometheus",
    "PushExporter",
    "Reading",
    "Relay",
    "Totals",
]
