"""The widget itself: what it holds for the page, and what it hears from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from ipywidgets import Widget, widget_serialization

from ._bundle import script, style, vega
from ._charts import specs
from ._frozen import Frozen
from ._kernel import cell_here, has_kernel
from ._text import TextOutput, words

if TYPE_CHECKING:
    from ._publisher import Publisher

__all__ = ["Library", "Panel"]


class Library(anywidget.AnyWidget):
    """Carries Vega to the page: a model without a view, one for all panels of a session."""

    _view_name = traitlets.Unicode(None, allow_none=True).tag(sync=True)  # type: ignore[assignment]

    def __init__(self) -> None:
        self._esm = vega()
        super().__init__()


class Panel(anywidget.AnyWidget):
    """Steers and watches a session, live; made by `Session.panel`.

    The last value of a cell shows it.  Run the cell again and the old one is closed.

    Parameters
    ----------
    publisher : Publisher
        What tells it the news and carries out what it asks for.
    library : Library
        Where the page has Vega from.

    Attributes
    ----------
    state : dict
        What the page shows, as plain values.
    rows : dict
        Rows of the charts, packed.
    """

    state = traitlets.Dict().tag(sync=True)
    rows = traitlets.Dict().tag(sync=True)
    specs = traitlets.Dict().tag(sync=True)
    library = traitlets.Instance(Widget).tag(sync=True, **widget_serialization)

    def __init__(self, publisher: Publisher, library: Library) -> None:
        self._publisher = publisher
        self._esm = script()
        self._css = style()
        self._text = TextOutput()
        self._views: int | None = None  # None: no page has said anything yet
        self.cell = cell_here()
        super().__init__(specs=specs(), library=library)
        self.on_msg(self._hear)

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be shown any more."""
        return self.comm is None

    @property
    def is_watched(self) -> bool:
        """Whether a page shows it, or may."""
        return not self.is_closed and self._views != 0

    def show(self, state: dict[str, Any], rows: dict[str, Any] | None) -> None:
        """Show news; what is the same as before is not sent."""
        if self.is_closed:
            return
        is_change = state.get("state") != self.state.get("state")
        self.state = state
        if rows is not None:
            self.rows = rows
        if is_change or not self._views or state["session"] == "closed":
            self._text.replace(words(state))

    def answer(self, number: object, **outcome: object) -> None:
        """Tell the page what came of its command."""
        if not self.is_closed:
            self.send({"answer": number, **outcome})

    def freeze(self) -> Frozen:
        """Return summary and charts of the latest run, for a cell to keep."""
        return Frozen(self._publisher.results())

    def keep(self) -> bool:
        """Leave `freeze` in the output below the panel; return whether there is one."""
        return self._text.freeze(self.freeze())

    def close(self) -> None:
        """Take the panel away; the run goes on."""
        self._publisher.forget(self)
        super().close()

    def _hear(self, _: object, message: object, buffers: object) -> None:
        """Take a message of the page; on whichever thread, and without waiting."""
        if not isinstance(message, dict):
            return
        match message.get("event"):
            case "ready":
                self._views = (self._views or 0) + 1
                self._publisher.wake()
            case "gone":
                self._views = max((self._views or 0) - 1, 0)
            case "command":
                self._publisher.perform(self, message)

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
