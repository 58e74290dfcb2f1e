"""The class that every scenario derives from: a `HasTraits` whose traits are settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path, PurePath
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, Literal

import traitlets
from traitlets import Float, HasTraits, TraitType

from murmur.errors import ReadOnlySettingError, UnknownSettingError

from ._declarations import is_live, live_names, refuse_duplicates, settings_of, shown
from ._files import path_to


class _ScenarioType(traitlets.MetaHasTraits):
    """Refuses a class whose bases contradict each other."""

    def __init__(
        cls,  # noqa: N805 - this is a metaclass
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, object],
        **keywords: object,
    ) -> None:
        super().__init__(name, bases, namespace, **keywords)
        _stay_live(cls, namespace)
        # A class statement always sets __qualname__.  cloudpickle first makes an empty
        # class and fills it afterwards: what would settle a clash is not there yet.
        if "__qualname__" in namespace and issubclass(cls, HasTraits):
            refuse_duplicates(cls)


def _stay_live(cls: type, namespace: Mapping[str, object]) -> None:
    """Let a setting that every scenario has stay live where a class declares it anew.

    It is how a scenario gets a default of its own; the tag is easily forgotten.
    """
    root = next((base for base in cls.__mro__ if base.__module__ == __name__), None)
    if root is None or root is cls:
        return
    for name, trait in namespace.items():
        known = vars(root).get(name)
        if not isinstance(trait, TraitType) or not isinstance(known, TraitType):
            continue
        if is_live(known) and not trait.read_only:
            trait.metadata.setdefault("live", True)


class Scenario(HasTraits, metaclass=_ScenarioType):
    """What one virtual user does, and the settings that shape it.

    Derive from it, declare settings as traits, and write ``start``.  The first line of
    the docstring is the scenario's description.

    Parameters
    ----------
    **settings : object
        Values for an instance made by hand, as in a unit test.  A run makes its own
        instance from arguments, environment and defaults.

    Attributes
    ----------
    user_rate : float
        Users admitted per minute over the whole cluster.  Live, also where a class declares
        it anew, unless that says ``tag(live=False)``; 0 holds, ``inf`` admits all at once.
    grace : float
        Seconds a user has to leave before it is removed by force, and then to clean up.
    leftovers : {"tell", "cancel"}
        What becomes of asyncio tasks that a user started and left behind: they are reported in
        any case, and may be cancelled.  An attribute of the class and no setting.
    modules : collection of str or module
        Modules that travel to nodes by value.  Of the class, and no setting.
    files : collection of str or Path
        Data files beside the class's own that travel to nodes, where `path_to` finds them.
        Of the class, and no setting.

    Raises
    ------
    UnknownSettingError
        If a keyword names no setting.

    Notes
    -----
    A scenario may define, each as ``async def`` or plain ``def``:

    * ``init(self)``: once per run and node; what it returns is the state.
    * ``start(self, user)`` or ``start(self, user, state)``: once per user; required.
    * ``terminate(self)`` or ``terminate(self, state)``: once per run and node.
    * ``changed(self, name, old, new)``: after a live setting has changed.

    During a run only live settings can be assigned; any other attribute is free.

    Examples
    --------
    >>> import murmur.scenario, traitlets
    >>> class Chat(murmur.scenario.Scenario):
    ...     '''Users greet each other.'''
    ...     port = traitlets.Int(8888, min=1, max=65535, help="port to connect to")
    ...     async def start(self, user):
    ...         ...
    >>> Chat(port=9000)
    Chat(port=9000)
    """

    user_rate: Float[float, int | float] = Float(
        1200.0,
        min=0,
        help="users admitted per minute over the whole cluster; 0 holds, inf admits all at once",
    ).tag(live=True)
    grace: Float[float, int | float] = Float(
        2.0, min=0, help="seconds a user has to leave before it is removed by force"
    )

    leftovers: ClassVar[Literal["tell", "cancel"]] = "tell"
    modules: ClassVar[Collection[str | ModuleType]] = ()
    files: ClassVar[Collection[str | Path]] = ()

    _murmur_locked: bool = False  # true for the life of a run
    _murmur_held: list[traitlets.Bunch] | None = None  # where notifications go while held

    def __init__(self, **settings: object) -> None:
        declared = settings_of(type(self))
        unknown = [name for name in settings if name not in declared]
        if unknown:
            raise UnknownSettingError(unknown, declared)
        super().__init__(**settings)

    def notify_change(self, change: traitlets.Bunch) -> None:
        """Tell the observers of a change, unless an update holds the notifications back."""
        if self._murmur_held is None:
            super().notify_change(change)
        else:
            self._murmur_held.append(change)

    @classmethod
    def path_to(cls, name: str | PurePath) -> Path:
        """Return where one of ``files`` is on this node.

        Parameters
        ----------
        name : str or path
            The file, as ``files`` names it.

        Raises
        ------
        InvalidScenarioError
            If ``files`` does not name it.

        Examples
        --------
        >>> import murmur
        >>> class Shop(murmur.Scenario):
        ...     '''Users buy what the list has.'''
        ...     files = ["prices.csv"]
        ...     async def init(self):
        ...         return self.path_to("prices.csv").read_text(encoding="utf-8")
        ...     async def start(self, user, prices): ...
        """
        return path_to(cls, name)

    if not TYPE_CHECKING:  # a visible __setattr__ would hide misspelt attributes from mypy

        def __setattr__(self, name, value):
            """Refuse to change a setting that is not live while the scenario runs."""
            if self._murmur_locked:
                trait = settings_of(type(self)).get(name) if name in self._traits else None
                if trait is not None and not is_live(trait):
                    raise ReadOnlySettingError([name], live_names(type(self)))
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        """Return class and settings; secrets are masked, and no default is computed."""
        held = (
            f"{name}={shown(trait, getattr(self, name))!r}"
            for name, trait in settings_of(type(self)).items()
            if self.trait_has_value(name)
        )
        return f"{type(self).__name__}({', '.join(held)})"
