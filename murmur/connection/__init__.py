"""JSON documents over TCP, timed per user: `murmur.connect_json`."""

from ._connection import JsonConnection, connect_json
from ._documents import DocumentReader

__all__ = [
    "DocumentReader",
    "JsonConnection",
    "connect_json",
]
