"""murmur in a notebook: the ``%amoc`` magics.

``%load_ext murmur`` loads them.
"""

from ._amoc import Amoc as Amoc
from ._extension import load as load
from ._extension import unload as unload

__all__ = ["Amoc", "load", "unload"]
