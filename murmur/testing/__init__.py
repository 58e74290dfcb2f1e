"""What murmur is tested with, for your tests as well: virtual time, fakes and targets.

Test-only dependencies (pytest, trio) are imported by the functions that need them.
"""

from ._clock import VirtualLoop as VirtualLoop
from ._clock import virtual_backend as virtual_backend

__all__ = ["VirtualLoop", "virtual_backend"]
