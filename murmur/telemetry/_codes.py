"""Small integers for text: what makes rows compact, and what bounds them.

A label gets the next free code when it is first seen.  Once there are as many as the
limit allows, every new one shares code 0, so a scenario that puts an id into a name
cannot fill the memory.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._plain import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Sequence

    import numpy as np
    from numpy.typing import NDArray

OTHER = "(other)"
"""The label that stands for all that came after the limit was reached."""

MISSING = -1
"""The code of no label at all, as in pandas."""

Label = TypeVar("Label", bound="Hashable")


class Codes(dict[Label, int], Generic[Label]):
    """Gives each label a code by look-up: ``codes[label]``.

    A look-up of a known label is a dictionary's own; an unknown one is added without a
    lock.  Threads that add the same label at once may use up a code for nothing.
    """

    def __init__(
        self,
        limit: int,  # how many labels are told apart
        other: Label,
    ) -> None:
        super().__init__()
        self._limit = limit
        self._labels: dict[int, Label] = {0: other}
        self._next = itertools.count(1)
        self._other = other
        self[other] = 0

    def __missing__(self, label: Label) -> int:
        if len(self) > self._limit:
            return 0
        code = next(self._next)
        self._labels[code] = label  # before anyone can write the code into a row
        return self.setdefault(label, code)

    def labels(self) -> tuple[Label, ...]:
        """Return the label of every code given so far, in their order."""
        labels = self._labels.copy()
        return tuple(labels.get(code, self._other) for code in range(max(labels) + 1))


class Names(Codes[str]):
    """Codes of names as people give them: whatever it was, the label is text.

    A name that is text is looked up as it is.  Any other is turned into text each time
    (see `name_of`) and has the code of that: keeping it would keep the object.

    Examples
    --------
    >>> names = Names(10, OTHER)
    >>> names["404"] == names[404]
    True
    >>> names.labels()
    ('(other)', '404')
    """

    def __init__(
        self,
        limit: int,
        other: str,
        conceal: Callable[[str], str] = str,  # returns a name without the secrets in it
    ) -> None:
        super().__init__(limit, other)
        self._conceal = conceal

    def __missing__(self, label: object) -> int:
        text = self._conceal(name_of(label))
        if type(label) is str and text == label:
            return super().__missing__(label)
        return self[text]

    def code_of(self, label: object) -> int:
        """Return the code of a name that may be anything, also what cannot be hashed."""
        return self[label if type(label) is str else name_of(label)]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """A column of text, as codes and the labels they stand for."""

    codes: NDArray[np.signedinteger[Any]]  # one per row; -1 where there is no label
    # what each code stands for; distinct, so that `pandas.Categorical.from_codes(codes, labels)`
    # takes them
    labels: tuple[str, ...]

    @classmethod
    def used(cls, codes: NDArray[Any], labels: Sequence[str]) -> Labels:
        """Return the column with those labels only that occur in it, in their order."""
        import numpy as np

        present = np.zeros(len(labels) + 1, np.bool_)  # one more, for code -1
        present[codes] = True
        kept = np.flatnonzero(present[:-1])
        renumbered = np.full(len(labels) + 1, MISSING, np.int32)
        renumbered[kept] = np.arange(len(kept))
        return cls(renumbered[codes], tuple(labels[code] for code in kept.tolist()))

    def __len__(self) -> int:
        return len(self.codes)

    def among(self, texts: Collection[str]) -> NDArray[np.bool_]:
        """Return which rows have one of these texts; those without any do not.

        Examples
        --------
        >>> import numpy as np
        >>> Labels(np.array([0, -1, 1]), ("echo", "login")).among({"login", "logout"}).tolist()
        [False, False, True]
        """
        import numpy as np

        return np.isin(self.codes, [code for code, text in enumerate(self.labels) if text in texts])

    def decode(self) -> list[str | None]:
        """Return the text of every row, None where there is none.

        Examples
        --------
        >>> import numpy as np
        >>> Labels(np.array([0, -1, 1]), ("echo", "login")).decode()
        ['echo', None, 'login']
        """
        texts: Sequence[str | None] = (*self.labels, None)
        return [texts[code] for code in self.codes.tolist()]
