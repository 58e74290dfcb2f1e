"""Plain values that travel between processes, as bytes; and errors, as plain values."""

from ._faults import describe_fault, revive_fault
from ._values import WireError, decode, encode, record_table

__all__ = [
    "WireError",
    "decode",
    "describe_fault",
    "encode",
    "record_table",
    "revive_fault",
]
