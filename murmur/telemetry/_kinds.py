"""Kinds of failure: the class and the text of an error, without what is different each time.

A hundred users that fail alike make one kind with a count, not a hundred: object
addresses, ephemeral ports, uuids and moments are replaced, white space is collapsed, and a
number that keeps changing is a counter.  A number that has few values tells kinds apart:
"refused: 5432" and "refused: 6379" stay two.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ._plain import encodable, one_line, text_of

__all__ = ["LONGEST", "Kind", "Kinds", "joined_kinds", "kind_text", "leaf_of"]

LONGEST = 1000
"""Characters of a kind's text; of a longer one the middle is left out."""

MOST = 10
"""Texts that differ in numbers alone and are told apart; more of them, and a number counts."""

FEW = 3
"""Values that a number may have and is still no counter, however rare each is."""

FAMILIES = 1000
"""Texts without their numbers that are remembered; numbers of later ones are all replaced."""

REMEMBERED = 2000
"""Texts as they came whose kind is known without another look."""

_VARYING = (
    (re.compile(r"\bat 0x[0-9a-fA-F]+"), "at 0x..."),
    (re.compile(r"\b0x[0-9a-fA-F]{9,16}\b"), "0x..."),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b(?=[a-f]*\d)(?:[0-9a-f]{24}|[0-9a-f]{32,64})\b"), "<hex>"),
    (
        re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"),
        "<time>",
    ),
    # The port of an address, behind a host, "port" or in a pair, if the system gave it.
    (
        re.compile(
            r"((?:[\w\].%-]:|port[ =:]+|['\"], ))"
            r"(?:3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[45]\d{4}|6[0-4]\d{3}|65[0-4]\d\d"
            r"|655[0-2]\d|6553[0-5])\b"
        ),
        r"\1<port>",
    ),
    (re.compile(r"\b(Task|Thread|task|thread)-\d+"), r"\1-<n>"),
)
_NUMBER = re.compile(r"<n>|\d+(?:\.\d+)?")


class Kind(NamedTuple):
    """A kind of failure.

    Attributes
    ----------
    name : str
        Class of the error; ``"failed"`` where only a text was given.
    text : str
        What it said, with whatever is different each time replaced.
    """

    name: str
    text: str

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

    Parameters
    ----------
    conceal : callable, optional
        Returns a text without the secrets in it.

    Examples
    --------
    >>> kinds = Kinds()
    >>> str(kinds.of(OSError("no reply from <Peer object at 0x7f31a2b4c5d0>")))
    'OSError: no reply from <Peer object at 0x...>'
    >>> texts = {str(kinds.of(LookupError(f"order {n} lost"))) for n in range(100)}
    >>> len(texts), "LookupError: order <n> lost" in texts
    (11, True)
    """

    def __init__(self, conceal: Callable[[str], str] = str) -> None:
        self._conceal = conceal
        self._known: dict[tuple[str, str], Kind] = {}
        self._families: dict[tuple[str, str], set[tuple[str, ...]]] = {}

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
            known = self._known[name, text] = self._kind(name, settled(self._conceal(text)))
        return known

    def _kind(self, name: str, text: str) -> Kind:
        numbers = tuple(_NUMBER.findall(text))
        if not numbers:
            return Kind(name, text)
        family = (name, _NUMBER.sub("<n>", text))
        seen = self._families.get(family)
        if seen is None:
            if len(self._families) >= FAMILIES:
                return Kind(*family)
            seen = self._families[family] = set()
        if len(seen) < MOST:
            seen.add(numbers)
        if numbers in seen:
            return Kind(name, text)
        return Kind(name, _masked(text, _counters([*seen, numbers])))


def joined_kinds(counts: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], Kind]:
    """Return the kind that each of several is part of, once all are known.

    Kinds become one whose texts differ in numbers that count: more than `MOST` of them, or
    more than `FEW` and hardly any that came twice.

    Parameters
    ----------
    counts : mapping of (str, str) to int
        How many failures there were of each name and text.

    Examples
    --------
    >>> joined_kinds({("E", f"order {n} lost"): 1 for n in range(5)})["E", "order 3 lost"].text
    'order <n> lost'
    >>> joined_kinds({("E", "refused: 5432"): 1, ("E", "refused: 6379"): 1})["E", "refused: 5432"]
    Kind(name='E', text='refused: 5432')
    """
    families: dict[tuple[str, str], list[str]] = {}
    for name, text in counts:
        families.setdefault((name, _NUMBER.sub("<n>", text)), []).append(text)
    found: dict[tuple[str, str], Kind] = {}
    for (name, _), texts in families.items():
        total = sum(counts[name, text] for text in texts)
        is_counting = len(texts) > MOST or (len(texts) > FEW and total < 2 * len(texts))
        is_counting = is_counting or any("<n>" in text for text in texts[1:]) or "<n>" in texts[0]
        masks: Sequence[bool] = ()
        if is_counting and len(texts) > 1:
            masks = _counters([tuple(_NUMBER.findall(text)) for text in texts])
        for text in texts:
            found[name, text] = Kind(name, _masked(text, masks) if masks else text)
    return found


def settled(text: str) -> str:
    r"""Return a text in one line, with addresses, ephemeral ports, uuids and moments replaced.

    Examples
    --------
    >>> settled("refused by\n  ('127.0.0.1', 40123): no route to 10.0.0.1:5432")
    "refused by ('127.0.0.1', <port>): no route to 10.0.0.1:5432"
    """
    text = " ".join(encodable(text).split())
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[: half - 2]} ... {text[3 - half :]}"


def _counters(seen: Sequence[tuple[str, ...]]) -> list[bool]:
    """Return of each number in texts of a family whether it counts: it has many values."""
    values = [set(column) for column in zip(*seen, strict=True)]
    many = [len(distinct) > FEW or "<n>" in distinct for distinct in values]
    return many if any(many) else [len(distinct) > 1 for distinct in values]


def _masked(text: str, masks: Sequence[bool]) -> str:
    """Return `text` with those of its numbers replaced that count."""
    places = iter(masks)
    return _NUMBER.sub(lambda found: "<n>" if next(places) else found.group(), text)


def _said(error: BaseException) -> tuple[str, str]:
    """Return class and text of an error, by what tells its kind first."""
    name = encodable(type(error).__name__)
    if isinstance(error, BaseExceptionGroup):
        return name, f"{text_of(error)}: {_parts(error.exceptions)}"
    text, code = _grpc_details(error) or text_of(error), _code_of(error)
    if code and not re.search(rf"\b{re.escape(code)}\b", text[:40]):
        text = f"{code}: {text}" if text else code
    return name, text


def _parts(errors: Iterable[BaseException]) -> str:
    """Return what a group holds, each kind once, with how often it is there."""
    counts = Counter(kind_text(*_said(leaf_of(part))) for part in errors)
    return "; ".join(f"{count} x {text}" if count > 1 else text for text, count in counts.items())


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
