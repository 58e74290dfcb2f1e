"""The help of ``%amoc``, made from the table of verbs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ._verb import Verb


class Help(str):
    """A text that shows as it reads when a cell returns it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def overview(verbs: Mapping[str, Verb]) -> Help:
    """Return one line for each verb."""
    return Help(
        "Steer a load test:\n\n"
        + _columns((name, verb.summary) for name, verb in verbs.items())
        + "\n\n%amoc VERB --help explains a verb.  Tab completes verbs, scenarios, settings,"
        "\nthrottles and charts.  $name and {expression} stand for values of the notebook."
    )


def explain(verb: Verb) -> Help:
    """Return usage, parameters and an example of `verb`."""
    parts = [verb.usage, verb.summary]
    if parameters := _columns(verb.parameters()):
        parts.append(parameters)
    parts.append(f"Example:\n  {verb.example}")
    return Help("\n\n".join(parts))


def _columns(rows: Iterable[tuple[str, str]]) -> str:
    pairs = list(rows)
    width = max((len(left) for left, _ in pairs), default=0)
    return "\n".join(f"  {left:<{width}}  {right}" for left, right in pairs)
