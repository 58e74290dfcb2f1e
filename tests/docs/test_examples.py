"""Examples on the pages are Python, and those that stand alone are executed."""

from __future__ import annotations

import ast
import builtins
import json
import re
import symtable
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pandas as pd
import pytest

import murmur
from murmur.http import Options, Request
from murmur.scenario import callbacks, scenarios_in
from murmur.testing import HttpStub, rehearse, router_process

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GIVEN = {"session", "run", "results", "user", "http", "self"}
"""Names that a page need not make: it says what they are, or another page does."""

OF_THE_READER = {
    *("Chat", "Shop", "Statsd"),  # scenarios and an exporter, shown elsewhere
    *("log_in", "look_at", "item", "frame", "server_pid", "security", "figures"),
    *("a1", "a2", "a3", "b1", "b2", "b3"),  # results of their runs
    *("Protocol", "Request", "Patience", "Reply", "Unicode"),  # in fragments of a class
}


def blocks(page: Path) -> list[str]:
    """Return the Python blocks of a page, with ``...`` for the answer of a magic."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r"^(\w+ = )?%.*$", r"\1...", block, flags=re.MULTILINE) for block in found]


def executed(page: str) -> dict[str, Any]:
    """Return what the blocks of a page define, one after another."""
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(ROOT / "docs" / page):
        exec(compile(block, page, "exec"), names)
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_example_can_be_read_as_python(page: Path) -> None:
    for block in blocks(page):
        compile(block, page.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)


def tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """Yield a scope and all within it."""
    yield table
    for inner in table.get_children():
        yield from tables(inner)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_name_of_an_example_is_imported_or_made_on_its_page(page: Path) -> None:
    known = {*dir(builtins), *GIVEN, *OF_THE_READER}
    for block in blocks(page):
        body = "".join(f"    {line}\n" for line in block.splitlines())
        table = symtable.symtable(f"async def example():\n{body}    pass\n", page.name, "exec")
        (example,) = table.get_children()
        known |= {one.get_name() for one in example.get_symbols() if not one.is_global()}
        used = {
            one.get_name()
            for scope in tables(example)
            for one in scope.get_symbols()
            if one.is_global() and one.is_referenced()
        }
        assert sorted(used - known) == [], block


def test_a_scenario_ported_from_amoc_is_fit_to_run() -> None:
    (scenario,) = scenarios_in(executed("how-to/port-from-amoc.md")).values()

    assert callbacks(scenario).start.is_async


def test_the_rehearsal_shows_what_the_page_says() -> None:
    names = executed("how-to/test-your-scenario.md")

    names["test_orders_never_come_faster_than_one_a_second"]()
    names["test_nobody_fails"]()
    with router_process() as router:
        names["test_the_chat_survives_a_stall"](router)


@pytest.mark.parametrize(
    "page", ["how-to/coordinate-users.md", "how-to/steer-live.md", "how-to/throttles-and-shapes.md"]
)
def test_the_scenarios_of_a_page_run(page: str) -> None:
    names: dict[str, Any] = {"__name__": "page", "anyio": anyio}
    for block in blocks(ROOT / "docs" / page):
        if "(murmur.Scenario)" in block:
            exec(compile(block, page, "exec"), names)

    for scenario in scenarios_in(names).values():
        users = rehearse(scenario, 20, user_rate=float("inf"), duration=5).users
        assert set(users["outcome"]) <= {"finished", "left", "killed"}, scenario


FRAGMENT = """
class Fragment(murmur.Scenario):
    async def init(self):
        self.http = Options(base_url="http://shop.test", transport=HttpStub(shop))
        self.messages = await murmur.throttle("paced", rate=10, interval=1)

    async def start(self, user):
        http, item = user.http, dict(id=7)
{}"""


def shop(request: Request) -> tuple[int, dict[str, str], bytes]:
    """Answer what the fragments ask for as they would have it."""
    path = request.target.partition("?")[0]
    bodies = {"/cart": {"items": [7], "total": 5}, "/health": {"up": True, "status": "up"}}
    status = 404 if path == "/items/9999" else 201 if request.method == "POST" else 200
    return status, {"content-type": "application/json"}, json.dumps(bodies.get(path, {})).encode()


def is_fragment(block: str) -> bool:
    """Return whether a block stands in an async function, and needs no stream of a server."""
    is_asynchronous = re.search(r"^(await|async with|    await) ", block, re.MULTILINE)
    return bool(is_asynchronous) and not re.search("def |stream|websocket|coordinator", block)


@pytest.mark.parametrize(
    ("page", "number"),
    [
        ("how-to/test-an-http-api.md", 3),
        ("how-to/throttles-and-shapes.md", 4),
        ("reference/throttles.md", 1),
    ],
)
def test_what_a_page_awaits_goes_through(
    page: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    times = pd.date_range("2026-01-01", periods=3000, freq="7s")
    pd.DataFrame({"time": times}).to_csv("access.csv", index=False)
    fragments = [block for block in blocks(ROOT / "docs" / page) if is_fragment(block)]
    for block in fragments:
        names = {"murmur": murmur, "Options": Options, "HttpStub": HttpStub, "shop": shop, "pd": pd}
        exec(FRAGMENT.format(textwrap.indent(block, " " * 8)), names)
        results = rehearse(names["Fragment"], 1, user_rate=float("inf"), duration=5)
        assert set(results.users["outcome"]) <= {"finished", "left"}, block
        assert results.errors.empty, block

    assert len(fragments) == number


def test_every_how_to_stands_in_one_group_of_the_index() -> None:
    folder = ROOT / "docs" / "how-to"
    index = (folder / "index.md").read_text(encoding="utf-8")
    groups = re.findall(r"^```\{generated\} pages\n(.*?)^```", index, re.MULTILINE | re.DOTALL)
    grouped = [name for group in groups for name in group.split()]
    tree = index.partition(":hidden:")[2].partition("```")[0].split()

    assert sorted(grouped) == sorted(
        path.stem for path in folder.glob("*.md") if path.stem != "index"
    )
    assert tree == grouped
