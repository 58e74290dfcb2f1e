"""Tools that murmur is tested with, for your tests as well: virtual time, fakes and targets.

Test-only dependencies (pytest, trio) are imported by the functions that need them.
"""

from ._clock import VirtualLoop, virtual_backend
from ._emitter import RecordingEmitter
from ._http_stub import HttpStub
from ._process import (
    RouterProcess,
    ShopProcess,
    raise_open_files_limit,
    router_process,
    shop_process,
)
from ._rehearsal import rehearse
from ._router import Router, RouterCounters
from ._shop import Shop, ShopCounters
from ._tokens import TokenServer

__all__ = [
    "HttpStub",
    "RecordingEmitter",
    "Router",
    "RouterCounters",
    "RouterProcess",
    "Shop",
    "ShopCounters",
    "ShopProcess",
    "TokenServer",
    "VirtualLoop",
    "raise_open_files_limit",
    "rehearse",
    "router_process",
    "shop_process",
    "virtual_backend",
]
