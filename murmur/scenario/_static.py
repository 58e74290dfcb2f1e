"""Reads scenarios from a syntax tree: nothing is imported, nothing evaluated.

Python itself is asked for one thing, the order of inheritance: empty classes are made
that derive from each other as those of the source do, and their ``__mro__`` is read.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence

from ._declarations import MASK
from ._description import Description, Setting, SourceText
from ._trait_call import TraitCall, literal, traitlets_names

_HARMLESS = frozenset({"object", "HasTraits", "ABC", "Protocol", "Generic"})
_ROOT = type("Scenario", (), {})


class Source:
    """The classes of one file."""

    def __init__(
        self,
        statements: Sequence[ast.stmt],  # the top-level statements of the file
        inherited: Sequence[Setting],  # the settings that `murmur.Scenario` itself declares
    ) -> None:
        self._inherited = inherited
        self._classes: dict[str, ast.ClassDef] = {}
        self._imports: dict[str, str] = {}
        for statement in _flat(statements):
            if isinstance(statement, ast.ClassDef):
                self._classes.pop(statement.name, None)  # a later one takes its place
                self._classes[statement.name] = statement
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                self._imports.update(_origins(statement))
        self._shadows: dict[str, type] = {}

    def has_class(self, name: str) -> bool:
        """Return whether the file defines a class of that name."""
        return name in self._classes

    def scenarios(self) -> list[str]:
        """Return the names of the scenarios, in the order of the file.

        Those without a ``start`` are bases of others; they count if there are no others.
        """
        candidates = [name for name in self._classes if self._is_scenario(name)]
        return [name for name in candidates if self._may_start(name)] or candidates

    def describe(self, name: str) -> Description:
        """Return the description of a class of the file."""
        doc = (ast.get_docstring(self._classes[name]) or "").partition("\n")[0]
        return Description(name, doc, tuple(self._settings(name)), tuple(self._unread(name)))

    def _settings(self, name: str) -> Iterator[Setting]:
        order = self._shadow(name).__mro__
        seen: set[str] = set()
        for position, owner in enumerate(order):
            if owner is _ROOT:
                yield from (s for s in self._inherited if s.name not in seen)
                continue
            for attribute, value in self._body(owner).items():
                if attribute in seen or attribute.startswith("_"):
                    continue
                seen.add(attribute)
                call = self._trait_call(value)
                if call is not None and call.tag("setting", default=True):
                    lineage = [c.__name__ for c in order[: position + 1]]
                    yield self._setting(attribute, call, owner.__name__, lineage)

    def _setting(self, name: str, call: TraitCall, owner: str, lineage: Sequence[str]) -> Setting:
        required, secret = bool(call.tag("required")), bool(call.tag("secret"))
        default: object = None
        if not required:
            is_computed = any(self._computes(each, name) for each in lineage)
            default = SourceText("computed") if is_computed else self._default(call)
        stays_live = any(known.live for known in self._inherited if known.name == name)
        return Setting(
            name=name,
            type=call.type,
            default=MASK if secret and not required else default,
            help=str(call.keyword("help", "")),
            live=bool(call.tag("live", default=stays_live))
            and not call.keyword("read_only", False),
            required=required,
            secret=secret,
            limits=call.limits(),
            choices=None if secret else call.choices(),
            declared_in=owner,
            local=bool(call.tag("local")),
        )

    def _default(self, call: TraitCall) -> object:
        """Return the default of the call, or the one its own trait class names."""
        if not call.has_default:
            first = self._trait_call(call.first_alternative)
            if first is not None:
                return self._default(first)
            for base in self._lineage(call.type):
                value = self._body(base).get("default_value")
                if value is not None:
                    return literal(value)
        return call.default()

    def _trait_call(self, value: ast.AST | None) -> TraitCall | None:
        """Return the declaration in ``name = Trait(...).tag(...)``, None if it is none."""
        tags: list[ast.keyword] = []
        while (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Attribute)
            and value.func.attr == "tag"
        ):
            tags += value.keywords
            value = value.func.value
        if not isinstance(value, ast.Call):
            return None
        origin = self._origin(value.func)
        kind = self._kind(origin, has_help=any(k.arg == "help" for k in value.keywords))
        if kind is None:
            return None
        inner = [self._trait_call(argument) is not None for argument in value.args]
        return TraitCall(origin.rpartition(".")[2], kind, value, tags, inner)

    def _kind(self, origin: str, *, has_help: bool) -> str | None:
        """Return the trait of traitlets that is called, in the end; None if none is.

        A name from elsewhere that is called with ``help=`` is taken for a trait, because
        traits may come from any package.
        """
        module, _, name = origin.rpartition(".")
        if not module and name in self._classes:
            bases = (self._origin(b) for c in self._lineage(name) for b in self._bases(c.__name__))
            kinds = (base.rpartition(".")[2] for base in bases)
            return next((kind for kind in kinds if kind in traitlets_names()), None)
        if module in {"", "traitlets", "traitlets.traitlets"} and name in traitlets_names():
            return name
        return name if has_help and name and not hasattr(builtins, origin) else None

    def _is_scenario(self, name: str) -> bool:
        if _ROOT in self._shadow(name).__mro__:
            return True
        if not self._unread(name):
            return False
        # A base from elsewhere may be a scenario; one that is not would have no traits.
        body = self._body(self._shadow(name))
        return "start" in body and any(self._trait_call(value) for value in body.values())

    def _may_start(self, name: str) -> bool:
        has_start = any("start" in self._body(base) for base in self._lineage(name))
        return has_start or bool(self._unread(name))

    def _computes(self, owner: str, name: str) -> bool:
        """Return whether the class gives the default by a method."""
        for statement in self._classes[owner].body if owner in self._classes else ():
            if not isinstance(statement, ast.FunctionDef):
                continue
            if statement.name == f"_{name}_default":
                return True
            for decorator in statement.decorator_list:
                if (
                    isinstance(decorator, ast.Call)
                    and self._origin(decorator.func).rpartition(".")[2] == "default"
                    and decorator.args
                    and literal(decorator.args[0]) == name
                ):
                    return True
        return False

    def _body(self, shadow: type) -> dict[str, ast.AST | None]:
        """Return what the body of a class assigns or defines, by name."""
        node = self._classes.get(shadow.__name__)
        if node is None or self._shadows.get(shadow.__name__) is not shadow:
            return {}
        return dict(_assignments(node.body))

    def _unread(self, name: str) -> list[str]:
        return [
            base.__name__
            for base in self._shadow(name).__mro__
            if base is not _ROOT
            and base.__name__ not in self._classes
            and base.__name__.rpartition(".")[2] not in _HARMLESS
        ]

    def _lineage(self, name: str) -> tuple[type, ...]:
        return self._shadow(name).__mro__ if name in self._classes else ()

    def _bases(self, name: str) -> list[ast.expr]:
        node = self._classes.get(name)
        return node.bases if node is not None else []

    def _shadow(self, name: str) -> type:
        """Return an empty class that inherits as the class of that name does."""
        if name not in self._shadows:
            # Entered first, so that a class which derives from itself comes to an end.
            self._shadows[name] = type(name, (), {})
            bases = tuple(dict.fromkeys(map(self._shadow_of_base, self._bases(name))))
            try:
                self._shadows[name] = type(name, bases, {})
            except TypeError:  # no consistent order: Python would refuse the class, too
                self._shadows[name] = type(name, bases[:1], {})
        return self._shadows[name]

    def _shadow_of_base(self, base: ast.expr) -> type:
        origin = self._origin(base)
        if origin in {"Scenario", "murmur.Scenario", "murmur.scenario.Scenario"}:
            return _ROOT if origin not in self._classes else self._shadow(origin)
        return self._shadow(origin or ast.unparse(base))

    def _origin(self, expression: ast.expr) -> str:
        """Return the dotted name of an expression, with import aliases undone."""
        if isinstance(expression, ast.Subscript):
            return self._origin(expression.value)
        if isinstance(expression, ast.Attribute):
            owner = self._origin(expression.value)
            return f"{owner}.{expression.attr}" if owner else ""
        if not isinstance(expression, ast.Name):
            return ""
        if expression.id in self._classes:
            return expression.id
        return self._imports.get(expression.id, expression.id)


def _flat(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, and those inside of ``if``, ``try`` and ``with``."""
    for statement in statements:
        yield statement
        for block in ("body", "handlers", "orelse", "finalbody"):
            inner = getattr(statement, block, ())
            if isinstance(statement, ast.If | ast.Try | ast.With | ast.ExceptHandler):
                yield from _flat(inner)


def _origins(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """Yield each name that an import binds, and what it stands for."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or whole, whole
        return
    module = "." * statement.level + (statement.module or "")
    for alias in statement.names:
        yield alias.asname or alias.name, f"{module}.{alias.name}"


def _assignments(body: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.AST | None]]:
    for statement in _flat(body):
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if statement.value is not None:
                yield statement.target.id, statement.value
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name, statement
