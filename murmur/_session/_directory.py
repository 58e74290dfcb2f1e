"""The run directory of a session's run: made before it starts, kept up to date while it is on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from murmur._guard import error_text, heard
from murmur.errors import MurmurError

from ._pulse import write_pulse

if TYPE_CHECKING:
    from murmur.cluster import Cluster
    from murmur.recording import RunRecord
    from murmur.results.archive import RunDirectory
    from murmur.scenario import Scenario

    from ._ending import Ending
    from ._run import Run

_logger = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks at which users there are, with few users."""

USERS_A_SECOND = 2000
"""Users that are written in a second: with more of them, they are looked at less often."""


@contextmanager
def run_directory(
    parent: Path | None, record: RunRecord, scenario: type[Scenario]
) -> Iterator[RunDirectory | None]:
    """Make the directory of a run that is about to start; removed again if it does not.

    Raises `ArchiveError` if it cannot be made.
    """
    if parent is None:
        yield None
        return
    from murmur.results.archive import RunDirectory

    made = RunDirectory(parent, record, scenario)
    record.relay.attach(made)
    try:
        yield made
    except BaseException:
        record.relay.detach(made)
        made.discard()
        raise


async def keep(cluster: Cluster, run: Run, record: RunRecord, ending: Ending) -> None:
    """Keep the directory of a run up to date, until the run is over."""
    assert run.directory is not None  # who calls this has made it
    ending.tell = partial(write_pulse, run.directory)
    async with anyio.create_task_group() as keepers:
        keepers.start_soon(_keep_users, cluster, run, record)
        keepers.start_soon(_keep_pulse, cluster, run, record, ending)


@contextmanager
def _survived(record: RunRecord, what: str) -> Iterator[None]:
    """Go on after a look that failed: it is told among the problems of the run, and logged."""
    try:
        yield
    except MurmurError:  # a node that is lost says nothing, and others tell of that
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, the next look is another
        if what not in record.troubles:
            tell = partial(_logger.error, exc_info=error)
            heard(tell, "%s could not be brought up to date; it is tried again", what)
        record.troubles[what] = f"{what} is out of date: {error_text(error)}; it is tried again"
    else:
        record.troubles.pop(what, None)


async def _keep_pulse(cluster: Cluster, run: Run, record: RunRecord, ending: Ending) -> None:
    """Say once a second how the run stands; `ending` says how it ended."""
    while not run.is_over:
        with _survived(record, "the pulse of the run"):
            ending.say(await cluster.status())
        await anyio.sleep(EVERY)


async def _keep_users(cluster: Cluster, run: Run, record: RunRecord) -> None:
    """Have the nodes say once a second, or less often, which users they have."""
    pause = EVERY
    while not run.is_over:
        await anyio.sleep(pause)
        with _survived(record, "what the run directory knows of the users that are here"):
            await cluster.flush()
        users = sum(len(users.ids) for users in record.users.present.values())
        pause = max(EVERY, users / USERS_A_SECOND)
