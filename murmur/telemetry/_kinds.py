"""Kinds of failure: the class and the text of an error, without what is different each time.

A hundred users that fail alike make one kind with a count, not a hundred: object
addresses, ephemeral ports, uuids and moments are replaced, white space is collapsed, and a
number, a value or a word that keeps changing while all else stays is replaced too.  What has
few values tells kinds apart: "refused: 5432" and "refused: 6379" stay two.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from murmur._guard import encodable, text_of

from ._plain import one_line
from ._varying import NUMBERS, VALUES, Parts, is_word, settled

MOST = 10
"""Texts that differ in numbers, values or a word alone and are told apart; of more, it varies."""

MANY = 3 * MOST
"""Of values and words, while the run is on: numbers that are told apart yet bring some too."""

FEW = 3
"""Values that a number may have and is still no counter, however rare each is."""

FAMILIES = 1000
"""Texts without their numbers or values that are remembered; those of later ones are replaced."""

REMEMBERED = 2000
"""Texts as they came whose kind is known without another look."""

_DEPTH = 5  # groups in groups, and causes of causes, that are told
_PARTS = 100  # of one group
_TOKENS = 40  # words of a text in which one that varies is looked for
_LONG = 16  # characters of a word that may be an id, beside other ids
_ANY_WORD = "<...>"


class Kind(NamedTuple):
    """A kind of failure."""

    name: str  # class of the error; `"failed"` where only a text was given
    text: str  # what it said, with whatever is different each time replaced

    def __str__(self) -> str:
        """Return both in one line.

        Examples
        --------
        >>> str(Kind("LookupError", "order lost"))
        'LookupError: order lost'
        """
        return kind_text(self.name, self.text)


def kind_text(name: str, text: str) -> str:
    """Return class and text of a kind in one line; a mere text alone, where it is all."""
    return one_line(f"{name}: {text}" if text else name)


def leaf_of(error: BaseException) -> BaseException:
    """Return the one error that a group holds, or a group in a group; else `error` itself.

    Examples
    --------
    >>> leaf_of(ExceptionGroup("of a task group", [ValueError("empty")]))
    ValueError('empty')
    """
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


class Kinds:
    """Tells kinds of failure apart, as they come in.

    Any thread may ask.  What is remembered is bounded.

    Examples
    --------
    >>> kinds = Kinds()
    >>> str(kinds.of(OSError("no reply from <Peer object at 0x7f31a2b4c5d0>")))
    'OSError: no reply from <Peer object at 0x...>'
    >>> texts = {str(kinds.of(LookupError(f"order {n} lost"))) for n in range(100)}
    >>> len(texts), "LookupError: order <n> lost" in texts
    (11, True)
    """

    def __init__(
        self,
        conceal: Callable[[str], str] = str,  # returns a text without the secrets in it
    ) -> None:
        self._conceal = conceal
        self._known: dict[tuple[str, str], Kind] = {}
        self._numbers = _Families(NUMBERS, MOST)
        self._values = _Families(VALUES, MANY)
        self._words = _Words()

    def of(self, error: BaseException | str) -> Kind:
        """Return the kind of an error, or of a text that stands for one."""
        if isinstance(error, str):
            return self.of_text("failed", error)
        name, text = _said(leaf_of(error))
        return self.of_text(name, text)

    def of_text(self, name: str, text: str) -> Kind:
        """Return the kind of an error of class `name` that said `text`."""
        known = self._known.get((name, text))
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known = {}
            whole = f"{settled(name)}\n{settled(self._conceal(text))}"
            whole = self._words.settled(self._values.settled(self._numbers.settled(whole)))
            known = self._known[name, text] = Kind(*whole.split("\n"))
        return known


class _Families:
    """Texts that differ in parts of one sort alone, of which a few are told apart.

    A text is class and message here, with a line break between them.
    """

    def __init__(self, parts: Parts, most: int) -> None:
        self._parts = parts
        self._most = most
        self._seen: dict[tuple[int, str], set[tuple[str, ...]]] = {}

    def settled(self, text: str) -> str:
        """Return a text with those of its parts replaced that were seen to vary."""
        found = self._parts.of(text)
        if not found:
            return text
        family = len(found), self._parts.masked(text)
        seen = self._seen.get(family)
        if seen is None:
            if len(self._seen) >= FAMILIES:
                return family[1]
            seen = self._seen[family] = set()
        if len(seen) < self._most:
            seen.add(found)
        if found in seen:
            return text
        return self._parts.masked(text, _masks(self._parts, [*seen, found]))


class _Words:
    """Texts that differ in one word alone, of which a few are told apart."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._seen: dict[str, set[str]] = {}

    def settled(self, text: str) -> str:
        """Return a text with one of its words replaced, if that was seen to vary."""
        known = self._known.get(text)
        if known is None:
            known = self._look(text)
            if len(self._known) < REMEMBERED:  # later ones have another look each time
                self._known[text] = known
        return known

    def _look(self, text: str) -> str:
        for word, family in _with_a_word_left_out(text):
            if len(self._seen) >= FAMILIES and family not in self._seen:
                continue
            seen = self._seen.setdefault(family, set())
            if word not in seen and len(seen) >= MANY:
                return family
            seen.add(word)
        return text


def _with_a_word_left_out(text: str) -> Iterator[tuple[str, str]]:
    """Yield each word of a text that may vary, and the text without it."""
    name, _, message = text.partition("\n")
    tokens = message.split(" ")
    if not 1 < len(tokens) <= _TOKENS:
        return
    for place, token in enumerate(tokens):
        if is_word(token):
            rest = [*tokens[:place], _ANY_WORD, *tokens[place + 1 :]]
            yield token, f"{name}\n{' '.join(rest)}"


def joined_kinds(
    counts: Mapping[tuple[str, str], int],  # how many failures there were of each name and text
) -> dict[tuple[str, str], Kind]:
    """Return the kind that each of several is part of, once all are known.

    Kinds become one whose texts differ in numbers that count: more than `MOST` of them, or
    more than `FEW` and hardly any that came twice; and those that differ in values or in a
    word of which there are more than `MOST`.

    Examples
    --------
    >>> joined_kinds({("E", f"order {n} lost"): 1 for n in range(5)})["E", "order 3 lost"].text
    'order <n> lost'
    >>> joined_kinds({("E", "refused: 5432"): 1, ("E", "refused: 6379"): 1})["E", "refused: 5432"]
    Kind(name='E', text='refused: 5432')
    """
    found = {f"{name}\n{text}": f"{name}\n{text}" for name, text in counts}
    number = {f"{name}\n{text}": count for (name, text), count in counts.items()}
    for step in (_joined_by_numbers, _joined_by_values, _joined_by_a_word):
        totals: Counter[str] = Counter()
        for first, text in found.items():
            totals[text] += number[first]
        now = step(totals)
        found = {first: now.get(text, text) for first, text in found.items()}
    return {(name, text): Kind(*found[f"{name}\n{text}"].split("\n", 1)) for name, text in counts}


def _joined_by_numbers(totals: Mapping[str, int]) -> dict[str, str]:
    return _joined(NUMBERS, totals, few=FEW)


def _joined_by_values(totals: Mapping[str, int]) -> dict[str, str]:
    return _joined(VALUES, totals, few=MOST)


def _joined(parts: Parts, totals: Mapping[str, int], *, few: int) -> dict[str, str]:
    """Return what texts become that differ in parts of one sort, if those vary."""
    families: dict[tuple[int, str], list[str]] = {}
    for text in totals:
        families.setdefault((len(parts.of(text)), parts.masked(text)), []).append(text)
    found = {}
    for several in families.values():
        values = [parts.of(text) for text in several]
        is_rare = sum(totals[text] for text in several) < 2 * len(several)
        varies = len(several) > MOST or (len(several) > few and is_rare)
        if len(several) > 1 and (varies or any(map(_is_masked, values))):
            masks = _masks(parts, values)
            found.update({text: parts.masked(text, masks) for text in several})
    return found


def _joined_by_a_word(totals: Mapping[str, int]) -> dict[str, str]:
    families: dict[str, list[tuple[str, str]]] = {}
    for text in totals:
        for word, family in _with_a_word_left_out(text):
            families.setdefault(family, []).append((word, text))
    found = {}
    for family, several in families.items():
        with_id = family.replace(_ANY_WORD, "<id>")
        if len(several) > MOST or family in totals:
            found.update({text: family for _, text in several})
        elif with_id in totals:  # some random ids look like words
            found.update({text: with_id for word, text in several if len(word) >= _LONG})
    return found


def _is_masked(values: Iterable[str]) -> bool:
    return any(value.strip("b'\"`") in {"<n>", "<hex>", _ANY_WORD} for value in values)


def _masks(parts: Parts, seen: Sequence[tuple[str, ...]]) -> list[str]:
    """Return for each part of the texts of a family what replaces it; "" if it does not vary."""
    columns = [set(column) for column in zip(*seen, strict=True)]
    many = [len(values) > FEW or (len(values) > 1 and _is_masked(values)) for values in columns]
    if not any(many):
        many = [len(values) > 1 for values in columns]
    return [
        ("<hex>" if "<hex>" in values else parts.mask(next(iter(values)))) if varies else ""
        for values, varies in zip(columns, many, strict=True)
    ]


def _said(error: BaseException, depth: int = 0) -> tuple[str, str]:
    """Return class and text of an error, by what tells its kind first."""
    name = encodable(type(error).__name__)
    if isinstance(error, BaseExceptionGroup):
        # How many there were is chance, as is their order.
        return name, f"{_text_of_group(error)}: {_parts(error.exceptions, depth + 1)}"
    text, code = _grpc_details(error) or text_of(error), _code_of(error)
    if code and not re.search(rf"\b{re.escape(code)}\b", text[:40]):
        text = f"{code}: {text}" if text else code
    if not text and error.__cause__ is not None and depth < _DEPTH:
        text = f"from {kind_text(*_said(leaf_of(error.__cause__), depth + 1))}"
    return name, text


def _text_of_group(error: BaseExceptionGroup[BaseException]) -> str:
    return re.sub(r" \(\d+ sub-exceptions?\)$", "", text_of(error))


def _parts(errors: Sequence[BaseException], depth: int) -> str:
    """Return what a group holds, each kind once."""
    if depth > _DEPTH:
        return "..."
    return "; ".join(sorted({kind_text(*_said(leaf_of(part), depth)) for part in errors[:_PARTS]}))


def _code_of(error: BaseException) -> str:
    """Return the code by which those who know the error's class tell its kinds apart.

    gRPC has ``code()``, database drivers ``sqlstate`` (or ``pgcode``), HTTP clients a status
    of their own or of the response.
    """
    for look in (_grpc_code, _sql_state, _http_status):
        try:
            code = look(error)
        except BaseException:  # noqa: BLE001 - properties and methods of a user's class
            continue
        if code:
            return encodable(code[:60])
    return ""


def _grpc_code(error: Any) -> str:  # noqa: ANN401 - whatever was raised
    if not callable(getattr(error, "code", None)) or not callable(getattr(error, "details", None)):
        return ""
    name = getattr(error.code(), "name", "")
    return name if isinstance(name, str) else ""


def _grpc_details(error: Any) -> str:  # noqa: ANN401 - whatever was raised
    """Return what the server said: the text of such an error says it amid its own fields."""
    try:
        details = error.details() if _grpc_code(error) else ""
    except BaseException:  # noqa: BLE001 - methods of a user's class
        return ""
    return details if isinstance(details, str) else ""


def _sql_state(error: Any) -> str:  # noqa: ANN401 - whatever was raised
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state if isinstance(state, str) else ""


def _http_status(error: Any) -> str:  # noqa: ANN401 - whatever was raised
    response = getattr(error, "response", None)
    for one in (error, response):
        for field in ("status_code", "status"):
            status = getattr(one, field, None)
            if isinstance(status, int) and 100 <= status <= 599:
                return str(int(status))
    return ""
