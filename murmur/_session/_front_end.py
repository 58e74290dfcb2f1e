"""The way up to the panel, which stands above the session and is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from murmur.errors import MissingExtraError

if TYPE_CHECKING:
    from murmur.jupyter.panel import Publisher

    from ._session import Session


def publisher_of(session: Session) -> Publisher:
    """Return what keeps the panels of `session` up to date.

    Raises `MissingExtraError` if a package that panels need is not installed.
    """
    try:
        from murmur.jupyter.panel import Publisher, Subject
    except ImportError as error:
        raise MissingExtraError("session.panel", "notebook", str(error.name)) from error
    return Publisher(Subject(session))
