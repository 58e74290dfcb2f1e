"""Blocks of header fields of HTTP/2 that were packed or read before, found again.

`hpack` is written in Python, and packs and reads field by field.  The requests of a client
are alike, and so are a server's answers for a second or longer: as long as the table that
both sides keep does not change, the same fields are the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import hpack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from h2.config import H2Configuration
    from hpack.table import HeaderTable

MOST = 256
"""Blocks that each side of a connection remembers."""

LONGEST = 4_096
"""Bytes of a block that is remembered."""


class Head(NamedTuple):
    """What the fields of an answer say."""

    status: int  # 0 if they are none of an answer
    fields: tuple[tuple[bytes, bytes], ...]  # without those of HTTP/2 itself
    size: int  # bytes of all names and values
    length: int | None  # bytes that its body has, if it says so
    may_set_cookies: bool
    may_be_packed: bool

    @classmethod
    def of(cls, fields: Iterable[tuple[bytes, bytes]]) -> Head:
        """Return what fields say that were looked at before."""
        told, size = dict(fields), sum(len(name) + len(value) for name, value in fields)
        status, length = told.get(b":status", b""), told.get(b"content-length")
        return cls(
            int(status) if len(status) == 3 and status.isdigit() else 0,
            tuple(pair for pair in fields if not pair[0].startswith(b":")),
            size,
            None if length is None else int(length) if length.isdigit() else -1,
            b"set-cookie" in told,
            b"content-encoding" in told,
        )


class Packer(hpack.Encoder):
    """Packs fields; those of a block that was packed before are looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.packed: tuple[Any, ...] = ()  # the fields of the last block, as they were given
        self._known: dict[tuple[Any, ...], bytes] = {}

    def known(self, fields: tuple[Any, ...]) -> bytes | None:
        """Return the block of `fields` if it is still what it was."""
        return None if self.header_table.resized else self._known.get(fields)

    def encode(self, headers: Iterable[Any], huffman: bool = True) -> bytes:
        """Return the block of `headers`."""
        self.packed = fields = tuple(headers)
        table = self.header_table
        tells_size = table.resized
        if not tells_size and (known := self._known.get(fields)) is not None:
            return known
        before = _newest(table)
        block = super().encode(fields, huffman)
        if tells_size or _newest(table) is not before:
            self._known.clear()
        elif len(block) <= LONGEST:
            remember(self._known, fields, block)
        return block


class Reader(hpack.Decoder):
    """Reads blocks; one that was read before is looked up."""

    def __init__(
        self,
        # has the fields of a block looked at unless it was read before: a connection ends when
        # there is anything wrong with them
        config: H2Configuration,
    ) -> None:
        super().__init__()
        self._config = config
        self._known: dict[bytes, Any] = {}
        self._heads: dict[bytes, Head] = {}

    def head(self, block: bytes) -> Head | None:
        """Return what a block says that was read before, if it is still the same."""
        head = self._heads.get(block)
        if head is None and (fields := self._known.get(block)) is not None:
            head = Head.of(fields)
            remember(self._heads, block, head)
        return head

    def forget(self) -> None:
        """Read all blocks anew that come."""
        self._known.clear()
        self._heads.clear()

    def decode(self, data: bytes, raw: bool = False) -> Any:  # noqa: ANN401 - as `hpack` has it
        """Return the fields of a block."""
        known = self._known.get(data)
        self._config.validate_inbound_headers = known is None
        if known is not None:
            return known
        before = _newest(self.header_table)
        fields = super().decode(data, raw)
        if _newest(self.header_table) is not before:
            self.forget()
        elif len(data) <= LONGEST and not _tells_size(data):
            remember(self._known, data, fields)
        return fields


def _newest(table: HeaderTable) -> object:
    """Return what is another object after every change: of the table, its newest entry."""
    return table.dynamic_entries[0] if table.dynamic_entries else None


def _tells_size(block: bytes) -> bool:
    """Whether a block begins with a new size of the table (RFC 7541, 6.3)."""
    return bool(block) and block[0] & 0xE0 == 0x20


def remember(known: dict[Any, Any], key: object, value: object) -> None:
    """Keep a value by its key; one too many, and all others are forgotten."""
    if len(known) >= MOST:
        known.clear()
    known[key] = value
