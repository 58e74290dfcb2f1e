"""Lets a Prometheus server scrape what a run comes to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from io import StringIO
from typing import IO, TYPE_CHECKING, Any

from murmur._given import needed, port_given
from murmur.errors import InvalidArgumentError

from ._exporter import Exporter, Followed, labels_as_text
from ._families import registry_of, require_prometheus

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIRequestHandler

    from prometheus_client import CollectorRegistry

    from murmur.recording import RunRecord

SCRAPED = 60.0
"""Seconds after which a server has usually asked once: Prometheus does so each minute."""

PATIENCE = 30.0
"""Seconds for which whoever connects may say nothing, or take in nothing of its answer."""

LAST_TURNS = 5.0
"""Seconds that the server's thread has to end."""


class Prometheus(Exporter):
    """Serves the metrics of a session's runs over HTTP, for Prometheus to scrape.

    It listens in a thread of its own and answers from running totals, so that a scrape
    takes nothing from the load but the few milliseconds of its own making.

    Parameters
    ----------
    session : murmur.Session
        Whose runs are followed, from the moment the exporter is started.
    port : int, default 9090
        Port to listen on; 0 lets the system choose, see `port`.
    host : str, default "127.0.0.1"
        Address to listen on.  Anybody who reaches it can read the metrics.
    labels : mapping of str to str, optional
        Put on every series, such as ``{"test": "nightly"}``.
    names : int, default 100
        How many actions, kinds of errors, counters and so on are told apart each; the rest
        share the name ``(other)``.

    Attributes
    ----------
    registry : prometheus_client.CollectorRegistry
        What is served; hand it to a server, bridge or gateway of your own.

    Raises
    ------
    InvalidArgumentError
        If a label cannot be called that, or is one that murmur puts there itself.
    MissingExtraError
        If prometheus_client is not installed.

    Examples
    --------
    >>> import murmur, murmur.exporters, urllib.request
    >>> with murmur.Session() as session:
    ...     with murmur.exporters.Prometheus(session, port=0) as exporter:
    ...         text = urllib.request.urlopen(exporter.url).read().decode()
    >>> "murmur_run_active 0.0" in text
    True
    """

    def __init__(
        self,
        session: Followed,
        port: int = 9090,
        host: str = "127.0.0.1",
        *,
        labels: Mapping[str, str] | None = None,
        names: int = 100,
    ) -> None:
        require_prometheus("murmur.exporters.Prometheus")
        super().__init__(session, names=names)
        self.registry: CollectorRegistry = registry_of(self.totals, labels_as_text(labels))
        needed(isinstance(host, str), "host", host, "give an address, such as '127.0.0.1'")
        self.host = host
        self._asked_port = port_given("port", port)
        self._server: Any = None
        self._thread: Any = None

    @property
    def port(self) -> int:
        """The port it listens on; before it does, the one that was asked for."""
        return int(self._server.server_port) if self._server is not None else self._asked_port

    @property
    def url(self) -> str:
        """Where the metrics are."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/metrics"

    def __repr__(self) -> str:
        return f"<Prometheus: {self.url if self.is_on else 'stopped'}>"

    def _open(self) -> None:
        from prometheus_client import start_http_server

        try:
            started = start_http_server(self._asked_port, self.host, self.registry)
        except (OSError, UnicodeError) as error:  # a host that no name can be
            problem = f"cannot listen on {self.host}:{self._asked_port}: {error}"
            remedy = "stop what listens there, or choose another port (0 for any)"
            raise InvalidArgumentError(f"Prometheus {problem}", remedy) from error
        self._server, self._thread = started
        self._server.RequestHandlerClass = _timely(self._server.RequestHandlerClass)
        self.totals.on_end = self._look

    def _look(self, record: RunRecord) -> None:
        """Tell of a run that nobody looked at, as long as servers wait between two looks."""
        if record.latest >= SCRAPED and not self.totals.readers:
            self.totals.tell(self.url, f"nobody asked for the metrics at {self.url}")

    def _close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(LAST_TURNS)
        self._server = None


def _timely(handler: type[WSGIRequestHandler]) -> type[WSGIRequestHandler]:
    """Return a handler that waits for nobody for ever: each holds a thread."""

    class Timely(handler):  # type: ignore[valid-type,misc]  # known when a server starts
        timeout = PATIENCE

        def handle(self) -> None:
            with suppress(OSError):  # who is let go, or has left, is no news
                super().handle()

        def get_stderr(self) -> IO[str]:
            return StringIO()  # nor in the midst of an answer

    return Timely
