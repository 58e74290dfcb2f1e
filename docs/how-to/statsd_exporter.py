"""An exporter for receivers of StatsD's gauges; docs/how-to/write-an-exporter.md explains it."""

from __future__ import annotations

import socket

import murmur
import murmur.exporters


class Statsd(murmur.exporters.PushExporter):
    """Sends all numbers as gauges over UDP, and of durations their count and sum."""

    def __init__(
        self, session: murmur.Session, host: str, port: int, *, interval: float = 10.0
    ) -> None:
        super().__init__(session, f"{host}:{port}", interval=interval)
        self._address = (host, port)

    def push(self, reading: murmur.exporters.Reading) -> None:
        """Send one datagram for each series."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for metric, series in reading.metrics():
                for labels, value in series.items():
                    path = ".".join(["murmur", metric.name, *labels])
                    if metric.kind == "histogram":
                        out.sendto(f"{path}.count:{value.size}|g".encode(), self._address)
                        out.sendto(f"{path}.sum:{value.total}|g".encode(), self._address)
                    else:
                        out.sendto(f"{path}:{value}|g".encode(), self._address)
