"""The plugin for pytest, installed with murmur: a load test is an ordinary test.

It brings the fixture `murmur_session` and the marker ``murmur``, and puts the tables of the
checks that a test made, and what its run came to, into the report of a test that failed.

pytest imports this module at every start, in every project, so it stands outside of
`murmur.testing` and imports nothing of murmur before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from murmur._noted import noted

if TYPE_CHECKING:
    from murmur._session import Run, Session
    from murmur.results.checks import Checks

_FIXTURE, _MARKER = "murmur_session", "murmur"
_MEANING = (
    "murmur(**session): a load test; keywords are those of murmur.Session. Tests that use the "
    "fixture murmur_session have it by themselves; -m 'not murmur' leaves all of them out."
)

_session: pytest.StashKey[Session] = pytest.StashKey()
_checks: pytest.StashKey[list[Checks]] = pytest.StashKey()


@pytest.fixture
def murmur_session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """Give a session to this test alone; it is closed in order when the test ends.

    What runs then is stopped: users are asked to leave, and `terminate` is called.
    ``@pytest.mark.murmur(callback_timeout=5)`` gives keywords to `murmur.Session`.
    """
    from murmur._session import Session

    marker = request.node.get_closest_marker(_MARKER)
    with Session(**(marker.kwargs if marker is not None else {})) as session:
        request.node.stash[_session] = session
        yield session


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MEANING)


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that use the fixture; keep marked ones off each other's machine."""
    for item in items:
        is_marked = item.get_closest_marker(_MARKER) is not None
        uses_it = _FIXTURE in getattr(item, "fixturenames", ())
        if uses_it and not is_marked:
            item.add_marker(_MARKER)
        if (uses_it or is_marked) and hasattr(config, "workerinput"):  # a worker of xdist
            item.add_marker(pytest.mark.xdist_group(_MARKER))  # for --dist loadgroup


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Collect the checks that a test makes, and warn of a load test that proves nothing."""
    with noted() as log:
        item.stash[_checks] = log
        answer = yield
    if (session := item.stash.get(_session, None)) is not None:
        why = _proves_nothing(session.run, log)
        if why:
            item.warn(pytest.PytestWarning(f"{item.nodeid} {why}"))
    return answer


def _proves_nothing(run: Run | None, made: list[Checks]) -> str:
    """Return why a load test that passed says nothing about a server; empty if it may."""
    if run is None:
        return "has murmur_session and started no run: nothing was measured"
    from murmur.errors import MurmurError

    if any(map(len, made)):
        return ""
    if made:
        return "called check() without a check: nothing was checked"
    with suppress(MurmurError):  # of a session that answers nobody the test has told
        summary = run.results.summary()
        if summary.verdict.state == "invalid":
            return f"made no check, which would have failed: its run is {summary.verdict}"
        if set(summary.users) - {"dropped"} == {"failed"}:
            return "made no check, and every user of its run failed"
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put tables of failed checks, and what the run came to, into the report."""
    report = yield
    if call.when == "call" and _checks in item.stash:
        made = item.stash[_checks]
        # For --junitxml, which takes the properties of the item when it is torn down.
        item.user_properties += [("murmur check", _text(each)) for some in made for each in some]
        if report.failed:
            report.sections += [("murmur checks", _text(checks)) for checks in made if not checks]
            run = item.stash[_session].run if _session in item.stash else None
            if run is not None:
                report.sections.append(("murmur run", _text(_told(run))))
    return report


def _text(found: object) -> str:
    """Return the text of what was found as a file, or another process of xdist, can take it."""
    from murmur._guard import encodable

    return encodable(str(found))


def _told(run: Run) -> str:
    """Return what a run came to, and how to repeat it."""
    repeat = f"{run.scenario}, run {run.id}; repeat it with seed={run.seed}"
    try:
        return f"{run.results.summary()}\n{repeat}"
    except Exception as error:  # noqa: BLE001 - of a run that is broken the test has told
        return f"{repeat}\nits results could not be read: {error!r}"
