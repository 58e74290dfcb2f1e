"""The notebook's own session, made when it is first asked for."""

from __future__ import annotations

from murmur._backend import thread_lock

from ._session import Session

_default: list[Session] = []
_making = thread_lock()  # two threads that ask at once get the same


def session() -> Session:
    """Return the default session of this process; `%amoc` steers it too.

    It is made by the first call and closed when the interpreter exits.  A closed one is
    replaced.

    Examples
    --------
    >>> import murmur
    >>> murmur.session() is murmur.session()
    True
    """
    with _making:
        if not _default or _default[0].is_closed:
            _default[:] = [Session()]
        return _default[0]


def is_default(asked: Session) -> bool:
    """Whether `asked` is what `session` returns, without making one."""
    return any(known is asked for known in _default)
