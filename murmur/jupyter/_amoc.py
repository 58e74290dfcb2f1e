"""The ``%amoc`` magic: parses a line, makes one call on the session, returns its answer."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import (
    Magics,
    line_cell_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
)

import murmur
from murmur.errors import MurmurError, UnknownSettingError

from ._help import explain, overview
from ._verb import Context, parse
from ._verbs import VERBS, find_verb
from ._words import split_words

Function = TypeVar("Function", bound=Callable[..., object])


def _listing_verbs(function: Function) -> Function:
    """Append the verbs to the docstring, which is what ``%amoc?`` shows."""
    function.__doc__ = f"{function.__doc__}\n{overview(VERBS)}\n"
    return function


def _overview(cell: str | None) -> object:
    """Return the help; refuse a cell, which would look as if it had been run."""
    if cell is not None:
        raise UsageError("nothing was run: %%amoc needs a line of its own, such as: %%amoc do NAME")
    return overview(VERBS)


@magics_class
class Amoc(Magics):
    """Steers one session from notebook cells."""

    def __init__(
        self,
        shell: InteractiveShell,  # the shell whose names a line may use
        # the session to steer; the notebook's default one, `murmur.session`, if not given
        session: murmur.Session | None = None,
    ) -> None:
        super().__init__(shell)
        self._shell = shell  # as `self.shell`, which is declared optional
        self.session = session  # the session given; may be replaced
        self._attached: murmur.Session | None = None
        # what `murmur.jupyter.unload` has to take back
        self.undo: ExitStack[bool | None] = ExitStack()

    @line_cell_magic
    @no_var_expand  # a value stays one word here, whatever blanks and quotes it has
    @needs_local_scope
    @_listing_verbs
    def amoc(
        self,
        line: str,
        cell: str | None = None,
        local_ns: dict[str, object] | None = None,
    ) -> object:
        """Steer a load test: ``%amoc do Chat 100 port=8888``, ``%amoc add 50``."""
        context = self.context(local_ns)
        name, *words = split_words(line, context.namespace) or ["--help"]
        if name == "help" and words:
            name, words = words[0], ["--help"]
        if name in {"--help", "-h", "help"}:
            return _overview(cell)
        verb = find_verb(name, context, words)
        if not {"--help", "-h"}.isdisjoint(words):
            return explain(verb)
        if cell is not None and verb.name != "do":
            raise UsageError(f"only do takes a cell; write: %amoc {line.strip()}")
        call = parse(verb, words)
        if cell is not None:
            run_body(self._shell, cell)
        try:
            return verb.handler(context, call)
        except UnknownSettingError as error:
            raise UsageError(f"{error}{verb.hint(error.names)}") from error
        except MurmurError as error:
            raise UsageError(str(error)) from error

    def context(self, local_ns: dict[str, object] | None = None) -> Context:
        """Return what a verb works on: the session and the names in reach.

        They are looked up, not copied: the body of a cell may define them anew.
        """
        names = self._shell.user_ns
        reach = names if local_ns is None else ChainMap(local_ns, names)
        return Context(self._find_session, reach, self._steer)

    def _find_session(self) -> murmur.Session:
        if self._attached is not None:
            return self._attached
        return murmur.session() if self.session is None else self.session

    def _steer(self, session: murmur.Session | None) -> None:
        self._attached = session


def run_body(shell: InteractiveShell, body: str) -> None:
    """Run `body` as a cell of the notebook, so that tracebacks and sources show its lines.

    Raises `UsageError` if the body fails; the shell has shown how.  Raised, so that the cells
    below do not run as if a load test had started.
    """
    if _waits(shell, body):
        raise UsageError("a body cannot use await at top level: move it to a cell of its own")
    if not body.lstrip().startswith("%%"):
        # Stands for the line of the magic, so that line numbers are those of the cell.  Not
        # the line itself, which may hold a secret: tracebacks would show it.
        body = f"# %%amoc do\n{body}"
    if not shell.run_cell(body, store_history=False).success:
        raise UsageError("nothing was started: the body of the cell failed")


def _waits(shell: InteractiveShell, body: str) -> bool:
    """Whether `body` would need the event loop that, in a kernel, runs this very cell."""
    if getattr(shell, "kernel", None) is None:
        return False
    try:
        transformed = shell.transform_cell(body)
    except SyntaxError:
        return False  # running it shows the error
    return bool(shell.should_run_async(body, transformed_cell=transformed))
