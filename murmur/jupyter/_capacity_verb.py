"""The verb of ``%amoc`` that searches for capacity, and the progress that it shows."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.display import HTML, display

from murmur.scenario import find, parse_settings

from ._verb import Call, Kind, Parameter, Verb

if TYPE_CHECKING:
    from murmur.results.capacity import Search, Step

    from ._context import Context

__all__ = ["CAPACITY_VERB"]


class Progress:
    """One output of the cell: a bar, the step that was taken last, and what is known so far.

    Parameters
    ----------
    most : int
        Steps that a search takes at most.
    """

    def __init__(self, most: int = 14) -> None:
        self._most = most
        self._handle = display(HTML("searching…"), display_id=True)

    def __call__(self, step: Step, search: Search) -> None:
        """Show one more step."""
        low, high = search.interval()
        text = (
            f"step {len(search.asked)}: {step.load:,.6g} {step.answer}"
            f"{f' ({step.reason})' if step.reason else ''}; "
            f"between {low:,.4g} and {high:,.4g} so far"
        )
        bar = f"<progress max='{self._most}' value='{len(search.asked)}'></progress>"
        if self._handle is not None:
            self._handle.update(HTML(f"{bar} {escape(text)}"))


def _capacity(context: Context, call: Call) -> object:
    scenario = find(call.values["name"], context.namespace)
    keywords: dict[str, Any] = call.given(
        "by", "low", "high", "hold", "warm_up", "confirm", "users"
    )
    keywords |= parse_settings(scenario, call.settings)
    try:
        return context.session.find_capacity(
            scenario, check=call.values["check"], on_step=Progress(), **keywords
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


CAPACITY_VERB = Verb(
    "capacity",
    "Search for the load up to which a check holds; an interrupt keeps what was found.",
    _capacity,
    words=(
        Parameter("NAME", Kind.SCENARIO, "a scenario, as for do", required=True),
        Parameter("CHECK", Kind.TEXT, "what has to hold, in quotes", required=True),
    ),
    options=(
        Parameter("--by", Kind.TEXT, "users, user_rate or the name of a throttle", "WHAT"),
        Parameter("--low", Kind.NUMBER, "the first load (default 1)"),
        Parameter("--high", Kind.NUMBER, "the largest load that may be tried"),
        Parameter("--hold", Kind.NUMBER, "judged, of each step (default 20)", "SECONDS"),
        Parameter("--warm-up", Kind.NUMBER, "before that (default 5)", "SECONDS"),
        Parameter("--confirm", Kind.WHOLE, "answers of each kind, at least (default 2)"),
        Parameter("--users", Kind.WHOLE, "users of every step, where a throttle sets the load"),
    ),
    settings="any",
    example='%amoc capacity Chat "p99(echo) < 200ms" --low 10 --hold 60',
)
