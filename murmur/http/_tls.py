"""TLS of a client: the authorities it trusts, and the certificate that it shows."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._options import Options


class _Locked(Exception):  # noqa: N818 - no error: it keeps OpenSSL from asking
    """A key needs a password that was not given."""


def context_of(options: Options) -> ssl.SSLContext:
    """Return a context for connections as `options` say."""
    context = ssl.create_default_context(cafile=options.ca)
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.certificate is not None:
        password = options.password if options.password is not None else _ask_nobody
        context.load_cert_chain(options.certificate, options.key, password)
    return context


def tls_problems(options: Options) -> Iterator[str]:
    """Yield what is wrong with the files that TLS needs, each by its name."""
    if options.certificate is None:
        for name in ("key", "password"):
            if getattr(options, name) is not None:
                yield f"{name} without a certificate: give certificate as well"
    if options.password is not None and not isinstance(options.password, str):
        yield "password: give text"
        return
    given = [name for name in ("ca", "certificate", "key") if getattr(options, name) is not None]
    wrong = [each for name in given for each in _unreadable(name, getattr(options, name))]
    yield from wrong
    if wrong:
        return
    if options.ca is not None:
        yield from _wrong_authorities(options.ca)
    if options.certificate is not None:
        yield from _wrong_certificate(options)


def _unreadable(name: str, path: object) -> Iterator[str]:
    if not isinstance(path, (str, Path)):
        yield f"{name}={path!r}: give the path of one file"
        return
    try:
        with open(path, "rb"):
            return
    except OSError as error:
        yield f"{name}={os.fspath(path)!r}: {(error.strerror or str(error)).lower()}"
    except ValueError as error:
        yield f"{name}={os.fspath(path)!r}: {error}"


def _wrong_authorities(path: str | Path) -> Iterator[str]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError as error:
        yield f"ca={os.fspath(path)!r}: no certificates in PEM ({error.reason or error})"


def _wrong_certificate(options: Options) -> Iterator[str]:
    certificate, key = options.certificate, options.key
    assert certificate is not None
    shown = f"certificate={os.fspath(certificate)!r}"
    if key is not None:
        shown += f", key={os.fspath(key)!r}"
    password = options.password if options.password is not None else _ask_nobody
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password)
    except _Locked:
        yield f"{shown}: the key is encrypted; give password"
    except ssl.SSLError as error:
        reason = error.reason or "no PEM"
        if reason == "KEY_VALUES_MISMATCH":
            yield f"{shown}: the key belongs to another certificate"
        elif options.password is not None and b"ENCRYPTED" in Path(key or certificate).read_bytes():
            yield f"{shown}: the password does not fit"
        elif key is None and reason in {"PEM_LIB", "PEM lib", "no PEM"}:
            yield f"{shown}: no certificate with its key in PEM; a key of its own goes to key"
        else:
            yield f"{shown}: no certificate and key in PEM ({reason})"


def _ask_nobody() -> str:
    raise _Locked
