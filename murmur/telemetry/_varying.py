"""Parts of an error's text that may be different each time, and what is put in their place.

Three looks at a text find them.  What is different by its form (an address, a uuid, a moment, an
ephemeral port) is replaced at once.  A number, or what is in quotes, behind ``=`` or before
``@``, may tell kinds of failure apart: it is replaced only when it has many values.  Of the
other words the same is true, if all else in the text stays.

A number that is known to be a code (of HTTP, of the system, of SQL, of a process that ended)
is no such part: it always tells kinds apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from murmur._guard import encodable

LONGEST = 1000
"""Characters of a kind's text; of a longer one the middle is left out."""

_ALONE = r"(?<![A-Za-z0-9])"  # before what stands alone, also behind an underscore
_ENDS = r"(?![A-Za-z0-9])"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = r"\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?"

# An ephemeral port, as Linux and IANA give them: 32768 to 65535.
_PORT = (
    r"(?:3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[45]\d{4}|6[0-4]\d{3}|65[0-4]\d\d"
    r"|655[0-2]\d|6553[0-5])"
)


def _opaque(found: re.Match[str]) -> str:
    """Return `<id>` for a token that changes between letters and digits as no word does."""
    token = found.group()
    kinds = [each.isdigit() + 2 * each.isupper() + 4 * each.islower() for each in token]
    changes = sum(a != b for a, b in pairwise(kinds) if a and b)
    return "<id>" if len(set(kinds) - {0}) == 3 and changes > 0.36 * len(token) else token


# Each with a word without which it cannot match, because most texts have few of them.
_BY_FORM: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    ("0x", re.compile(r"\bat 0x[0-9a-fA-F]+"), "at 0x..."),
    ("0x", re.compile(r"\b0x[0-9a-fA-F]{9,16}\b"), "0x..."),
    (
        "-",
        re.compile(_ALONE + r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}" + _ENDS),
        "<uuid>",
    ),
    # Moments: of ISO 8601 (long and short), of HTTP and of ctime, of a log.
    (
        ":",
        re.compile(rf"\b\d{{4}}-\d\d-\d\d[T ]{_CLOCK}(?: ?(?:Z\b|UTC\b|[+-]\d\d:?\d\d\b))?"),
        "<time>",
    ),
    ("T", re.compile(r"\b\d{8}T\d{4,6}(?:\.\d+)?Z?\b"), "<time>"),
    (
        ":",
        re.compile(rf"\b{_DAY},? \d\d?[ -]{_MONTH}[ -]\d{{4}} {_CLOCK}(?: [A-Z]{{3}}\b)?"),
        "<time>",
    ),
    (":", re.compile(rf"\b{_DAY} {_MONTH} +\d\d? {_CLOCK}(?: [A-Z]{{3}})? \d{{4}}\b"), "<time>"),
    (":", re.compile(r"(?<![\w:])\d\d?:\d\d:\d\d(?:[.,]\d+)?(?![\w:])"), "<time>"),
    # UNIX time of these years, in seconds or their thousandths, millionths, billionths.
    (
        "1",
        re.compile(r"(?<![\w.])1[4-9]\d{8}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?(?![\w.]*\d)"),
        "<time>",
    ),
    # What `tempfile` makes up.
    ("tmp", re.compile(r"(?<=[/\\])tmp[a-z0-9_]{8}(?![a-z0-9_])"), "tmp<...>"),
    ("/var/folders/", re.compile(r"(?<=/var/folders/)\w\w/\w+"), "<...>"),
    # Ids: tokens (JWT), ULID, hexadecimal ones that mix letters and digits, random ones.
    ("eyJ", re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"), "<token>"),
    ("", re.compile(_ALONE + r"[0-7][0-9A-HJKMNP-TV-Z]{25}" + _ENDS), "<id>"),
    (
        "",
        re.compile(_ALONE + r"(?<!\d\.)(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,64}" + _ENDS),
        "<hex>",
    ),
    (
        "",
        re.compile(_ALONE + r"(?<!\d\.)(?=[A-F]*\d)(?=\d*[A-F])[0-9A-F]{7,64}" + _ENDS),
        "<hex>",
    ),
    ("", re.compile(r"(?<![\w/+-])[\w/+-]{16,}={0,2}", re.ASCII), _opaque),
    # The port of an address, behind a host, "port" or in a pair, if the system gave it.
    ("", re.compile(rf"((?:[\w\].%-]:|port[ =:]+|['\"], )){_PORT}\b"), r"\1<port>"),
    ("-", re.compile(r"\b(Task|Thread|task|thread)-\d+"), r"\1-<n>"),
    ("d", re.compile(r"(?<![\w:])(fd|pid|PID|tid)( |=|: ?)\d+(?![\w:])"), r"\1\2<n>"),
)


def settled(text: str) -> str:
    r"""Return a text in one line, with all that is different by its form replaced.

    Examples
    --------
    >>> settled("refused by\n  ('127.0.0.1', 40123): no route to 10.0.0.1:5432")
    "refused by ('127.0.0.1', <port>): no route to 10.0.0.1:5432"
    >>> settled("reply_09ce3364dc607dbbedde5c6ec3081c52 expired at 2026-11-29 10:00")
    'reply_<hex> expired at <time>'
    """
    text = " ".join(encodable(text[: 100 * LONGEST]).split())
    if len(text) > 2 * LONGEST:  # a whole page: what matters is at its ends
        text = f"{text[:LONGEST]} ... {text[-LONGEST:]}"
    for needed, pattern, replacement in _BY_FORM:
        if needed in text:
            text = pattern.sub(replacement, text)
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[: half - 2]} ... {text[3 - half :]}"


# What stands before a code; and codes that are first, as `Kinds` and drivers put them there.
_CODE_BEFORE = re.compile(
    r"(?:\b(?:https?(?:/[\d.]+)?|status(?:[ _]?code)?|errno|winerror|error|sqlstate|signal"
    r"|exit status)|(?:\b|_)code|\b(?:ora|tns|pls))['\"]?[ =:(#-]{1,3}-?(?:\d{1,2}[a-z]\d?)?$",
    re.IGNORECASE,
)
_CODE_FIRST = re.compile(
    r"\n(?:[1-5]\d\d(?=[:,]? |$)|\(\d{4}(?=, )"
    r"|(?:0[0-9A-F]|2[0-9A-F]|3[0-9BDF]|4[0-24]|5[3-8]|HV|P0|XX|F0)[0-9A-Z]{3}(?=: |$))"
)
_BEHIND = re.compile(r" [A-Z][a-z]")


def _is_code(found: re.Match[str]) -> bool:
    """Return whether a number, or a value, is a code by which kinds are told apart."""
    text, (begin, end) = found.string, found.span()
    if end - begin > 6:
        return False
    if _CODE_BEFORE.search(text, max(begin - 20, 0), begin):
        return True
    first = _CODE_FIRST.search(text)
    is_status = end - begin == 3 and text[begin] in "12345" and _BEHIND.match(text, end)
    return bool(is_status or (first and first.start() < begin and end <= first.end()))


_DIGITS = r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"


class Parts(NamedTuple):
    """A look at a text: which of its parts may vary."""

    pattern: re.Pattern[str]  # matches each part; codes as well, which are none
    mask: Callable[[str], str]  # returns what is put in the place of a part

    def of(self, text: str) -> tuple[str, ...]:
        """Return the parts of a text, in order."""
        found = self.pattern.finditer(text)
        return tuple(part.group() for part in found if not _is_code(part))

    def masked(self, text: str, masks: Sequence[str] | None = None) -> str:
        """Return a text with its parts replaced by `masks` (those that are "" stay), or all."""
        places = iter(masks or ())

        def put(found: re.Match[str]) -> str:
            part = found.group()
            if _is_code(found):
                return part
            return self.mask(part) if masks is None else next(places) or part

        return self.pattern.sub(put, text)


def _in_quotes(part: str) -> str:
    quote = part[-1] if part[-1] in "'\"`" else ""
    return f"{quote}<...>{quote}"


NUMBERS = Parts(
    re.compile(
        r"<n>|<hex>|(?<=/tmp/)[^/\s'\"<>]+"
        r"|\b0x[0-9a-fA-F]+\b|\b\d{4}-\d\d-\d\d\b"
        r"|(?<![\w:])(?=[0-9a-fA-F:]*\d)(?:[0-9a-fA-F]{1,4}:|:){2,7}[0-9a-fA-F]{0,4}(?![\w:])"
        rf"|{_DIGITS}(?:, ?{_DIGITS}){{2,}}|{_DIGITS}"
    ),
    lambda part: "<n>",
)
"""Numbers, and what is as good as one: an address of IPv6, a day, several in a row, what
stands behind ``/tmp/``."""

VALUES = Parts(
    re.compile(
        r"(?<!\w)b?'[^']+'(?!\w)|(?<!\w)b?\"[^\"]+\"(?!\w)|(?<!\w)`[^`]+`(?!\w)"
        r"|<\.\.\.>|(?<=\w=)[^\s&,;()<>\[\]{}'\"]+|(?<![\w.+-])[\w.+<>-]{1,64}(?=@[\w-]+\.)"
    ),
    _in_quotes,
)
"""What is in quotes, behind ``=`` or before ``@``."""

# Constants, classes, masks, punctuation, numbers, codes of SQL.
_FIXED = re.compile(
    r"[A-Z0-9][A-Z_]*\W*$|\w*(?:Error|Exception)\W*$|<|\W|[\d.]+\W*$|[0-9A-Z]{5}\W*$"
)


def is_word(token: str) -> bool:
    """Return whether a token may be a name that varies: no constant, class, mask or number."""
    return len(token) > 1 and not _FIXED.match(token)
