"""Plain values that travel between processes, as bytes; and errors, as plain values."""

from ._faults import describe_fault as describe_fault
from ._faults import revive_fault as revive_fault
from ._values import WireError as WireError
from ._values import decode as decode
from ._values import encode as encode
from ._values import record_table as record_table

__all__ = [
    "WireError",
    "decode",
    "describe_fault",
    "encode",
    "record_table",
    "revive_fault",
]
