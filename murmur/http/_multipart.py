"""Forms with files, as browsers send them (RFC 7578)."""

from __future__ import annotations

import io
import mimetypes
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, TypeAlias

from murmur.errors import InvalidRequestError

from ._url import Pieces

FileContent: TypeAlias = "bytes | str | IO[bytes] | Path"

File: TypeAlias = "FileContent | tuple[str, FileContent] | tuple[str, FileContent, str]"
"""Content; or name and content; or name, content and type."""

Files: TypeAlias = "Mapping[str, File] | Iterable[tuple[str, File]]"


def multipart(form: Pieces | None, files: Files) -> tuple[bytes, str]:
    """Return body and content type of a form with files.

    Raises `InvalidRequestError` if something of it cannot be sent.
    """
    boundary = os.urandom(16).hex()
    parts = [_field(name, value) for name, value in _pairs("form", form or {})]
    parts += [_file(name, file) for name, file in _pairs("files", files)]
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts)
    return body + b"--%b--\r\n" % boundary.encode(), f"multipart/form-data; boundary={boundary}"


def _pairs(what: str, given: object) -> list[tuple[str, object]]:
    try:
        pairs = list(given.items() if isinstance(given, Mapping) else given)  # type: ignore[call-overload]
        found: list[tuple[str, object]] = []
        for name, value in pairs:
            several = isinstance(value, list)
            found += [(str(name), each) for each in value] if several else [(str(name), value)]
        return found
    except (TypeError, ValueError):
        raise InvalidRequestError(
            f"{what} is of type {type(given).__name__}: give a dict, or a list of pairs"
        ) from None


def _field(name: str, value: object) -> bytes:
    text = value if isinstance(value, bytes) else str(value).encode()
    return b'Content-Disposition: form-data; name="%b"\r\n\r\n%b' % (_quoted(name), text)


def _file(name: str, file: object) -> bytes:
    filename, content, kind = "", file, ""
    if isinstance(file, tuple):
        if len(file) not in {2, 3}:
            raise InvalidRequestError(
                f"files: {name!r} is a tuple of {len(file)}: give name, content and type"
            )
        filename, content, kind = (*file, "")[:3]
    data = _content(name, content)
    filename = filename or os.path.basename(str(getattr(content, "name", "") or "")) or name
    kind = kind or mimetypes.guess_type(filename)[0] or "application/octet-stream"
    head = b'Content-Disposition: form-data; name="%b"; filename="%b"\r\nContent-Type: %b\r\n\r\n'
    return head % (_quoted(name), _quoted(filename), _plain(kind)) + data


def _content(name: str, content: object) -> bytes:
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, Path):
        try:
            return content.read_bytes()
        except OSError as error:
            raise InvalidRequestError(f"files: {content}: {error.strerror}") from error
    if isinstance(content, io.TextIOBase):
        raise InvalidRequestError(f'files: {name!r} is a file of text: open it with "rb"')
    read = getattr(content, "read", None)
    data = read() if callable(read) else None
    if isinstance(data, bytes):
        return data
    raise InvalidRequestError(
        f"files: {name!r} is of type {type(content).__name__}: give bytes, text, a Path, or a file"
    )


def _quoted(text: str) -> bytes:
    """Return a name as it stands between quotation marks, escaped as browsers do it."""
    escaped = text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    return escaped.encode()


def _plain(kind: str) -> bytes:
    if not kind.isascii() or not kind.isprintable():
        raise InvalidRequestError(f"files: {kind!r} is no content type")
    return kind.encode("ascii")
