"""Tools that murmur is tested with, for your tests as well: virtual time, fakes and targets.

Test-only dependencies (pytest, trio) are imported by the functions that need them.
"""

from ._clock import VirtualLoop as VirtualLoop
from ._clock import virtual_backend as virtual_backend
from ._emitter import RecordingEmitter as RecordingEmitter
from ._http_stub import HttpStub as HttpStub
from ._process import RouterProcess as RouterProcess
from ._process import ShopProcess as ShopProcess
from ._process import raise_open_files_limit as raise_open_files_limit
from ._process import router_process as router_process
from ._process import shop_process as shop_process
from ._rehearsal import rehearse as rehearse
from ._router import Router as Router
from ._router import RouterCounters as RouterCounters
from ._shop import Shop as Shop
from ._shop import ShopCounters as ShopCounters
from ._tokens import TokenServer as TokenServer

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
