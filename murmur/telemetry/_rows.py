"""Rows of fixed size that any thread may append while another takes them away.

A row is packed into bytes first, which refuses what does not fit, and then added to a
bytearray in one step of the interpreter.  So there is no lock, no half a row, 32 bytes
instead of a handful of objects per row, nothing for the garbage collector to walk, and
numpy reads the bytes as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Rows:
    """Append-only rows.

    Parameters
    ----------
    layout : str
        The row in the language of `struct`, little-endian and without padding.
    fields : sequence of (str, str)
        The same for numpy: name and type of each field.

    Attributes
    ----------
    append : callable
        Takes the packed bytes of one row.
    pack : callable
        Makes them; raises `struct.error` for what does not fit.
    """

    __slots__ = ("_buffer", "_dtype", "append", "pack")

    def __init__(self, layout: str, fields: list[tuple[str, str]]) -> None:
        # To import it takes 0.1 s, which would hold up users if it came with their first rows.
        import numpy as np

        self._buffer = bytearray()
        self._dtype = np.dtype(fields)
        self.append: Callable[[bytes], None] = self._buffer.extend
        self.pack: Callable[..., bytes] = struct.Struct(layout).pack

    def take(self) -> NDArray[Any]:
        """Remove all rows and return them as a structured array.

        Rows that are appended meanwhile are left for the next time: the buffer is never
        replaced, and only what was copied is deleted.  The copy matters as well, because a
        bytearray that numpy looks into cannot grow.
        """
        import numpy as np

        taken = self._buffer[:]
        del self._buffer[: len(taken)]
        return np.frombuffer(taken, dtype=self._dtype)
