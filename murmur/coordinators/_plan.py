"""Plans of a coordinator: what happens when how many users have come.

Here a plan is read, checked and put in order.  Nothing in this module waits, counts users
or calls an action.
"""

from __future__ import annotations

import inspect
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from types import CellType, FunctionType
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from murmur._guard import heard, text_of
from murmur.errors import CoordinatorError, InvalidArgumentError, sentences

HowMany: TypeAlias = int | tuple[int, int] | Literal["all"]
Kind: TypeAlias = Literal["coordinate", "timeout", "reset", "stop"]
Function: TypeAlias = Callable[..., object]
ItemLike: TypeAlias = tuple[HowMany, Function | Sequence[Function]]
PlanLike: TypeAlias = ItemLike | Sequence[ItemLike]


class HasId(Protocol):
    """A user, as far as a coordinator cares."""

    @property
    def id(self) -> int:
        """The number that tells this user from all others."""


class Member(NamedTuple):
    """A user in a batch, with the data it brought along; equal to the plain tuple.

    Attributes
    ----------
    user : User
        Who came, as it was given to `Coordinator.add`; of another node, what stands for it.
    data : object
        What it brought along.

    Examples
    --------
    An action may write to those who are still there::

        def greet(self, event, members):
            for member in members:
                if member.is_here:
                    member.user.send(f"hello, {member.id}")
    """

    user: Any
    data: Any

    @property
    def id(self) -> int:
        """Id of the user."""
        return int(self.user.id)

    @property
    def is_here(self) -> bool:
        """Whether the user is not gone: one that finished keeps its place in a batch.

        Of a user of another node, this is what was known when the batch was closed.
        """
        return bool(getattr(self.user, "is_here", True))


@dataclass(frozen=True, slots=True)
class CoordinatorEvent:
    """Why an action is called.

    Attributes
    ----------
    kind : {"coordinate", "timeout", "reset", "stop"}
        ``"coordinate"``: the users needed are there.  Otherwise the batch was closed with
        the users it had.
    count : int
        Users in the batch; may be 0 unless the kind is ``"coordinate"``.
    coordinator : hashable
        The coordinator's name.
    configured : int, (int, int) or "all"
        How many users the plan asks for.
    """

    kind: Kind
    count: int
    coordinator: object
    configured: HowMany


@dataclass(frozen=True, slots=True)
class Action:
    """A function of a plan, and how many parameters it is called with."""

    function: Function
    arity: int

    def calls(
        self, event: CoordinatorEvent, members: Sequence[Member]
    ) -> Iterator[tuple[object, ...]]:
        """Yield the arguments of each call that `event` asks for."""
        if self.arity == 1:
            yield (event,)
        elif self.arity == 2:
            yield event, list(members)  # a list of its own: it may do with it what it likes
        else:
            for newer, older in distinct_pairs(members):
                yield event, newer, older

    def is_same(self, other: Action) -> bool:
        """Whether both do the same."""
        return _is_same_function(self.function, other.function)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a plan."""

    how_many: HowMany
    actions: tuple[Action, ...]

    @property
    def is_all(self) -> bool:
        """Whether the item waits for a timeout, reset or stop, however many users come."""
        return self.how_many == "all"

    @property
    def keeps_members(self) -> bool:
        """Whether any action wants to know who came; otherwise nobody is kept."""
        return any(action.arity > 1 for action in self.actions)

    def draw(self, random: Random) -> float:
        """Return how many users complete the next batch; ``inf`` for `all`."""
        match self.how_many:
            case (fewest, most):
                return random.randint(fewest, most)
            case "all":
                return math.inf
            case number:
                return number


@dataclass(frozen=True, slots=True)
class Plan:
    """What a coordinator does, checked and in order: numbered items first, then `all`."""

    items: tuple[Item, ...]  # may be empty: such a coordinator serves `Coordinator.gather` alone
    timeout: float  # seconds after the last `add` until unfinished batches are closed; `inf`: never

    @classmethod
    def read(
        cls,
        given: PlanLike,  # how many is a number, an inclusive range `(min, max)` or `"all"`
        timeout: float = 30.0,
    ) -> Plan:
        """Read a plan as a scenario writes it.

        Raises `InvalidArgumentError` with every problem that was found.
        """
        problems: list[str] = []
        if not _is_positive(timeout):
            told = text_of(timeout, repr)
            problems.append(f"timeout must be seconds above 0 or math.inf, not {told}")
        lines = given if isinstance(given, list) else [given]
        items = [_read_item(line, f"item {i}", problems) for i, line in enumerate(lines, 1)]
        if problems:
            raise InvalidArgumentError("invalid plan", sentences(problems))
        ordered = sorted((item for item in items if item), key=lambda item: item.is_all)
        return cls(tuple(ordered), float(timeout))

    def is_same(self, other: Plan) -> bool:
        """Whether both ask for the same, even if their functions were defined anew."""
        return (
            self.timeout == other.timeout
            and [_shape(item) for item in self.items] == [_shape(item) for item in other.items]
            and all(
                one.is_same(another)
                for item, counterpart in zip(self.items, other.items, strict=True)
                for one, another in zip(item.actions, counterpart.actions, strict=True)
            )
        )


def conflict(name: object) -> CoordinatorError:
    """Return the error of a coordinator that is asked for with another plan than it has."""
    problem = f"coordinator {name!r} exists with another plan or timeout"
    return CoordinatorError(f"{problem}; stop it first")


def distinct_pairs(
    members: Sequence[Member],
) -> Iterator[tuple[Member | None, Member | None]]:
    """Yield every pair of members once, in the order of `members`.

    One member comes with None, and none at all is one pair of None: an action that takes
    pairs is told of these batches, too.

    Examples
    --------
    >>> list(distinct_pairs("cba"))
    [('c', 'b'), ('c', 'a'), ('b', 'a')]
    >>> list(distinct_pairs("a"))
    [('a', None)]
    >>> list(distinct_pairs(""))
    [(None, None)]
    """
    if len(members) > 1:
        yield from itertools.combinations(members, 2)
    else:
        yield (members[0] if members else None), None


def whole_number(value: object) -> int | None:
    """Return `value` as an int if it is a whole number of at least 1, else None."""
    if isinstance(value, bool):
        return None
    number = heard(operator.index, value).value
    return number if number is not None and number >= 1 else None


def _is_positive(seconds: object) -> bool:
    """Whether it is a number of seconds, also one without end."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return False
    return seconds > 0 and heard(float, seconds).error is None


def _read_item(given: object, where: str, problems: list[str]) -> Item | None:
    """Return the item, or None after adding to `problems` what is wrong with it."""
    if not (isinstance(given, tuple) and len(given) == 2):
        problems.append(f"{where} must be a pair (how many, action or list of actions)")
        return None
    before = len(problems)
    how_many = _read_how_many(given[0], where, problems)
    functions = list(given[1]) if isinstance(given[1], list | tuple) else [given[1]]
    if not functions:
        problems.append(f"{where} has no action")
    arities = [_read_arity(function, where, problems) for function in functions]
    if how_many == "all" and 3 in arities:
        problems.append(
            f"{where}: an action of 'all' takes (event) or (event, users): "
            "pairs of everybody would be too many"
        )
    if len(problems) > before:
        return None
    return Item(how_many, tuple(map(Action, functions, arities)))


def _read_how_many(given: object, where: str, problems: list[str]) -> HowMany:
    if isinstance(given, str) and given == "all":
        return "all"
    if isinstance(given, tuple) and len(given) == 2:
        fewest, most = map(whole_number, given)
        if fewest is not None and most is not None and fewest <= most:
            return fewest, most
    elif (number := whole_number(given)) is not None:
        return number
    problems.append(
        f"{where}: how many must be a whole number of at least 1, a range (min, max) "
        f"with 1 <= min <= max, or 'all', not {given!r}"
    )
    return "all"


def _read_arity(function: object, where: str, problems: list[str]) -> int:
    """Return how many parameters without a default `function` has."""
    if not callable(function):
        problems.append(f"{where}: an action must be callable, not {function!r}")
        return 0
    name = getattr(function, "__qualname__", None) or repr(function)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions written in C tell nothing
        problems.append(f"{where}: the parameters of {name} are unknown; wrap it in a lambda")
        return 0
    needed = [p for p in parameters if p.default is p.empty and p.kind not in _OPEN_ENDED]
    if 1 <= len(needed) <= 3 and all(p.kind is not p.KEYWORD_ONLY for p in needed):
        return len(needed)
    problems.append(
        f"{where}: {name} must take (event), (event, users) or (event, a, b), and not "
        f"{inspect.signature(function)}; parameters with a default do not count"
    )
    return 0


_OPEN_ENDED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _shape(item: Item) -> tuple[HowMany, int]:
    return item.how_many, len(item.actions)


def _is_same_function(one: Function, other: Function) -> bool:
    """Whether both are equal, or made by the same `def` or lambda over the same values.

    A scenario that starts its coordinator from every user's `start` makes its lambdas
    anew each time; that is no other plan.
    """
    if one is other or one == other:
        return True
    if not (isinstance(one, FunctionType) and isinstance(other, FunctionType)):
        return False
    return one.__code__ is other.__code__ and _surroundings(one) == _surroundings(other)


def _surroundings(function: FunctionType) -> tuple[list[int], ...]:
    """Return the identities of all that `function` carries besides its code."""
    keywords = function.__kwdefaults__ or {}
    return (
        [id(value) for value in function.__defaults__ or ()],
        [id(keywords[name]) for name in sorted(keywords)],
        [id(_contents(cell)) for cell in function.__closure__ or ()],
    )


def _contents(cell: CellType) -> object:
    """Return what a cell holds; one that is still empty is like itself alone."""
    try:
        return cell.cell_contents
    except ValueError:
        return cell
