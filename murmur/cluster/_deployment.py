"""Deployments of dask whose workers are nodes of a session: the session's side.

Whatever starts workers (a local cluster, ssh, a batch system, Kubernetes), a client of the
scheduler is all that is needed.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import anyio

from murmur._backend import thread_lock
from murmur.errors import ClusterError, MissingExtraError, MurmurError, few

from ._worker import NodePlugin

try:
    from distributed import Client
    from distributed.comm.addressing import get_address_host, parse_address
    from distributed.deploy.cluster import Cluster as DaskCluster
    from distributed.utils import get_ip
except ImportError:
    raise MissingExtraError("a deployment of dask", "dask", "distributed") from None

if TYPE_CHECKING:
    from ._ticket import Ticket

SECURE = ("inproc", "tls", "wss")
"""Protocols of dask's that nobody can read on their way."""

ANSWER = 10.0
"""Seconds that a scheduler has to tell what it knows anyway."""

TURN = 60.0
"""Seconds that all workers have to become nodes, or to be none any more."""

GLANCE = 0.1
"""Seconds between two looks at whether the scheduler is still there."""

_logger = logging.getLogger(__name__)


class Deployment:
    """Workers of dask that are nodes; made by `Session.use`, and given back by `release`.

    As a context manager it gives them back at the end of the block.

    Raises `ClusterError` if it is neither, is closed, or belongs to somebody's event loop.
    """

    def __init__(
        self,
        given: object,
        # called with it once the workers are given back
        on_release: Callable[[Deployment], None] = lambda _: None,
    ) -> None:
        self._client = _client_of(given)
        self._on_release = on_release
        self._cluster = given if isinstance(given, DaskCluster) else getattr(given, "cluster", None)
        self._planned: set[str] = set()
        # the address of the scheduler, as seen from here
        self.scheduler: str = str(self._client.scheduler.address)
        self._plugin = f"murmur-{secrets.token_hex(4)}"
        self._is_used = False
        self._lock = thread_lock()

    @property
    def workers(self) -> list[str]:
        """The addresses of the workers that are there now."""
        return sorted(self._ask("nthreads", within=ANSWER))

    @property
    def host(self) -> str:
        """The address of this machine that the workers can reach."""
        if all(map(_is_here, [self.scheduler, *self.workers])):
            return "127.0.0.1"
        return str(get_ip(get_address_host(self.scheduler)))

    def check_links(self) -> None:
        """Refuse to send a ticket where others can read it.

        Raises `ClusterError` if a connection is plain and leads to another host.
        """
        plain = [each for each in [self.scheduler, *self.workers] if not _is_private(each)]
        if plain:
            raise ClusterError(
                f"a ticket would go to {few(sorted(plain))} as plain text, for all on the way to "
                "read, and whoever has it can run code here; give dask certificates "
                "(distributed.Security, TLS), or say plain=True where the network is your own"
            )

    def note_join(self, node: str) -> None:
        """See `Supply`."""
        if self._is_used and node in self._plan:
            self._planned.add(node)

    def has_given_up(self, node: str) -> bool:
        """See `Supply`."""
        return self._is_used and node in self._planned and node not in self._plan

    @property
    def _plan(self) -> set[str]:
        """The names of the workers that the cluster is to have, as far as it knows that.

        Batch systems are told to end a job and not why, so that this alone says that a
        person scaled down.
        """
        specifications = getattr(self._cluster, "worker_spec", {})
        return {
            f"{name}{suffix}"
            for name, each in list(specifications.items())
            for suffix in (each or {}).get("group", [""])  # dask puts None where it cannot scale
        }

    def take(self, ticket: Ticket) -> None:
        """Make all workers nodes, those that come too; returns once those here are.

        Raises `ClusterError` if one cannot be a node; then none is.
        """
        self._is_used = True
        plugin = NodePlugin(ticket.text, self._plugin)
        try:
            self._ask("register_plugin", plugin, name=self._plugin, within=TURN)
        except ModuleNotFoundError as error:
            raise ClusterError(
                f"the workers cannot be nodes: they have no module {error.name!r}; install "
                '"murmur-load[cluster]" there, of the same version as here'
            ) from None

    def release(self) -> None:
        """Give the workers back: they leave the session in order, and go on as workers."""
        with self._lock:
            is_used, self._is_used = self._is_used, False
            try:
                if is_used and self._client.status == "running":  # else it took its workers along
                    self._ask("nthreads", within=ANSWER)  # else one that is frozen costs more
                    self._ask("unregister_worker_plugin", self._plugin, within=TURN)
            except ClusterError as error:
                _logger.warning("workers could not be asked to leave: %s", error)
            except (ValueError, KeyError):  # it was restarted, or never heard of it
                _logger.debug("workers could not be asked to leave", exc_info=True)
            finally:
                self._close()

    def _close(self) -> None:
        self._on_release(self)
        log = logging.getLogger("distributed.client")
        log.addFilter(_is_fault)
        try:
            self._client.close(timeout=ANSWER)
        except OSError:
            _logger.debug("the client could not be closed", exc_info=True)
        finally:
            log.removeFilter(_is_fault)

    def _ask(self, verb: str, *arguments: object, within: float, **keywords: object) -> Any:  # noqa: ANN401 - the verb's own
        """Return what the client's method returns; it would wait for ever for a scheduler.

        Raises `ClusterError` if the scheduler is gone, ends meanwhile, or does not answer in time.
        """

        async def ask() -> Any:  # noqa: ANN401 - see above; on the client's loop it is awaited
            return await getattr(self._client, verb)(*arguments, **keywords)

        where = f"dask's scheduler at {self.scheduler}"
        if self._client.status != "running":
            raise ClusterError(f"{where} is not there any more")
        try:
            is_answered, answer = self._client.sync(
                self._unless_it_ends, ask, within, callback_timeout=within + ANSWER
            )
        except OSError as error:
            if isinstance(error, MurmurError):
                raise
            reason = str(error) or "it closed the connection"
            raise ClusterError(f"{where} does not answer: {reason}") from None
        if is_answered:
            return answer
        ended = self._client.status != "running"
        raise ClusterError(f"{where} " + ("ended" if ended else f"said nothing for {within:g} s"))

    async def _unless_it_ends(self, ask: Callable[[], Any], within: float) -> tuple[bool, Any]:
        """Return whether there is an answer, and the answer."""
        error: Exception | None = None
        with anyio.move_on_after(within) as waiting:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch, waiting)
                try:
                    return True, await ask()
                except Exception as raised:  # noqa: BLE001 - raised below, and in no group
                    error = raised
                finally:
                    tasks.cancel_scope.cancel()
        if error is not None:
            raise error
        return False, None

    async def _watch(self, waiting: anyio.CancelScope) -> None:
        while self._client.status == "running":  # noqa: ASYNC110 - dask tells nobody
            await anyio.sleep(GLANCE)
        waiting.cancel()

    def __enter__(self) -> Self:
        """Return the deployment."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the workers back."""
        self.release()

    def __repr__(self) -> str:
        """Return where the scheduler is, and whether its workers are in use; asks nobody."""
        state = "its workers are nodes" if self._is_used else "given back"
        return f"<deployment of dask at {self.scheduler}: {state}>"


def _client_of(given: object) -> Any:  # noqa: ANN401 - a Client, which has no types
    """Return a client of the deployment of our own: somebody else's may be closed before."""
    status, security = "closed", getattr(given, "security", None)
    if isinstance(given, Client) and not given.asynchronous:
        status, scheduler = given.status, given.scheduler
        if status == "running":
            assert scheduler is not None
            return _connect(str(scheduler.address), security)
    elif isinstance(given, DaskCluster) and not given.asynchronous:
        status = given.status.name
        if status == "running":  # by its address: the loop of a cluster ends with it
            return _connect(str(given.scheduler_address), security)
    elif callable(get_client := getattr(given, "get_client", None)) and not _is_async(given):
        return get_client()  # such as a cluster of dask-gateway
    else:
        kind = type(given).__name__
        raise ClusterError(
            f"cannot use {kind}: give a distributed.Client or a cluster of dask, such as "
            "LocalCluster(), that was made without asynchronous=True"
        )
    raise ClusterError(f"cannot use the deployment: it is {status}")


def _connect(address: str, security: object) -> Any:  # noqa: ANN401 - see above
    try:
        return Client(address, security=security, set_as_default=False)
    except OSError as error:
        raise ClusterError(f"dask's scheduler at {address} does not answer: {error}") from None


def _is_fault(record: logging.LogRecord) -> bool:
    """Return whether dask tells of more than that closing ended its tries to connect again."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or kind.__name__ != "CancelledError"


def _is_async(given: object) -> bool:
    return bool(getattr(given, "asynchronous", False))


def _is_here(address: str) -> bool:
    """Return whether an address of dask's is one of this machine alone."""
    protocol, _ = parse_address(address)
    if protocol == "inproc":
        return True
    host = str(get_address_host(address))
    try:
        return ipaddress.ip_address(host).is_loopback or _is_own(host)
    except ValueError:  # a name
        return host == "localhost"


def _is_own(host: str) -> bool:
    """Return whether an address is one of this machine's: what goes there stays here."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
        return True


def _is_private(address: str) -> bool:
    """Return whether what goes to an address can be read by nobody else."""
    return parse_address(address)[0] in SECURE or _is_here(address)
