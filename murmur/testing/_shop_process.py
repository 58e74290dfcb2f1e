"""The shop in a process of its own, so that it takes no time from the generator."""

from __future__ import annotations

from ._process import TargetProcess
from ._shop import ShopCounters

__all__ = ["ShopProcess", "shop_process"]


class ShopProcess(TargetProcess[ShopCounters]):
    """A running `Shop` in another process; made by `shop_process`."""

    def __init__(self, arguments: list[str], host: str) -> None:
        super().__init__("shop", ShopCounters, arguments, host)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.host}:{self.port}"


def shop_process(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    latency: float = 0.002,
    tills: int = 4,
    till_seconds: float = 0.02,
    connections: int = 0,
) -> ShopProcess:
    """Start the shop in a process of its own, and return once it is open.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        Address to listen on.
    port : int, default 0
        Port to listen on; 0 lets the system choose one, see `ShopProcess.url`.
    latency : float, default 0.002
        Seconds that every answer takes.
    tills : int, default 4
        Customers that can pay at a time.
    till_seconds : float, default 0.02
        Seconds that paying takes.
    connections : int, default 0
        Customers that are to come; the shop refuses to open if they cannot fit.

    Raises
    ------
    MurmurError
        If it cannot listen there, or cannot hold so many connections.

    Examples
    --------
    >>> from murmur.testing import shop_process
    >>> with shop_process() as shop:
    ...     shop.counters().sold
    0
    """
    arguments = {
        "--port": port,
        "--delay": latency,
        "--tills": tills,
        "--till-seconds": till_seconds,
        "--connections": connections,
    }
    return ShopProcess([str(part) for pair in arguments.items() for part in pair], host)
