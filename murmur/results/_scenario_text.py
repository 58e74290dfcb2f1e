"""The text of a scenario for whoever reads its results: as written, but for what is secret.

A setting with the tag ``secret`` may have a default, which is a literal in the text.  In its
place stands what stands for secrets everywhere; a text from which it cannot be taken for
certain is left out.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import accumulate
from typing import Any

from traitlets import TraitType

from ._surroundings import Surroundings

_MASK = "***"
_HARMLESS = {"help", "min", "max", "minlen", "maxlen", "allow_none", "read_only"}
"""What a trait is told besides its default; ``tag(...)`` is no such call."""

_TOO_SHORT = 4
"""Characters of a default that may occur by chance: only literals equal to it are masked."""

_Span = tuple[int, int]


def scenario_text(scenario: str | type) -> dict[str, object]:
    """Return the text of the class and its hash; nothing where Python cannot tell it.

    The hash is that of the class as it is written.  The text is without the defaults of
    secret settings, and is missing if they cannot be found in it.  ``above`` is what has to
    stand above it, and ``missing`` has the names whose values cannot be told.
    """
    if isinstance(scenario, str):
        return {}
    try:
        text = inspect.getsource(scenario)
    # Of a class in no file, it is OSError; in threads Python 3.11 may raise SystemError.  The
    # text is a nicety, and no run is lost over it.
    except Exception:  # noqa: BLE001
        return {}
    digest = sha256(text.encode(errors="surrogatepass")).hexdigest()
    try:
        shown = _without_secrets(text, scenario)
    except (SyntaxError, ValueError):  # a part of a file that cannot be read by itself
        return {"sha256": digest}
    above = Surroundings(text, scenario)
    told = _without_words(above.text, _secrets(scenario).values())
    return {"source": shown, "sha256": digest, "above": told, "missing": above.missing}


def _without_secrets(text: str, scenario: type) -> str:
    """Return the text without defaults of secrets; ValueError if one cannot be found."""
    secrets = _secrets(scenario)
    if not secrets:
        return text
    # A class within a function is indented; dedenting would change its longer strings.
    before = "if True:\n" if text[:1].isspace() else ""
    whole = before + text
    module = ast.parse(whole)
    node = next((each for each in ast.walk(module) if isinstance(each, ast.ClassDef)), None)
    if node is None:
        raise ValueError("the text holds no class")
    assigned = {name: list(_assigned(node, name)) for name in secrets}
    if any(name in vars(scenario) and not values for name, values in assigned.items()):
        raise ValueError("a secret setting was declared in another way than by its name")
    hidden = [part for values in assigned.values() for value in values for part in _told(value)]
    hidden += [value for name in secrets for value in _computed(node, name)]
    words = {word for each in secrets.values() for word in each}
    hidden += [
        each for each in ast.walk(node) if isinstance(each, ast.Constant) and each.value in words
    ]
    return _without_words(_masked(whole, hidden)[len(before) :], secrets.values())


def _without_words(text: str, secrets: Iterable[frozenset[str]]) -> str:
    """Return a text in which words that are secret are masked, also in comments."""
    words = {word for each in secrets for word in each}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _TOO_SHORT:
            text = text.replace(word, _MASK)
    return text


def _secrets(scenario: type) -> Mapping[str, frozenset[str]]:
    """Return the secret settings, each with the texts that its default holds."""
    secrets: dict[str, frozenset[str]] = {}
    for owner in reversed(scenario.__mro__):
        for name, trait in vars(owner).items():
            if isinstance(trait, TraitType) and trait.metadata.get("secret"):
                # Those of containers are kept as what makes them.
                default = trait.default_value, getattr(trait, "default_args", None)
                words = frozenset(_words(default))
                secrets[name] = secrets.get(name, frozenset()) | words
    return secrets


def _words(value: Any) -> Iterator[str]:  # noqa: ANN401 - a default is whatever its trait takes
    """Yield the texts in a default."""
    match value:
        case str():
            if value:
                yield value
        case bytes():
            yield from _words(value.decode(errors="replace"))
        case Mapping():
            yield from _words(list(value.values()))
        case list() | tuple() | set() | frozenset():
            for each in value:
                yield from _words(each)


def _assigned(node: ast.ClassDef, name: str) -> Iterator[ast.expr]:
    """Yield what the class assigns to a name."""
    for line in node.body:
        match line:
            case ast.Assign(targets=targets, value=value):
                if any(isinstance(each, ast.Name) and each.id == name for each in targets):
                    yield value
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value):
                if target == name:
                    yield value


def _computed(node: ast.ClassDef, name: str) -> Iterator[ast.expr]:
    """Yield what a method that makes the default of a setting may return."""
    for line in node.body:
        if isinstance(line, ast.FunctionDef) and _makes_default(line, name):
            for inside in ast.walk(line):
                if isinstance(inside, ast.Return) and inside.value is not None:
                    yield inside.value


def _told(value: ast.expr) -> Iterator[ast.expr]:
    """Yield what a trait is told: arguments of its call, not those of a tag behind it."""
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Call() as trait, attr="tag")):
            yield from _told(trait)
        case ast.Call(args=arguments, keywords=keywords):
            yield from arguments
            yield from (each.value for each in keywords if each.arg not in _HARMLESS)
        case _:
            yield value


def _makes_default(function: ast.FunctionDef, name: str) -> bool:
    """Whether it is ``@default(name)``, or what stood for that before traitlets 4.1."""
    if function.name == f"_{name}_default":
        return True
    given = (each.args for each in function.decorator_list if isinstance(each, ast.Call))
    return any(
        isinstance(each, ast.Constant) and each.value == name
        for arguments in given
        for each in arguments[:1]
    ) and any("default" in ast.unparse(each) for each in function.decorator_list)


def _masked(text: str, hidden: Iterable[ast.expr]) -> str:
    """Return the text with the mask in the place of each expression."""
    data = text.encode()
    starts = [0, *accumulate(len(line) for line in data.splitlines(keepends=True))]
    spans: set[_Span] = set()
    for each in hidden:
        assert each.end_lineno is not None
        assert each.end_col_offset is not None
        low = starts[each.lineno - 1] + each.col_offset
        spans.add((low, starts[each.end_lineno - 1] + each.end_col_offset))
    kept, at = [], 0
    for low, high in sorted(spans, key=lambda span: (span[0], -span[1])):
        if low >= at:  # or it lies within one that is masked already
            kept += [data[at:low], repr(_MASK).encode()]
            at = high
    return b"".join([*kept, data[at:]]).decode()
