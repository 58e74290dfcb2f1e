"""Description of a scenario: what it holds, and how it is shown."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from murmur._guard import text_of
from murmur._table import html_table, text_lines


class SourceText(str):
    """An expression of the source that was not evaluated; shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the expression as it stands in the source."""
        return str(self)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a scenario.

    Attributes
    ----------
    name : str
        Its name; ``AMOC_<NAME>`` in the environment.
    type : str
        The class of its trait, such as ``"Int"``.
    default : object
        The default; None if there is none, ``"***"`` if it is secret, and a
        `SourceText` where it is computed or could not be read without evaluating code.
    help : str
        What it is for.
    live : bool
        Whether it may change while the scenario runs.
    required : bool
        Whether a value has to be given.
    secret : bool
        Whether its value is never shown.
    limits : tuple or None
        Smallest and largest value, None for no limit on that side.
    choices : tuple or None
        The allowed values, None if they are not enumerated.
    declared_in : str
        The class that declares it.
    local : bool
        Whether each node reads it from its own environment.

    Examples
    --------
    >>> import murmur
    >>> from murmur.demo import Chat
    >>> pace = murmur.describe(Chat)["pace"]
    >>> pace.type, pace.default, pace.live, pace.limits
    ('Float', 1.0, True, (0.0, None))
    """

    name: str
    type: str
    default: object
    help: str
    live: bool
    required: bool
    secret: bool
    limits: tuple[object, object] | None
    choices: tuple[object, ...] | None
    declared_in: str
    local: bool = False

    @property
    def accepts(self) -> str:
        """What it accepts beyond its type, in words; empty if anything."""
        if self.choices is not None:
            return " | ".join(map(repr, self.choices))
        if self.limits is None:
            return ""
        low, high = self.limits
        if low is None:
            return f"<= {high!r}"
        return f">= {low!r}" if high is None else f"{low!r} to {high!r}"

    def row(self) -> tuple[str, ...]:
        """Return the words of a table's row, in the order of its headings."""
        default = "required" if self.required else _text(self)
        marks = [word for word in ("live", "secret", "local") if getattr(self, word)]
        return (
            self.name,
            self.type,
            default,
            self.accepts,
            ", ".join(marks),
            self.declared_in,
            self.help,
        )


_HEADINGS = ("setting", "type", "default", "accepts", "tags", "declared in", "help")


@dataclass(frozen=True, repr=False, slots=True)
class Description:
    """A scenario and its settings.

    Attributes
    ----------
    name : str
        The class.
    doc : str
        The first line of its docstring.
    settings : tuple of Setting
        Its own settings first, then those of its bases.
    unread_bases : tuple of str
        Bases that are defined elsewhere, so that their settings are missing here; only
        in descriptions that were read from a file.

    Examples
    --------
    >>> import murmur
    >>> from murmur.demo import Chat
    >>> description = murmur.describe(Chat)
    >>> description.name, [setting.name for setting in description.settings][:3]
    ('Chat', ['host', 'port', 'neighbours'])
    """

    name: str
    doc: str
    settings: tuple[Setting, ...]
    unread_bases: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Setting:
        for setting in self.settings:
            if setting.name == name:
                return setting
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that `json.dumps` takes; what is not plain becomes text."""
        return {
            "name": self.name,
            "doc": self.doc,
            "settings": [
                {key: _plain(value) for key, value in asdict(setting).items()}
                for setting in self.settings
            ],
            "unread_bases": list(self.unread_bases),
        }

    def __repr__(self) -> str:
        rows = [_HEADINGS, *(setting.row() for setting in self.settings)]
        lines = [f"  {line}" for line in text_lines(rows)]
        return "\n".join([self._title(), *lines, *self._notes()])

    def _repr_html_(self) -> str:
        table = html_table(_HEADINGS, (setting.row() for setting in self.settings), is_text=True)
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self._notes())
        return f"<p>{html.escape(self._title())}</p>{table}{notes}"

    def _title(self) -> str:
        return f"{self.name}: {self.doc}" if self.doc else self.name

    def _notes(self) -> list[str]:
        if not self.unread_bases:
            return []
        return [f"Not read, as they are defined elsewhere: {', '.join(self.unread_bases)}"]


class Descriptions(tuple[Description, ...]):
    """The descriptions of several scenarios in one file."""

    __slots__ = ()

    def to_dict(self) -> list[dict[str, Any]]:
        """Return plain data that `json.dumps` takes."""
        return [description.to_dict() for description in self]

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self))

    def _repr_html_(self) -> str:
        return "".join(description._repr_html_() for description in self)


def _text(setting: Setting) -> str:
    if setting.secret or isinstance(setting.default, SourceText):
        return str(setting.default) if setting.default is not None else ""
    return text_of(setting.default, repr)


def _plain(value: object) -> object:
    if isinstance(value, SourceText):
        return str(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else repr(value)  # JSON knows no inf and nan
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    return text_of(value, repr)
