"""The verb of ``%amoc`` that shows each request of one user while it goes on."""

from __future__ import annotations

import sys
import time

from murmur._session import RequestLog

from ._context import Context
from ._verb import Call, Kind, Parameter, Verb

__all__ = ["WATCH_VERB"]

SECONDS = 10.0
TURN = 0.1


def _watch(context: Context, call: Call) -> None:
    run = context.run
    with RequestLog(call.values["user"]) as log:
        until = time.monotonic() + call.values.get("seconds", SECONDS)
        while True:
            is_over = run.is_over or time.monotonic() >= until
            sys.stdout.writelines(f"{line}\n" for line in log.take())
            if is_over:
                break
            time.sleep(TURN)
        if silence := log.silence():
            sys.stdout.write(f"{silence}\n")


WATCH_VERB = Verb(
    "watch",
    "Show each request of one user of this process as it ends, for ten seconds.",
    _watch,
    words=(Parameter("USER", Kind.WHOLE, "its id", required=True),),
    options=(
        Parameter("--seconds", Kind.NUMBER, "how long; an interrupt ends it before", "SECONDS"),
    ),
    example="%amoc watch 1 --seconds 3",
)
