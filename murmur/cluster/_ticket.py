"""Tickets that let a process into a session, and the session's own certificate authority.

A ticket holds an address and a certificate with its key.  Whoever has one may run this
session's code and feed it data, so it is a secret; nothing shows its key unless asked to.
What it lets its holder do stands in the certificate, where nobody else can write.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import ssl
import stat
import tempfile
import time
import zlib
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from murmur.errors import MissingExtraError, TicketError
from murmur.scenario import read_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

JOIN, STEER, LOOK = "join", "steer", "look"
"""What a ticket may be good for: being a node, steering the run, looking at it."""

ANYTHING = (JOIN, STEER, LOOK)

STEERING_NAME = "steering.murmur.internal"
"""The name in the steering kernel's certificate, whatever its host is called."""

PREFIX = "murmur-ticket-1:"
"""How the text of a ticket begins; the number is that of its format."""

LONGEST = timedelta(days=365)
"""How long the authority of a session lives."""

END_OF_TIME = datetime.max.replace(tzinfo=UTC).timestamp()
"""The last moment that has a date, in UNIX seconds."""

SKEW = timedelta(days=1)
"""How far clocks of hosts may differ before a new certificate counts as not yet valid."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to be a node of a session, or to steer it, or to look at it.  It is a secret.

    Attributes
    ----------
    name : str
        What `Session.revoke` takes.
    rights : tuple of str
        What it lets its holder do: "join", "steer", "look".
    address : str
        Where the steering kernel listens, ``host:port``.
    expires_at : float
        When it stops to let anybody in, in UNIX seconds.  Who is in stays in.
    authority, certificate, key : str
        The certificates of the session and of its nodes and their key, in PEM.

    Notes
    -----
    `text` is the ticket as one line, `save` writes it to a file that only its owner can
    read.  Both are accepted wherever a ticket is asked for.
    """

    address: str
    expires_at: float
    authority: str = field(repr=False)
    certificate: str = field(repr=False)
    key: str = field(repr=False)
    name: str = ""
    rights: tuple[str, ...] = ANYTHING

    @property
    def text(self) -> str:
        """The whole ticket, key included, as one line."""
        data = zlib.compress(json.dumps(asdict(self)).encode(), 9)
        return PREFIX + base64.urlsafe_b64encode(data).decode()

    @property
    def has_expired(self) -> bool:
        """Whether it lets nobody in any more."""
        return time.time() >= self.expires_at

    def save(self, path: str | Path) -> Path:
        """Write the ticket to a file with mode 0600, and return its path."""
        path = Path(path)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600 as made
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(self.text + "\n")
            return Path(draft).replace(path)
        except OSError:
            Path(draft).unlink(missing_ok=True)
            raise

    @classmethod
    def read(cls, source: Ticket | str | Path) -> Ticket:
        """Return the ticket that `source` is: itself, its text, or a file with it.

        Raises
        ------
        TicketError
            If it is none, is damaged, or has expired.
        """
        ticket = source if isinstance(source, Ticket) else cls._parse(_text_of(source))
        if ticket.has_expired:
            raise TicketError(
                f"it expired at {shown_time(ticket.expires_at)}, and this machine's clock shows "
                f"{shown_time(time.time())}; session.open() gives a new one"
            )
        return ticket

    @staticmethod
    def is_awaited(source: Ticket | str | Path) -> bool:
        """Return whether `source` is the path of a file that is not there yet."""
        if isinstance(source, Ticket) or str(source).strip().startswith(PREFIX):
            return False
        return not os.path.exists(os.path.expanduser(str(source).strip()))

    @classmethod
    def _parse(cls, text: str) -> Ticket:
        if not text.startswith(PREFIX):
            raise TicketError(f"it does not begin with {PREFIX!r}; is the file or text complete?")
        try:
            data = base64.urlsafe_b64decode(text.removeprefix(PREFIX))
            facts: dict[str, Any] = json.loads(zlib.decompressobj().decompress(data, 2**16))
            facts["rights"] = tuple(facts["rights"])
            ticket = cls(**facts)
            _check(ticket)
        except (ValueError, TypeError, KeyError, RecursionError, zlib.error):
            raise TicketError("it is damaged; copy it again, as a whole") from None
        return ticket

    def demand(self, right: str) -> None:
        """Refuse to be used for `right` if this ticket is not good for that.

        Raises
        ------
        TicketError
            If its holder may not do that.
        """
        if right not in self.rights:
            may = " and ".join(self.rights)
            raise TicketError(f"it lets its holder {may}, and not {right}")

    def context(self) -> ssl.SSLContext:
        """Return what its holder connects with."""
        context = _context(ssl.PROTOCOL_TLS_CLIENT, self.authority, self.certificate, self.key)
        context.check_hostname = True
        return context


@dataclass(frozen=True, slots=True)
class Holder:
    """Who connects, as the certificate says."""

    ticket: str = ""
    rights: tuple[str, ...] = ANYTHING  # what it is good for

    @classmethod
    def of(cls, certificate: Mapping[str, Any]) -> Holder:
        """Return the holder of a certificate that was checked, as `ssl` describes it."""
        facts = {key: value for part in certificate.get("subject", ()) for key, value in part}
        rights = facts.get("organizationalUnitName", "")
        return cls(facts.get("commonName", ""), tuple(rights.split()))


class Authority:
    """Signs the certificates of one session; its own key never leaves this process."""

    def __init__(self) -> None:
        self._key = _new_key()
        self._name = _named("murmur session")
        self._certificate = self._sign(self._key, self._name, LONGEST, is_authority=True)

    def ticket(
        self,
        address: str,
        lifetime: float,
        *,
        name: str = "ticket",
        rights: tuple[str, ...] = ANYTHING,
    ) -> Ticket:
        """Return a new ticket for the steering kernel at `address`, good for so many seconds."""
        key = _new_key()
        lasts = timedelta(seconds=lifetime)
        return Ticket(
            address=address,
            expires_at=time.time() + lifetime,
            authority=_pem(self._certificate),
            certificate=_pem(self._sign(key, _named(name, " ".join(rights)), lasts)),
            key=_secret_pem(key),
            name=name,
            rights=rights,
        )

    def context(self) -> ssl.SSLContext:
        """Return what the steering kernel listens with: it asks everybody for a certificate."""
        key = _new_key()
        name = _named(STEERING_NAME)
        certificate = self._sign(key, name, LONGEST, host=STEERING_NAME)
        authority = _pem(self._certificate)
        return _context(ssl.PROTOCOL_TLS_SERVER, authority, _pem(certificate), _secret_pem(key))

    def _sign(
        self,
        key: EllipticCurvePrivateKey,
        subject: x509.Name,
        lasts: timedelta,
        *,
        host: str = "",
        is_authority: bool = False,
    ) -> x509.Certificate:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(now + lasts)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )
        builder = builder.add_extension(_usage(host, is_authority=is_authority), critical=True)
        if host:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        signed: x509.Certificate = builder.sign(self._key, hashes.SHA256())
        return signed


def shown_time(seconds: float) -> str:
    """Return a moment, in UNIX seconds, for a sentence."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _usage(host: str, *, is_authority: bool) -> x509.ExtensionType:
    """Return what a certificate is good for.

    That of a node must not do for a steering kernel, nor the other way round.
    """
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    if is_authority:
        return x509.KeyUsage(**{name: name in ("key_cert_sign", "crl_sign") for name in _USAGES})
    usage = ExtendedKeyUsageOID.SERVER_AUTH if host else ExtendedKeyUsageOID.CLIENT_AUTH
    return x509.ExtendedKeyUsage([usage])


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _check(ticket: Ticket) -> None:
    """Raise `ValueError` if a field, which somebody else may have written, is none."""
    texts: list[object] = [ticket.address, ticket.authority, ticket.certificate, ticket.key]
    texts += [ticket.name, *ticket.rights]
    if not all(isinstance(text, str) and text.isascii() for text in texts):
        raise ValueError("these are no texts")
    given: object = ticket.expires_at
    if not isinstance(given, (int, float)) or not 0 < given < END_OF_TIME:
        raise ValueError("this is no time")
    host, _, port = ticket.address.rpartition(":")
    if not host or not port.isdecimal() or len(port) > 5 or not 0 < int(port) < 2**16:
        raise ValueError("this is no address")
    for text in (ticket.authority, ticket.certificate):
        ssl.PEM_cert_to_DER_cert(text)
    if "PRIVATE KEY-----" not in ticket.key:
        raise ValueError("this is no key")


def _text_of(source: str | Path) -> str:
    text = str(source).strip()
    if text.startswith(PREFIX):
        return text
    try:
        path = Path(text).expanduser()
        data = read_file(path, is_regular=False)
        _check_private(path)
        return data.decode("ascii").strip()
    except TicketError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise TicketError(
            f"it is neither the text of one nor a file that can be read ({reason})"
        ) from None


def _check_private(path: Path) -> None:
    """Raise TicketError if all may read a ticket of one's own, much as ssh does of a key.

    A group may: that is how Kubernetes hands a secret to whoever is not root.
    """
    facts = path.stat()
    is_own = os.name == "posix" and facts.st_uid == os.getuid() and stat.S_ISREG(facts.st_mode)
    if is_own and facts.st_mode & 0o007:
        mode = stat.S_IMODE(facts.st_mode)
        raise TicketError(
            f"its mode {mode:04o} lets everybody on this machine read it, and whoever has it can "
            f"be a node; run chmod 600 {shlex.quote(str(path))}"
        )


def _context(protocol: int, authority: str, certificate: str, key: str) -> ssl.SSLContext:
    """Return a context that shows a certificate and demands one of the same authority."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority)
    with tempfile.TemporaryDirectory(prefix="murmur-") as directory:  # Python reads files only
        chain = Path(directory) / "chain.pem"
        chain.touch(mode=0o600)
        chain.write_text(certificate + key, encoding="ascii")
        context.load_cert_chain(chain)
    return context


def _named(name: str, rights: str = "") -> x509.Name:
    from cryptography import x509

    parts = {x509.oid.NameOID.COMMON_NAME: name, x509.oid.NameOID.ORGANIZATIONAL_UNIT_NAME: rights}
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts.items() if text])


def _new_key() -> EllipticCurvePrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise MissingExtraError("a cluster", "cluster", "cryptography") from None
    return ec.generate_private_key(ec.SECP256R1())


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def _secret_pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret.decode("ascii")
