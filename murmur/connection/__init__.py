"""JSON documents over TCP, timed per user: `murmur.connect_json`."""

from ._connection import JsonConnection as JsonConnection
from ._connection import connect_json as connect_json
from ._documents import DocumentReader as DocumentReader

__all__ = [
    "DocumentReader",
    "JsonConnection",
    "connect_json",
]
