"""Writes the parts of pages that the code knows better than any author.

A page asks for one with a fenced block::

    ```{generated} events
    ```

which is replaced by Markdown before the page is parsed, so that its headings are those of
any page.  Whatever is added to the code is on the page at the next build.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(
    r"^```\{generated\} (?P<kind>[\w-]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)

# What the second word of an event's name stands for; another one is a heading of its own.
_GROUPS = {
    "scenario": "Callbacks of the scenario",
    "controller": "Users and runs",
    "run": "Users and runs",
    "user": "Users and runs",
    "mailbox": "Users and runs",
    "throttle": "Throttles",
    "coordinator": "Coordinators",
    "config": "Settings",
    "cluster": "Nodes",
    "http": "HTTP",
    "health": "murmur itself",
    "handler": "murmur itself",
    "exporter": "murmur itself",
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Replace the blocks; an event is an object with a place in the index, but no Python."""
    app.add_object_type("event", "event", "pair: %s; event", objname="event")
    app.connect("source-read", _expand)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _expand(app: Sphinx, docname: str, content: list[str]) -> None:
    folder = (Path(app.srcdir) / docname).parent
    content[0] = expand(content[0], folder)


def expand(text: str, folder: Path) -> str:
    """Return `text`, the source of a page in `folder`, with every block written out."""
    return _BLOCK.sub(lambda match: _KINDS[match["kind"]](match["body"], folder), text)


def _events(body: str, folder: Path) -> str:
    from murmur.telemetry import CATALOGUE

    groups: dict[str, list[str]] = {}
    for entry in CATALOGUE.values():
        word = entry.name.split(".")[1]
        measurements = ", ".join(f"`{key}`" for key in entry.measurements) or "none"
        metadata = ", ".join(f"`{key}`" for key in entry.metadata) or "none"
        groups.setdefault(_GROUPS.get(word, word.capitalize()), []).append(
            _object(
                "event",
                entry.name,
                entry.summary,
                f"Measurements: {measurements}. Metadata: {metadata}. "
                f"{'Frequent' if entry.frequent else 'Kept'}.",
            )
        )
    return "\n".join(f"## {title}\n\n" + "\n".join(rows) for title, rows in groups.items())


def _frames(body: str, folder: Path) -> str:
    return "\n".join(_frame(frame) for frame in frames().values())


def frames() -> dict[str, Any]:
    """Return the frames of a run, then those that some module of results has besides."""
    from murmur import results

    found = dict(results.FRAMES)
    for info in pkgutil.iter_modules(results.__path__, "murmur.results."):
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, results.Frame):
                found.setdefault(value.name, value)
    return found


def _frame(frame: Any) -> str:  # noqa: ANN401 - murmur.results.Frame, which imports pandas
    rows = [
        (
            f"`{column.name}`{{#{frame.name}-{column.name}}}",
            column.dtype,
            column.unit,
            column.meaning,
        )
        for column in frame.columns
    ]
    return "\n".join(
        [
            _heading("##", "frame", frame.name),
            f"{frame.row}\n\n{frame.notes}\n",
            _table(("column", "dtype", "unit", "meaning"), rows),
        ]
    )


def _metrics(body: str, folder: Path) -> str:
    """Return the metrics whose names begin with one of the words on `body`'s first line."""
    from murmur.exporters import METRICS

    words = tuple(body.split())
    return "\n".join(
        f"### `{metric.full_name}`\n\n{metric.help}\n{metric.kind.capitalize()}"
        f"{' by ' * bool(metric.labels)}{', '.join(f'`{label}`' for label in metric.labels)}.\n"
        for metric in METRICS.values()
        if metric.name.startswith(words)
    )


def _verbs(body: str, folder: Path) -> str:
    from murmur.jupyter._verbs import VERBS

    notes = _definitions(body)
    if unknown := notes.keys() - VERBS.keys():
        raise ValueError(f"there are notes on verbs that do not exist: {sorted(unknown)}")
    return "\n".join(_verb(verb, notes.get(name, "")) for name, verb in VERBS.items())


def _verb(verb: Any, note: str) -> str:  # noqa: ANN401 - murmur.jupyter's Verb, which is private
    parameters = [(f"`{typed}`", _cell(meaning)) for typed, meaning in verb.parameters()]
    return "\n".join(
        [
            _heading("###", "verb", verb.name),
            f"{verb.summary}\n",
            f"```text\n{verb.usage}\n```\n",
            _table(("given", "meaning"), parameters) if parameters else "",
            note,
            "",
            f"```python\n{verb.example}\n```\n",
        ]
    )


def _commands(body: str, folder: Path) -> str:
    from murmur._cli._commands import murmur

    # With what `murmur` itself is made with: each command keeps the names of its first --help.
    context = click.Context(murmur, info_name="murmur", **murmur.context_settings)
    return "\n".join(
        _command(murmur.get_command(context, name), context)
        for name in murmur.list_commands(context)
    )


def _command(command: click.Command | None, parent: click.Context) -> str:
    assert command is not None
    with click.Context(command, info_name=command.name, parent=parent) as context:
        path = f"murmur {command.name}"
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        parts = [_heading("##", "command", path), _prose(command.help or "") + "\n"]
        parts += [f"```text\n{usage}\n```\n", f"```{{program}} {path}\n```\n"]
        section = None
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context)
            if not isinstance(parameter, click.Option) or record is None:
                continue
            if (title := getattr(parameter, "section", "Options")) != section:
                section = title
                parts.append(f"**{title}**\n")
            parts.append(_object("option", record[0].replace(" / ", ", "), _cell(record[1])))
        if command.epilog:
            epilog = command.epilog.replace("\b\n", "").strip()
            parts.append(f"```text\n{epilog}\n```\n")
    return "\n".join(parts)


def _check_grammar(body: str, folder: Path) -> str:
    from murmur.results.checks import _text as _check_text

    grammar = re.search(r"::\n\n(.*?)\n\n(?=\S)", _check_text.__doc__ or "", re.DOTALL)
    assert grammar is not None
    lines = [line.removeprefix("    ") for line in grammar[1].splitlines()]
    return "```text\n" + "\n".join(lines) + "\n```\n"


def _layers(body: str, folder: Path) -> str:
    """Return the layers that lint-imports checks, the highest first, with what each holds."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contract = next(c for c in settings["importlinter"]["contracts"] if c["type"] == "layers")
    layers = [re.findall(r"\w+", layer) for layer in contract["layers"]]
    rows = [
        (str(number), f"`murmur.{package}`", _inside(package))
        for number, packages in zip(reversed(range(len(layers))), layers, strict=True)
        for package in packages
        if _inside(package)
    ]
    return _table(("layer", "package", "holds"), rows)


def _inside(package: str) -> str:
    """Return the first line of a package's docstring; nothing if it is not there (yet)."""
    for path in (ROOT / "murmur" / package / "__init__.py", ROOT / "murmur" / f"{package}.py"):
        if path.exists():
            docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            return _cell(docstring.split("\n\n")[0])
    return ""


def _pages(body: str, folder: Path) -> str:
    """Return a list of pages, each with the sentence that it begins with.

    The pages are those that the body names, in its order; all of the folder if it names none.
    """
    all_of_them = sorted(path.stem for path in folder.glob("*.md") if path.stem != "index")
    rows = [
        (f"[]({name}.md)", _opening((folder / f"{name}.md").read_text(encoding="utf-8")))
        for name in body.split() or all_of_them
    ]
    return _table(("page", "in short"), rows)


def _opening(text: str) -> str:
    """Return the first sentence below the title, as plain text."""
    below = text.partition("\n# ")[2] if not text.startswith("# ") else text
    paragraphs = [part.strip() for part in below.partition("\n## ")[0].split("\n\n")[1:]]
    prose = next((p for p in paragraphs if re.match(r"[\w%*\[]|`\w", p)), "")
    sentence = re.match(r".*?[.?!](?=\s|$)", " ".join(prose.split()))
    return _cell(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", sentence[0] if sentence else ""))


def _heading(level: str, kind: str, name: str) -> str:
    """Return a heading with a label, such as ``frame-users``, that any page can link to."""
    return f"({kind}-{name.replace(' ', '-')})=\n\n{level} {name}\n"


def _object(directive: str, name: str, *paragraphs: str) -> str:
    body = "\n\n".join(part for part in paragraphs if part)
    return f"::::{{{directive}}} {name}\n{body}\n::::\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _prose(text: str) -> str:
    return "\n\n".join(_cell(part) for part in text.replace("\b\n", "").split("\n\n"))


def _definitions(text: str) -> dict[str, str]:
    """Return what a definition list says: a name on one line, ``: its text`` below it."""
    found = re.findall(r"^(\S+)\n: (.*?)(?=^\S+\n: |\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: re.sub(r"^  ", "", note, flags=re.MULTILINE).strip() for name, note in found}


_KINDS: Mapping[str, Callable[[str, Path], str]] = {
    "check-grammar": _check_grammar,
    "commands": _commands,
    "events": _events,
    "frames": _frames,
    "layers": _layers,
    "metrics": _metrics,
    "pages": _pages,
    "verbs": _verbs,
}
