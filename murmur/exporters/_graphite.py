"""Sends what a run comes to into Graphite, as amoc's users are used to."""

from __future__ import annotations

import math
import os
import re
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from murmur._given import needed, port_given
from murmur.errors import InvalidArgumentError

from ._catalogue import BOUNDS
from ._exporter import Followed
from ._families import families_of, require_prometheus
from ._push import PushExporter
from ._quantiles import quantiles_of

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

    from ._totals import Durations, Reading

TIMEOUT = 3.0
"""Seconds that connecting, sending, and the end of the connection may take each."""

GLANCE = 0.05
"""Seconds in which the system learns that what was sent came to a closed door."""

PORT = 2003
PREFIX = "murmur"
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")
"""What a path cannot hold.  Were it only replaced, different names would meet in one path."""

QUANTILES = (0.5, 0.9, 0.95, 0.99)


class Graphite(PushExporter):
    """Sends the metrics of a session's runs to carbon, in its line protocol over TCP.

    Paths are those of prometheus_client's Graphite bridge, with name and value of every
    label: ``murmur.murmur_users.node.local.state.running``.  A histogram is of no use in
    Graphite, so its place is taken by quantiles of the time since the push before, within
    1 % of the true ones.  What a path cannot hold becomes ``_``, and a name that has any such
    sign ends in a code of its own: ``GET__a-f302dfbc`` is no other action's path.

    Parameters
    ----------
    session : murmur.Session
        Whose runs are followed, from the moment the exporter is started.
    host : str, optional
        Where carbon is; ``AMOC_GRAPHITE_HOST`` if not given.
    port : int, optional
        Its port; ``AMOC_GRAPHITE_PORT``, or 2003, if not given.
    prefix : str, optional
        What paths begin with; ``AMOC_GRAPHITE_PREFIX``, or ``murmur``, if not given.
    interval : float, default 10.0
        Seconds between two pushes.
    names : int, default 100
        How many actions, kinds of errors, counters and so on are told apart each.

    Raises
    ------
    InvalidArgumentError
        If there is no host, or the port is not a number.
    MissingExtraError
        If prometheus_client is not installed.

    Examples
    --------
    >>> import murmur, murmur.exporters
    >>> with murmur.Session() as session:
    ...     murmur.exporters.Graphite(session, "graphite.example.org")
    <Graphite to graphite.example.org:2003: stopped, 0 pushes, 0 failed>
    """

    def __init__(
        self,
        session: Followed,
        host: str | None = None,
        port: int | None = None,
        prefix: str | None = None,
        *,
        interval: float = 10.0,
        names: int = 100,
    ) -> None:
        require_prometheus("murmur.exporters.Graphite")
        for name, text in (("host", host), ("prefix", prefix)):
            needed(text is None or isinstance(text, str), name, text, "give a text")
        self.host: str = host or _host()
        self.port: int = _port() if port is None else port_given("port", port)
        given = _environment("PREFIX") if prefix is None else prefix
        self.prefix: str = PREFIX if given is None else given
        super().__init__(session, f"{self.host}:{self.port}", interval=interval, names=names)
        self._before: Mapping[tuple[str, ...], Durations] = {}
        self._run_before = ""

    def push(self, reading: Reading) -> None:
        """Send the totals, `reading`."""
        before = self._before if reading.run_id == self._run_before else {}
        view = _View(reading, before)
        _hand_over((self.host, self.port), _lines(view.families, self.prefix, int(time.time())))
        self._before, self._run_before = view.durations, reading.run_id


class _View:
    """A reading as Graphite has use for it."""

    def __init__(self, reading: Reading, before: Mapping[tuple[str, ...], Durations]) -> None:
        self._reading = reading
        self._before = before
        self.durations: dict[tuple[str, ...], Durations] = {}
        self.families: tuple[Family, ...] = tuple(self._made())

    def _made(self) -> Iterator[Family]:
        from prometheus_client.core import GaugeMetricFamily

        for metric, series in self._reading.metrics():
            if metric.kind != "histogram":
                continue
            labels = (*metric.labels, "quantile")
            family = GaugeMetricFamily(metric.prometheus_name, metric.help, labels=labels)
            for values, durations in series.items():
                key = (metric.name, *values)
                self.durations[key] = durations
                new = durations.since(self._before.get(key))
                seconds = quantiles_of(new.counts, BOUNDS, QUANTILES, durations.maximum)
                for quantile, value in zip(QUANTILES, seconds, strict=True):
                    family.add_metric((*values, f"{quantile:g}".replace(".", "_")), value)
            yield _finite(family)
        yield from map(_finite, families_of(self._reading, {}))


def _hand_over(address: tuple[str, int], text: str) -> None:
    """Send a text, and return once the other side has read it: who closes then was there.

    The protocol has no answer, and the system takes what a peer never reads.

    Raises `OSError` if it broke off, closed before the end, or does not close.
    """
    with socket.create_connection(address, TIMEOUT) as connection:
        connection.sendall(text.encode("ascii"))
        connection.shutdown(socket.SHUT_WR)
        _await_end(connection)
        time.sleep(GLANCE)
        if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise ConnectionResetError("it closed before it had read what was sent")


def _await_end(connection: socket.socket) -> None:
    until = time.monotonic() + TIMEOUT
    with suppress(TimeoutError):
        while connection.recv(4096):
            if (left := until - time.monotonic()) <= 0:
                raise TimeoutError
            connection.settimeout(left)
        return
    raise TimeoutError(f"it did not read what was sent within {TIMEOUT:g} s")


def _lines(families: Iterable[Family], prefix: str, at: int) -> str:
    """Return the samples as lines of carbon's protocol, their paths as of the Graphite bridge."""
    before = f"{prefix}." * bool(prefix)
    return "".join(
        f"{before}{_path(sample.name, sample.labels)} {float(sample.value)} {at}\n"
        for family in families
        for sample in family.samples
    )


def _path(name: str, labels: Mapping[str, str]) -> str:
    parts = [name, *(part for label in sorted(labels.items()) for part in label)]
    return ".".join(_UNFIT.sub("_", part) for part in parts)


def _finite(family: Family) -> Family:
    """Leave out what is of no use in Graphite: buckets, and what is not a finite number."""
    family.samples = [
        sample._replace(labels={key: _path_of(text) for key, text in sample.labels.items()})
        for sample in family.samples
        if math.isfinite(sample.value) and not sample.name.endswith("_bucket")
    ]
    return family


def _path_of(text: str) -> str:
    """Return a part of a path that no other text has.

    Examples
    --------
    >>> [_path_of(text) for text in ("login", "GET /a.b", "GET /a/b")]
    ['login', 'GET__a_b-ed734d13', 'GET__a_b-840b7118']
    """
    plain = _UNFIT.sub("_", text)
    if plain == text:
        return text
    return f"{plain}-{sha256(text.encode(errors='backslashreplace')).hexdigest()[:8]}"


def _host() -> str:
    host = _environment("HOST")
    if host is None:
        remedy = "give host=..., or set AMOC_GRAPHITE_HOST"
        raise InvalidArgumentError("Graphite has no host to send to", remedy)
    return host


def _port() -> int:
    text = _environment("PORT")
    if text is None:
        return PORT
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        remedy = "give port=..., or set AMOC_GRAPHITE_PORT to a number"
        raise InvalidArgumentError(f"Graphite cannot send to port {text!r}", remedy)
    return int(text)


def _environment(name: str) -> str | None:
    """Return the variable of that name; amoc's are Erlang terms, so quotes go."""
    text = os.environ.get(f"AMOC_GRAPHITE_{name}", "").strip()
    for quote in "\"'":
        if len(text) > 1 and text[0] == text[-1] == quote:
            return text[1:-1]
    return text or None
