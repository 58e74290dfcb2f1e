"""Loads ``%amoc`` into a shell, and takes everything out again."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from murmur._session import Session

from ._amoc import Amoc
from ._completion import matcher_for


def load(ip: InteractiveShell, session: Session | None = None) -> None:
    """Register ``%amoc`` and its completion; what ``%load_ext murmur`` does.

    Charts are drawn as SVG from now on, which needs no network, unless another Altair
    renderer was chosen.  Loading again only replaces the session, if one is given.

    Parameters
    ----------
    ip : InteractiveShell
        The shell.
    session : Session, optional
        The session to steer; `murmur.session`, the notebook's default, if not given.
    """
    amoc = _loaded(ip)
    if amoc is not None:
        if session is not None:
            amoc.session = session
        return
    amoc = Amoc(ip, session)
    ip.register_magics(amoc)
    amoc.undo.callback(_unregister, ip, amoc)
    matcher = matcher_for(amoc.context)
    ip.Completer.custom_matchers.append(matcher)
    amoc.undo.callback(ip.Completer.custom_matchers.remove, matcher)
    if find_spec("altair") is None:
        return
    from murmur.charts import disable_offline_charts, enable_offline_charts

    if enable_offline_charts():
        amoc.undo.callback(disable_offline_charts)


def unload(ip: InteractiveShell) -> None:
    """Take out what `load` put in; the session and its run are left alone."""
    amoc = _loaded(ip)
    if amoc is not None:
        amoc.undo.close()


def _unregister(ip: InteractiveShell, amoc: Amoc) -> None:
    manager = ip.magics_manager  # which has no call for this
    del manager.registry[Amoc.__name__]
    for magics in manager.magics.values():
        magics.pop("amoc", None)
    configurables: list[Any] = ip.configurables  # where Magics.__init__ has entered it
    configurables.remove(amoc)


def _loaded(ip: InteractiveShell) -> Amoc | None:
    amoc: Amoc | None = ip.magics_manager.registry.get(Amoc.__name__)
    return amoc
