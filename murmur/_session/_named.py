"""Mappings by name whose errors say what names there are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import ItemsView, Mapping, ValuesView
from typing import Any, TypeVar

from murmur._guard import heard

K = TypeVar("K")
V_co = TypeVar("V_co", covariant=True)


class Named(Mapping[K, V_co]):
    """A mapping that raises its own error for an unknown name, which is no `KeyError`.

    `Mapping` takes ``in`` and `get` from `__getitem__` and expects a `KeyError`; here they
    look at the names instead.
    """

    def __contains__(self, name: object) -> bool:
        """Return whether there is something of that name."""
        return bool(heard(lambda: name in tuple(self)).value)  # an array is like no name

    def get(self, name: K, default: Any = None, /) -> Any:  # noqa: ANN401 - as Mapping has it
        """Return what goes by the name, or `default`."""
        try:
            return self[name] if name in self else default  # noqa: SIM401 - this is `get`
        except LookupError:  # it went meanwhile
            return default

    @abstractmethod
    def _all(self) -> Mapping[K, V_co]:
        """Return everything as it is at one moment."""

    def items(self) -> ItemsView[K, V_co]:
        """Return names and what goes by them, all of one moment: others come and go."""
        return self._all().items()

    def values(self) -> ValuesView[V_co]:
        """Return what goes by the names, all of one moment."""
        return self._all().values()

    def _ipython_key_completions_(self) -> list[K]:
        """Return what a Tab offers between the brackets."""
        return list(self)
