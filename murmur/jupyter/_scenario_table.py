"""The scenarios of a notebook, as a mapping that shows as a table."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping

from murmur._table import html_table, text_lines
from murmur.scenario import Scenario

_TITLES = ("name", "description", "from")


class ScenarioTable(Mapping[str, "type[Scenario]"]):
    """Scenario classes by name; the repr tells what each does and where it is from."""

    def __init__(self, scenarios: Mapping[str, type[Scenario]]) -> None:
        self._scenarios = dict(sorted(scenarios.items()))

    def __getitem__(self, name: str) -> type[Scenario]:
        return self._scenarios[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scenarios)

    def __len__(self) -> int:
        return len(self._scenarios)

    def rows(self) -> list[tuple[str, str, str]]:
        """Return name, description and origin of each."""
        return [(name, _description(cls), _origin(cls)) for name, cls in self.items()]

    def __repr__(self) -> str:
        if not self:
            return "no scenarios here: define a class that derives from murmur.Scenario"
        rows = [_TITLES, *self.rows()]
        return "\n".join(text_lines(rows))

    def _repr_html_(self) -> str:
        if not self:
            return html.escape(repr(self))
        return html_table(_TITLES, self.rows())


def _description(cls: type[Scenario]) -> str:
    # Not inspect.getdoc: it would repeat the base class's text for a class without one.
    lines = (cls.__doc__ or "").strip().splitlines()
    return lines[0] if lines else ""


def _origin(cls: type[Scenario]) -> str:
    return "notebook" if cls.__module__ == "__main__" else cls.__module__
