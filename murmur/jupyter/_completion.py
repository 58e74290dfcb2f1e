"""Tab in a line of ``%amoc``: verbs, scenarios, settings, values, options, throttles, charts.

Reads what is there and starts nothing: no file is imported and no cell is run for a Tab.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)
from IPython.core.error import UsageError

from murmur.errors import MurmurError
from murmur.scenario import Description, Scenario, Setting, describe, scenarios_in

from ._results_verbs import FRAME_NAMES
from ._verb import Context, Kind, Verb
from ._verbs import VERBS
from ._words import split_words

# Settings in a call: ``session.do(Echo, 100, po``.
_CALL = re.compile(
    r".*\b(?:do|find_capacity|rehearse)\(\s*(?P<scenario>\w+)\s*,(?P<rest>[^)]*)", re.DOTALL
)
# Live settings in a call: ``session.update(pa``.
_UPDATE = re.compile(r".*\b\w*session(?:\(\))?\.update\((?P<rest>[^)]*)", re.DOTALL)
# A name in brackets: ``session.throttles["me``; IPython reads no keys behind a property.
_NAME = re.compile(
    r".*\.(?P<of>throttles|coordinators|nodes)\[\s*(?P<quote>[\"'])(?P<name>[^\"'\]]*)", re.DOTALL
)
# The name of an action in a check: ``check="p99(or``, ``%amoc capacity Echo "p99(or``.
_CHECK = re.compile(
    r".*\b(?:check|amoc capacity)\w*\b.*\b(?:count|rate|failed|\w*(?:mean|min|max|p\d[\d.]*))"
    r"\((?P<name>[^()'\"]*)",
    re.DOTALL,
)
# Also where the answer is kept: ``run = %amoc do``, ``first, last = %amoc ...``.
_LINE = re.compile(r"\s*(?:[\w., ]+=\s*)?%{1,2}amoc\s+(?P<words>.*)", re.DOTALL)


Matcher = Callable[[CompletionContext], SimpleMatcherResult]


def matcher_for(context: Callable[[], Context]) -> Matcher:
    """Return a matcher for IPython's completer that looks names up in `context()`."""

    def match_amoc(position: CompletionContext) -> SimpleMatcherResult:
        if (check := _CHECK.fullmatch(position.line_with_cursor)) is not None:
            return _in_a_check(check["name"], context())
        if (name := _NAME.fullmatch(position.line_with_cursor)) is not None:
            return _in_brackets(name, context())
        line = _LINE.fullmatch(position.line_with_cursor)
        if line is None:
            return _in_a_call(position.line_with_cursor, context())
        fragment, texts = complete(line["words"], context())
        # Python's keywords mean nothing in this line.
        return {**_offered(texts, "magic", fragment, suppress=True), "ordered": True}

    matcher: Matcher = context_matcher(identifier="murmur.amoc", priority=100)(match_amoc)
    return matcher


def _in_a_call(line: str, context: Context) -> SimpleMatcherResult:
    """Return the settings that a call may give, beside what Python's own completion knows."""
    call = _CALL.fullmatch(line) or _UPDATE.fullmatch(line)
    settings = [] if call is None else _settable(call.groupdict(), context)
    if call is None or not settings:
        return {"completions": [], "suppress": False}
    rest, _, fragment = call["rest"].replace(" ", ",").rpartition(",")
    names = [one.name for one in settings if f"{one.name}=" not in rest]
    return _offered((f"{name}=" for name in names), "param", fragment, suppress=False)


def _settable(call: Mapping[str, str], context: Context) -> Sequence[Setting]:
    """Return the settings of the scenario in a call, or the live ones of what runs."""
    if "scenario" in call:
        scenario = scenarios_in(context.namespace).get(call["scenario"])
        return _described(scenario) if scenario else ()
    running = context.session.scenario
    return [one for one in _described(running) if one.live] if running else ()


def _in_brackets(found: re.Match[str], context: Context) -> SimpleMatcherResult:
    """Return the throttles, coordinators or nodes whose names begin so."""
    names: Iterable[str] = getattr(context.session, found["of"])
    texts = (f"{name}{found['quote']}]" for name in sorted(names))
    return _offered(texts, "key", found["name"], suppress=True)


def _in_a_check(fragment: str, context: Context) -> SimpleMatcherResult:
    """Return the actions of the run whose names begin so."""
    run = context.session.run
    names = [] if run is None else [each.name for each in run.observe().recent.actions]
    return _offered((f"{name})" for name in names), "action", fragment, suppress=True)


def _offered(
    texts: Iterable[str], kind: str, fragment: str, *, suppress: bool
) -> SimpleMatcherResult:
    """Return those of `texts` that begin with what is typed, as IPython has them."""
    fitting = [text for text in texts if text.startswith(fragment)]
    return {
        "completions": [SimpleCompletion(text, type=kind) for text in fitting],
        "matched_fragment": fragment,
        "suppress": suppress,
    }


def complete(text: str, context: Context) -> tuple[str, list[str]]:
    """Return the word at the end of `text`, which follows ``%amoc``, and what it may become.

    Examples
    --------
    >>> from murmur.jupyter._completion import complete
    >>> complete("re", context=None)
    ('re', ['remove', 'reset', 'resume', 'report'])
    """
    fragment = re.split(r"\s", text)[-1]
    try:
        words = split_words(text.removesuffix(fragment), None)
        offers = list(_offers(words, fragment, context))
    except (MurmurError, UsageError):
        return fragment, []  # an open quotation, or nothing runs that could be named
    return fragment, [offer for offer in offers if offer.startswith(fragment)]


def _offers(words: Sequence[str], fragment: str, context: Context) -> Iterable[str]:
    if not words:
        return [*VERBS, "--help"]
    verb = VERBS.get(words[0])
    if verb is None or _awaits_value(verb, words[-1]):
        return []
    given = list(_positional(verb, words[1:]))
    settings = _settings(verb, given, context)
    key, equals, _ = fragment.partition("=")
    if equals:
        return (f"{key}={value}" for value in _values(settings, key))
    places = verb.words[len(given) : len(given) + 1]
    pairs = [pair.name for pair in verb.pairs] + [setting.name for setting in settings]
    options = [option.name for option in verb.options]
    used = {word.partition("=")[0] for word in words}
    return [
        *(offer for place in places for offer in _of_kind(place.kind, context)),
        *(f"{name}=" for name in pairs if name not in used),
        *(name for name in options if name not in used),
        "--help",
    ]


def _of_kind(kind: Kind, context: Context) -> Iterable[str]:
    named: Iterable[object] = ()
    match kind:
        case Kind.SCENARIO:
            named = scenarios_in(context.namespace)
        case Kind.THROTTLE:
            named = context.session.throttles
        case Kind.COORDINATOR:
            named = context.session.coordinators
        case Kind.NODES:
            named = context.session.nodes
        case Kind.FRAME:
            named = FRAME_NAMES
        case Kind.CHART:
            from murmur.charts import CHARTS

            return CHARTS  # in their own order
    return sorted(map(str, named))


def _settings(verb: Verb, given: Sequence[str], context: Context) -> Sequence[Setting]:
    """Return the settings that this line can give, if their scenario is at hand."""
    if verb.settings == "live":
        return [setting for setting in _described(context.scenario) if setting.live]
    if verb.settings == "any" and given:
        scenario = scenarios_in(context.namespace).get(given[0])
        return _described(scenario) if scenario else ()
    return ()


def _described(scenario: type[Scenario]) -> Sequence[Setting]:
    description = describe(scenario)
    assert isinstance(description, Description)  # a class is one scenario
    return description.settings


def _values(settings: Sequence[Setting], name: str) -> Iterator[str]:
    for setting in settings:
        if setting.name == name:
            choices = (True, False) if setting.type == "Bool" else setting.choices or ()
            yield from (shlex.quote(str(choice)) for choice in choices)


def _positional(verb: Verb, words: Sequence[str]) -> Iterator[str]:
    previous = ""
    for word in words:
        if not (word.startswith("--") or "=" in word or _awaits_value(verb, previous)):
            yield word
        previous = word


def _awaits_value(verb: Verb, word: str) -> bool:
    return any(option.name == word and option.kind is not Kind.SWITCH for option in verb.options)
