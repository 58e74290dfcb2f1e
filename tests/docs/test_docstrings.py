"""Every public class and function has an example that runs, or one that shows it in use."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLIC: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "murmur"
]["namespaces"]
EXECUTED = "".join(
    path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *(ROOT / "notebooks").glob("*.ipynb")]
)
PARAMETERS = re.compile(r"\nParameters\n-+\n(.*?)\n(?=\w[\w ]*\n---|\Z)", re.DOTALL)
# Nobody makes these: murmur hands them out.  The example is at what does.
SHOWN_BY = {
    "ActionSummary": "murmur.results.Summary",
    "PaceSummary": "murmur.results.Summary",
    "CheckResult": "murmur.results.Checks",
    "Chunk": "murmur.exporters.Relay",
    "Connecting": "murmur.http.Client",
    "CoordinatorEvent": "murmur.coordinator",
    "CoordinatorStatistics": "murmur.Coordinator",
    "Description": "murmur.describe",
    "Descriptions": "murmur.describe",
    "ExporterStatistics": "murmur.exporters.Prometheus",
    "Follower": "murmur.exporters.Relay",
    "Handler": "murmur.on",
    "JsonConnection": "murmur.connect_json",
    "LeavingEvent": "murmur.Scenario",
    "Member": "murmur.coordinator",
    "Membership": "murmur.join",
    "NodeOverview": "murmur.Session",
    "Occurrence": "murmur.Timetable",
    "Permit": "murmur.Throttle",
    "Reply": "murmur.http.Client",
    "Response": "murmur.http.Client",
    "LogRows": "murmur.AccessLog",
    "Rows": "murmur.Feeder",
    "Capacity": "murmur.Session.find_capacity",
    "ServerEvent": "murmur.http.Response.events",
    "ShopCounters": "murmur.testing.shop_process",
    "ShopProcess": "murmur.testing.shop_process",
    "Setting": "murmur.describe",
    "ThrottleStatistics": "murmur.Throttle",
    "Ticket": "murmur.Session",
    "Timer": "murmur.timer",
    "WebSocket": "murmur.http.Client",
}
# Parts of what an exporter or a client is made of; the pages name them, nobody makes one alone.
INNER = {
    "murmur.exporters": {"Durations", "Exporter", "Metric", "Reading", "Totals"},
}

# Each of their methods is handed the record that the class tells of.
HANDED_A_RECORD = {"Follower", "Relay"}


def has_example(value: object) -> bool:
    """Return whether the docstring has a part for examples, of itself or of a method."""
    texts = [inspect.getdoc(value) or ""]
    if inspect.isclass(value):
        texts += [inspect.getdoc(member) or "" for member in vars(value).values()]
    return any("Examples\n--------" in text for text in texts)


def is_executed(name: str, value: object) -> bool:
    """Return whether a doctest, a notebook or the README runs it."""
    return ">>>" in (inspect.getdoc(value) or "") or name in EXECUTED


def needs_example(value: object) -> bool:
    """Return whether somebody calls or makes it; an error is raised by murmur alone."""
    if inspect.isclass(value) and issubclass(value, BaseException):
        return False
    return inspect.isclass(value) or inspect.isroutine(value)


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_object_has_an_example(module: str) -> None:
    there = importlib.import_module(module)
    bare = [
        name
        for name in getattr(there, "__all__", ())
        if needs_example(getattr(there, name))
        and not (has_example(getattr(there, name)) and is_executed(name, getattr(there, name)))
        and name not in SHOWN_BY
        and name not in INNER.get(module, ())
    ]

    assert bare == []


def sections() -> Iterator[tuple[str, Callable[..., object], str]]:
    """Yield name, callable and text of each part "Parameters" of a public docstring."""
    for module in PUBLIC:
        there = importlib.import_module(module)
        for name in there.__all__:
            value = getattr(there, name)
            members = dict(vars(value)) if inspect.isclass(value) else {}
            found = {f"{module}.{name}": value} | {
                f"{module}.{name}.{member}": function
                for member, function in members.items()
                if inspect.isfunction(function) and not member.startswith("_")
            }
            for path, function in found.items():
                match = PARAMETERS.search(f"\n{inspect.getdoc(function) or ''}\n")
                if match and callable(function):
                    yield path, function, match[1]


def test_every_parameter_is_told_and_no_other() -> None:
    wrong = {}
    for path, function, text in sections():
        taken = set(inspect.signature(function).parameters) - {"self"}
        told = {
            name.strip().lstrip("*")
            for line in text.splitlines()
            if line and not line.startswith(" ")
            for name in line.split(" : ")[0].split(",")
        }
        if taken != told:
            wrong[path] = sorted(taken ^ told)

    assert wrong == {}


def calls() -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield name and callable of each public function, and of what public classes have of ours."""
    for module in PUBLIC:
        there = importlib.import_module(module)
        for name in set(there.__all__) - INNER.get(module, set()) - HANDED_A_RECORD:
            value = getattr(there, name)
            if inspect.isfunction(value):
                yield f"{module}.{name}", value
            for member, found in dict(vars(value)).items() if inspect.isclass(value) else ():
                function = getattr(found, "__func__", found)
                is_ours = not any(
                    hasattr(base, member)
                    for base in value.__mro__[1:]
                    if not base.__module__.startswith("murmur")
                )
                if inspect.isfunction(function) and is_ours and not member.startswith("_"):
                    yield f"{module}.{name}.{member}", function


def test_a_docstring_names_every_parameter() -> None:
    unnamed = {
        path: missing
        for path, function in calls()
        if (
            missing := [
                name
                for name in inspect.signature(function).parameters
                if name not in {"self", "cls"}
                and not re.search(rf"\b{name}\b", inspect.getdoc(function) or "")
            ]
        )
    }

    assert unnamed == {}


@pytest.mark.parametrize(("name", "where"), SHOWN_BY.items())
def test_what_is_handed_out_is_shown_where_it_comes_from(name: str, where: str) -> None:
    assert has_example(pkgutil.resolve_name(where)), name


def test_no_exception_is_out_of_date() -> None:
    modules = [importlib.import_module(module) for module in PUBLIC]
    names = {name for module in modules for name in getattr(module, "__all__", ())}
    inner = {name for offered in INNER.values() for name in offered}

    assert (SHOWN_BY.keys() | inner) - names == set()
