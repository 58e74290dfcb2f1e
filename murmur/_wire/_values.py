"""Values as bytes, between nodes and on disk, without pickle.

What a node sends, or a journal holds, is data, and reading it runs nothing: msgpack, with
extensions for what it lacks (tuples, sets, whole numbers beyond 64 bits, columns of numbers),
and murmur's own records, which are rebuilt from their fields by a name that must be in the
reader's table.  Whatever else arrives is a `WireError`.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import msgpack

from murmur.errors import ClusterError, InvalidArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TUPLE, SET, WHOLE, COLUMN, RECORD, PLAIN = 1, 2, 3, 4, 5, 6

DEPTH = 32
"""Levels of values within values that are read; a frame of brackets alone is refused."""

Records = Mapping[str, type]

_NONE: Records = {}


class WireError(ClusterError):
    """What arrived from the other side is not what it should be."""


def record_table(kinds: Iterable[type]) -> dict[str, type]:
    """Return classes (dataclasses or named tuples) by the name they travel under."""
    return {kind.__name__: kind for kind in kinds}


def encode(
    # None, booleans, numbers, text, bytes, numpy columns, lists, tuples, sets and dictionaries of
    # these, and records of the table
    value: object,
    records: Records = _NONE,  # records that may travel
    *,
    what: str = "a message",  # what is being sent, for the message of an error
) -> bytes:
    """Return `value` as bytes.

    Raises `InvalidArgumentError` if anything else is in it.

    Examples
    --------
    >>> decode(encode({"pair": (1, 2.5), "big": 2**80}))
    {'pair': (1, 2.5), 'big': 1208925819614629174706176}
    """
    default = partial(_extension, records=records, what=what)
    try:
        packed: bytes = msgpack.packb(value, default=default, strict_types=True)
    except InvalidArgumentError:
        raise
    except (ValueError, UnicodeEncodeError) as error:  # too deep, or half a character
        raise _not_plain(what, f"value that msgpack refuses ({error})") from None
    return packed


def decode(data: bytes | memoryview, records: Records = _NONE) -> Any:  # noqa: ANN401 - what was sent
    """Return the value that `encode` made `data` of.

    Raises `WireError` if it is none.
    """
    return _decode(data, records, DEPTH)


def _decode(data: bytes | memoryview, records: Records, depth: int) -> Any:  # noqa: ANN401
    if not depth:
        raise WireError("values are nested too deeply")

    def extension(code: int, body: bytes) -> object:
        return _value(code, body, records, depth - 1)

    try:
        return msgpack.unpackb(data, ext_hook=extension, strict_map_key=False)
    except WireError:
        raise
    except Exception as error:  # noqa: BLE001 - msgpack's, and those of constructors it feeds
        raise WireError(f"not a value: {type(error).__name__}: {error}") from None


def _extension(value: object, *, records: Records, what: str) -> msgpack.ExtType:
    """Return what msgpack knows nothing about as one of ours."""
    pack = partial(encode, records=records, what=what)
    name = type(value).__name__
    if type(value) is tuple:
        return msgpack.ExtType(TUPLE, pack(list(value)))
    if isinstance(value, set | frozenset):
        return msgpack.ExtType(SET, pack(list(value)))
    if records.get(name) is type(value):
        return msgpack.ExtType(RECORD, pack([name, _fields(value)]))
    if type(value) is int:  # beyond 64 bits
        return msgpack.ExtType(WHOLE, pack(hex(value)))
    if isinstance(value, str | int | float | bytes):  # of an enum, or numpy's
        plain: Any = next(kind for kind in (str, int, float, bytes) if isinstance(value, kind))
        return msgpack.ExtType(PLAIN, pack([plain(value)]))
    if hasattr(value, "__array_interface__"):
        return _column(value, what)
    raise _not_plain(what, name)


def _not_plain(what: str, kind: str) -> InvalidArgumentError:
    """Return the error for what cannot travel: anything that is not plain could run code there."""
    return InvalidArgumentError(
        f"{what} cannot travel to another node with a {kind} in it",
        "use None, booleans, numbers, text, bytes, and lists, tuples, sets and dicts of them",
    )


def _fields(value: Any) -> list[object]:  # noqa: ANN401 - one of the table
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return list(value)


def _column(value: Any, what: str) -> msgpack.ExtType:  # noqa: ANN401 - numpy's, not imported here
    if value.ndim == 0:
        return msgpack.ExtType(PLAIN, encode([value.item()], what=what))
    if value.ndim != 1 or value.dtype.hasobject:
        raise _not_plain(what, f"{value.ndim}-dimensional array of {value.dtype}")
    kind = encode([[list(part) for part in value.dtype.descr], value.dtype.names is None])
    return msgpack.ExtType(COLUMN, struct.pack("!H", len(kind)) + kind + value.tobytes())


def _value(code: int, body: bytes, records: Records, depth: int) -> object:
    if code == COLUMN:
        return _read_column(body)
    inner = _decode(body, records, depth)
    if code == TUPLE:
        return tuple(inner)
    if code == SET:
        return set(inner)
    if code == WHOLE:
        return int(inner, 16)
    if code == RECORD:
        name, fields = inner
        return _record(records[name], fields)
    if code == PLAIN:
        return inner[0]
    raise WireError(f"an extension {code} that is none of ours")


def _record(kind: type, fields: list[object]) -> object:
    if not dataclasses.is_dataclass(kind):
        return kind(*fields)
    names = (field.name for field in dataclasses.fields(kind))
    return kind(**dict(zip(names, fields, strict=True)))


def _read_column(body: bytes) -> NDArray[Any]:
    import numpy as np

    (size,) = struct.unpack_from("!H", body)
    parts, is_simple = _decode(body[2 : 2 + size], _NONE, 4)
    kinds = [(str(name), str(kind)) for name, kind in parts]
    if any(kind.lstrip("<>|=")[:1] not in tuple("iufb") for _, kind in kinds):
        raise WireError("a column that is not of numbers")
    dtype = np.dtype(kinds[0][1]) if is_simple else np.dtype(kinds)
    return np.frombuffer(body, dtype, offset=2 + size).copy()
