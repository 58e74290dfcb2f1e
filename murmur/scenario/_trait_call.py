"""One declaration such as ``Int(8888, min=1, help="...")``, read from a syntax tree."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Iterable, Sequence

import traitlets

from ._declarations import default_of
from ._description import SourceText

_NUMBERS = frozenset({"Int", "Integer", "Long", "CInt", "CLong", "Float", "CFloat"})
_CONTAINERS = frozenset({"List", "Set", "Dict", "Tuple"})
_ENUMS = frozenset({"Enum", "CaselessStrEnum", "FuzzyEnum", "UseEnum"})
_WITHOUT_DEFAULT_ARGUMENT = frozenset({"Instance", "ForwardDeclaredInstance", "Union"})


class TraitCall:
    """A declaration; what it says is read on demand."""

    def __init__(
        self,
        trait_type: str,  # the class that is called
        kind: str,  # the trait of traitlets that it is or derives from
        call: ast.Call,
        tags: Iterable[ast.keyword],  # the keywords of `.tag(...)`
        # for each positional argument, whether it is a trait in its turn
        trait_arguments: Sequence[bool],
    ) -> None:
        self.type = trait_type
        self._kind = kind
        self._arguments = call.args
        self._keywords = {k.arg: k.value for k in call.keywords if k.arg is not None}
        self._tags = {k.arg: k.value for k in [*tags][::-1] if k.arg is not None}
        self._trait_arguments = trait_arguments

    @property
    def has_default(self) -> bool:
        """Whether the call names a default."""
        return self._default_expression() is not None

    @property
    def first_alternative(self) -> ast.expr | None:
        """The first trait of a Union, which lends it the default."""
        if self._kind != "Union" or not self._arguments:
            return None
        traits = self._arguments[0]
        return traits.elts[0] if isinstance(traits, ast.List | ast.Tuple) and traits.elts else None

    def default(self) -> object:
        """Return the default that the call names, or else that of its trait."""
        expression = self._default_expression()
        return _implied_default(self._kind) if expression is None else literal(expression)

    def keyword(self, name: str, otherwise: object) -> object:
        """Return the value of a keyword of the call."""
        return literal(self._keywords[name]) if name in self._keywords else otherwise

    def tag(self, name: str, *, default: object = None) -> object:
        """Return the value of a tag."""
        return literal(self._tags[name]) if name in self._tags else default

    def limits(self) -> tuple[object, object] | None:
        """Return smallest and largest value, or None if it is not limited."""
        if self._kind not in _NUMBERS:
            return None
        low, high = self.keyword("min", None), self.keyword("max", None)
        low = None if low == -math.inf else low
        high = None if high == math.inf else high
        return None if low is None and high is None else (low, high)

    def choices(self) -> tuple[object, ...] | None:
        """Return the allowed values, or None if they are not enumerated."""
        if self._kind not in _ENUMS - {"UseEnum"}:
            return None
        expression = self._keywords.get("values", self._arguments[0] if self._arguments else None)
        if isinstance(expression, ast.List | ast.Tuple | ast.Set):
            return tuple(map(literal, expression.elts))
        return () if expression is None else (literal(expression),)

    def _default_expression(self) -> ast.expr | None:
        if "default_value" in self._keywords:
            return self._keywords["default_value"]
        if self._kind in _WITHOUT_DEFAULT_ARGUMENT:
            return None
        position = 1 if self._kind in _ENUMS else 0
        if len(self._arguments) <= position:
            return None
        if self._kind in _CONTAINERS and self._trait_arguments[position]:
            return None  # List(Int()): the trait of the items
        return self._arguments[position]


def literal(expression: ast.AST) -> object:
    """Return the value of a literal, or the source text of anything else.

    Infinity and NaN have no literal; their usual spellings are known.
    """
    if not isinstance(expression, ast.expr):
        return None
    try:
        return ast.literal_eval(expression)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if isinstance(expression, ast.UnaryOp) and isinstance(expression.op, ast.USub):
        number = literal(expression.operand)
        return -number if isinstance(number, float) else SourceText(ast.unparse(expression))
    text = ast.unparse(expression)
    return _SPELLINGS.get(text.lower().replace("'", "").replace(" ", ""), SourceText(text))


_SPELLINGS = {
    "float(inf)": math.inf,
    "float(infinity)": math.inf,
    "float(-inf)": -math.inf,
    "float(nan)": math.nan,
    "math.inf": math.inf,
    "math.nan": math.nan,
}


@functools.cache
def traitlets_names() -> frozenset[str]:
    """Return the names of all traits that come with traitlets."""
    return frozenset(
        name
        for name, value in vars(traitlets).items()
        if isinstance(value, type) and issubclass(value, traitlets.TraitType)
    )


def _implied_default(kind: str) -> object:
    """Return the default of a trait that is declared without one."""
    trait = getattr(traitlets, kind, None)
    try:
        return default_of(trait()) if trait is not None else None
    except (
        TypeError,
        traitlets.TraitError,
    ):  # it cannot be made without arguments, and has no default then
        return None
