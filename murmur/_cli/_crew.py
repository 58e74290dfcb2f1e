"""The nodes that a run shall have, and waiting for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from murmur.errors import ClusterError

if TYPE_CHECKING:
    from murmur._session import Session
    from murmur.cluster import Ticket

_LOOK = 0.2  # s


@dataclass(frozen=True, slots=True)
class Crew:
    """Which nodes run the users."""

    spawn: int = 0  # node processes to start on this machine
    listen: str = ""  # `host:port` where other machines may join; empty if they may not
    ticket: Path | None = None  # the file that lets them, and whoever attaches
    look_ticket: Path | None = None  # a file that lets its holder look at the run, and no more
    # what they call this machine, if it is another name than that in `listen`
    seen_as: str | None = None
    # nodes that have to be there before the run starts, those of `spawn` included; one where
    # others may join, unless something else is said
    wait_for: int = 0
    patience: float = 300.0  # seconds to wait for them

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Crew:
        """Return the crew that options describe."""
        return cls(
            spawn=given.get("nodes") or 0,
            listen=given.get("listen") or "",
            ticket=Path(given["ticket"]) if given.get("ticket") else None,
            look_ticket=Path(given["look_ticket"]) if given.get("look_ticket") else None,
            seen_as=given.get("seen_as"),
            wait_for=given.get("wait_for", int(bool(given.get("listen")))),
        )

    @property
    def stays_here(self) -> bool:
        """Whether the users live in this process, although others may come."""
        return bool(self.listen) and not self.wait_for and not self.spawn

    def problems(self) -> Iterator[str]:
        """Say what does not fit."""
        host, colon, port = self.listen.rpartition(":")
        is_port = port.isdecimal() and len(port) <= 5 and int(port) < 65536
        if self.listen and not (host and colon and is_port):
            yield f"--listen {self.listen}: write HOST:PORT, such as 0.0.0.0:8790"
        if bool(self.listen) != bool(self.ticket):
            yield "--listen and --ticket go together: who joins needs the file"
        if self.look_ticket is not None and not self.listen:
            yield "--look-ticket: nobody can look without --listen"
        for option, path in (("--ticket", self.ticket), ("--look-ticket", self.look_ticket)):
            if path is not None:
                yield from _ticket_problems(option, path)
        if self.wait_for > self.spawn and not self.listen:
            yield f"--wait-for {self.wait_for}: nobody can join without --listen"

    def gather(self, session: Session, say: Callable[[str], None]) -> None:
        """Have the nodes come in.

        Raises `ClusterError` if they do not.
        """
        if self.ticket is not None:
            host, _, port = self.listen.rpartition(":")
            ticket = session.open(host, int(port), seen_as=self.seen_as)
            _save(ticket, "--ticket", self.ticket)
            say(f"nodes join with: murmur node {self.ticket}")
            say(f'notebooks attach with: murmur.attach("{self.ticket}")')
            if self.look_ticket is not None:
                ticket = session.open(seen_as=self.seen_as, read_only=True)
                _save(ticket, "--look-ticket", self.look_ticket)
        if self.spawn:
            session.spawn_nodes(self.spawn)
        deadline = monotonic() + self.patience
        present: tuple[str, ...] = ()
        while self.wait_for and len(present) < self.wait_for:
            here = tuple(sorted(set(session.nodes) - {"local"}))
            if here != present:
                say(f"{len(here)} of {self.wait_for} nodes: {', '.join(here)}")
            elif monotonic() > deadline:
                found = f"{len(here)} of {self.wait_for} nodes joined"
                raise ClusterError(f"only {found} within {self.patience:g} s")
            present = here
            sleep(_LOOK)


def _save(ticket: Ticket, option: str, path: Path) -> None:
    try:
        ticket.save(path)
    except OSError as error:  # `problems` tried, and that was a while ago
        raise ClusterError(_refusal(option, path, error)) from error


def _ticket_problems(option: str, path: Path) -> Iterator[str]:
    """Try to write beside where the ticket goes, as long as no port is open."""
    if path.is_dir():
        yield f"{option} {path}: that is a directory; give a file"
        return
    try:
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        yield _refusal(option, path, error)


def _refusal(option: str, path: Path, error: OSError) -> str:
    return f"{option} {path}: it cannot be written ({error.strerror}); give another place"
