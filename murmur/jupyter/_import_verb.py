"""The verb of ``%amoc`` that writes a scenario from recorded traffic into the next cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.getipython import get_ipython

from murmur.errors import MurmurError
from murmur.traffic import scenario_from

from ._verb import Kind, Parameter, Verb

if TYPE_CHECKING:
    from ._context import Context
    from ._verb import Call

__all__ = ["IMPORT_VERB"]


def _import(context: Context, call: Call) -> str:
    try:
        written = scenario_from(call.values["file"], **call.given("name", "static"))
    except MurmurError as error:
        raise UsageError(str(error)) from error
    shell = get_ipython()
    if shell is not None:
        shell.set_next_input(written.source)
    return "\n".join([f"{written.name} is in the next cell", *written.notes])


IMPORT_VERB = Verb(
    "import",
    "Write a scenario from a HAR file, an OpenAPI document or lines of curl into the next cell.",
    _import,
    words=(Parameter("FILE", Kind.TEXT, "the file", required=True),),
    options=(
        Parameter("--name", Kind.TEXT, "of the class (after the file, if not given)", "NAME"),
        Parameter("--static", Kind.TEXT, "leave (default) or group: styles, pictures", "HOW"),
    ),
    example="%amoc import shop.har",
)
