"""The widget itself: what it holds for the page, and what it hears from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import traitlets
from IPython.core.getipython import get_ipython

from murmur._given import needed

from ._charts import specs
from ._frozen import Frozen
from ._text import TextOutput, words
from ._view import Library, View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._publisher import Publisher


class Panel(View):
    """Steers and watches a session, live; made by `Session.panel`.

    The last value of a cell shows it.  Run the cell again and the old one is closed.

    Parameters
    ----------
    publisher : Publisher
        What tells it the news and carries out what it asks for.
    library : Library
        Where the page has Vega from.
    controls : bool, default True
        Whether there are controls and settings, or only what can be seen.
    charts : sequence of str, optional
        Which charts, in this order; all unless given.
    columns : int, optional
        Charts beside each other; as many as fit unless given.

    Attributes
    ----------
    state : dict
        What the page shows, as plain values.
    rows : dict
        Rows of the charts, packed.
    """

    layout_of_parts: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        publisher: Publisher,
        library: Library,
        *,
        controls: bool = True,
        charts: Sequence[str] | None = None,
        columns: int | None = None,
    ) -> None:
        is_count = isinstance(columns, int) and columns > 0
        needed(columns is None or is_count, "columns", columns, "give a whole number from 1")
        self._text = TextOutput()
        self.cell: Cell = cell_here()
        parts = {"controls": controls, "columns": columns}
        super().__init__(publisher, specs=specs(charts), library=library, layout_of_parts=parts)

    def is_replaced_by(self, later: View) -> bool:
        """Whether `later` is the panel of the same cell, run again."""
        return isinstance(later, Panel) and self.cell.is_replaced_by(later.cell)

    def show(self, state: dict[str, Any], rows: dict[str, Any] | None) -> None:
        """Show news; what is the same as before is not sent."""
        if self.is_closed:
            return
        is_change = _gist(state) != _gist(self.state)
        super().show(state, rows)
        if is_change or not self._pages or state["session"] == "closed":
            self._text.replace(words(state))

    def freeze(self) -> Frozen:
        """Return summary and charts of the latest run, for a cell to keep."""
        return Frozen(self.publisher.results())

    def keep(self) -> bool:
        """Leave `freeze` in the output below the panel; return whether there is one."""
        return self._text.is_shown and self._text.freeze(self.freeze())

    def __repr__(self) -> str:
        return "<murmur panel>" if has_kernel() else words(self.state)

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - as IPython has it
        if not has_kernel():
            return {"text/plain": repr(self)}
        return super()._repr_mimebundle_(**options)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        bundle = self._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        display(data, metadata=metadata, raw=True)
        if has_kernel():
            self._text.show("murmur panel")


def _gist(state: dict[str, Any]) -> object:
    """Return what changes the text for pages that show no widgets."""
    return state.get("state"), (state.get("verdict") or {}).get("state"), state.get("unseen")


class Cell(NamedTuple):
    """One execution of a cell."""

    # the cell's own, which stays when it is run again; empty if the front end tells none
    id: str = ""
    execution: str = ""  # id of the request that runs it

    def is_replaced_by(self, later: Cell) -> bool:
        """Whether `later` is the same cell, run again."""
        return bool(self.id) and self.id == later.id and self.execution != later.execution


def has_kernel() -> bool:
    """Return whether displays go to a front end, which may know widgets."""
    return getattr(get_ipython(), "kernel", None) is not None


def cell_here() -> Cell:
    """Return the cell that is being run now, as far as the front end tells."""
    if not has_kernel():
        return Cell()
    shell: Any = get_ipython()
    request = shell.get_parent() or {}
    return Cell(
        str(request.get("metadata", {}).get("cellId") or ""),
        str(request.get("header", {}).get("msg_id") or ""),
    )
