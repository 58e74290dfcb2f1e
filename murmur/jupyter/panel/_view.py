"""Base of all that a page shows of a session: it hears the publisher and hands on clicks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets
from ipywidgets import Widget, widget_serialization

from murmur import _vega

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from murmur.results import Results

    from ._publisher import Publisher

    class AnyWidget(traitlets.HasTraits):
        """The part of anywidget's class that is used here: ipywidgets below it is untyped."""

        comm: object | None
        _esm: object
        _css: object

        def __init__(self, **traits: object) -> None: ...
        def send(self, content: object) -> None: ...
        def send_state(self, key: str) -> None: ...
        def on_msg(self, callback: Callable[[Any, Any, Any], None]) -> None: ...
        def close(self) -> None: ...
        def hold_sync(self) -> AbstractContextManager[None]: ...
        def _repr_mimebundle_(self, **options: object) -> object: ...

else:
    from anywidget import AnyWidget

_HERE = Path(__file__).parent

SCRIPTS = (
    "elements.js",
    "format.js",
    "fields.js",
    "controls.js",
    "settings.js",
    "throttles.js",
    "tables.js",
    "figures.js",
    "charts.js",
    "contact.js",
    "parts.js",
    "panel.js",
)
"""The parts of the panel's script, in the order in which they are put together."""


class Library(AnyWidget):
    """Carries Vega to the page: a model without a view, one for all charts of a session."""

    _view_name = traitlets.Unicode(None, allow_none=True).tag(sync=True)

    def __init__(self) -> None:
        self._esm = vega()
        super().__init__()


class View(AnyWidget):
    """A widget that shows a session and steers it.

    Parameters
    ----------
    publisher : Publisher
        What tells it the news and carries out what it asks for.
    **traits
        What it begins with.

    Attributes
    ----------
    part : str
        Which part of the panel it is; empty for the panel itself.
    state : dict
        What the page shows, as plain values.
    rows : dict
        Rows of the charts, packed.
    specs : dict
        Specifications of the charts, by name.
    """

    part: traitlets.Unicode[str, str | bytes] = traitlets.Unicode("").tag(sync=True)
    state: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    rows: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    specs: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    library: traitlets.Instance[Any] = traitlets.Instance(Widget, allow_none=True).tag(
        sync=True, **widget_serialization
    )

    # Told while a run is on, whatever is the same as before: a page takes silence for a fault.
    second: traitlets.Int[int, int] = traitlets.Int(0).tag(sync=True)

    _publisher: Publisher | None = None  # of one that could not be made

    def __init__(self, publisher: Publisher, **traits: object) -> None:
        self._publisher = publisher
        self._esm = script()
        self._css = style()
        self._pages: int | None = None  # None: no page has said anything yet
        super().__init__(**traits)
        self.on_msg(self._hear)

    @property
    def publisher(self) -> Publisher:
        """What it is told the news by."""
        assert self._publisher is not None
        return self._publisher

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be shown any more."""
        return self.comm is None

    @property
    def is_watched(self) -> bool:
        """Whether a page shows it, or may."""
        return not self.is_closed and self._pages != 0

    def show(self, state: dict[str, Any], rows: dict[str, Any] | None) -> None:
        """Show news; what is the same as before is not sent."""
        if self.is_closed:
            return
        self.state = state
        if rows is not None:
            self.rows = rows

    def repeat(self) -> None:
        """Send what is shown once more, for a page that it did not reach."""
        if not self.is_closed:
            self.send_state("state")
            self.send_state("rows")

    def answer(self, number: object, **outcome: object) -> None:
        """Tell the page what came of its command."""
        if not self.is_closed:
            self.send({"answer": number, **outcome})

    @property
    def typed(self) -> Mapping[str, str]:
        """What was typed into its form and waits to be used; secrets too, so it is no trait."""
        return {}

    def is_due(self, now: float, news: object) -> bool:
        """Whether `draw` should be called: `now` on the loop's clock, if there are `news`."""
        return False

    def draw(self, results: Results) -> None:
        """Draw `results`, in a thread of its own: it may take its time."""

    def is_replaced_by(self, later: View) -> bool:
        """Whether `later` is shown by the same cell, run again."""
        return False

    def close(self) -> None:
        """Take it away; the run goes on."""
        if self._publisher is not None:
            self._publisher.forget(self)
        super().close()

    def _hear(self, _: object, message: object, buffers: object) -> None:
        """Take a message of the page; on whichever thread, and without waiting."""
        if not isinstance(message, dict):
            return
        match message.get("event"):
            case "ready":
                self._pages = (self._pages or 0) + 1
                self.send_state("state")  # what was sent before may have found no page
                self.publisher.wake()
            case "gone":
                self._pages = max((self._pages or 0) - 1, 0)
            case "library":  # the front end did not make the model that carries it
                self.send({"vega": vega()})
            case "command":
                self.publisher.perform(self, message)


@cache
def script() -> str:
    """Return the panel's own ES module."""
    return "\n".join((_HERE / "front" / name).read_text(encoding="utf-8") for name in SCRIPTS)


@cache
def style() -> str:
    """Return the panel's style sheet."""
    return (_HERE / "front" / "panel.css").read_text(encoding="utf-8")


@cache
def vega() -> str:
    """Return the ES module that hands Vega to the charts."""
    return f"{_vega.script()}\nexport default {{}};\n"
