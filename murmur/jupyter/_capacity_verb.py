"""The verb of ``%amoc`` that searches for capacity, which shows its progress itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from murmur.scenario import find, parse_settings

from ._verb import Call, Kind, Parameter, Verb

if TYPE_CHECKING:
    from ._context import Context

__all__ = ["CAPACITY_VERB"]


def _capacity(context: Context, call: Call) -> object:
    scenario = find(call.values["name"], context.namespace)
    keywords: dict[str, Any] = call.given(
        "by", "low", "high", "hold", "warm_up", "confirm", "users"
    )
    keywords |= parse_settings(scenario, call.settings)
    try:
        return context.session.find_capacity(scenario, check=call.values["check"], **keywords)
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
