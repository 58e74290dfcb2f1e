"""The plugin for pytest, installed with murmur: a load test is an ordinary test.

It brings the fixture `murmur_session` and the marker ``murmur``, and puts the table of the
checks that a test made into the report of a test that failed.

pytest imports this module at every start, in every project, so it stands outside of
`murmur.testing` and imports nothing of murmur before a test asks for it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from murmur._session import Session
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
    """Mark the tests that use the fixture, and keep them off each other's machine."""
    for item in items:
        is_load_test = _FIXTURE in getattr(item, "fixturenames", ())
        if is_load_test and item.get_closest_marker(_MARKER) is None:
            item.add_marker(_MARKER)
        if is_load_test and hasattr(config, "workerinput"):  # a worker of xdist
            item.add_marker(pytest.mark.xdist_group(_MARKER))  # for --dist loadgroup


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Collect the checks that a test makes."""
    if _FIXTURE not in getattr(item, "fixturenames", ()):
        return (yield)
    with _collected(item):
        answer = yield
    session = item.stash.get(_session, None)
    if session is not None and session.run is None:
        text = f"{item.nodeid} has murmur_session and started no run: nothing was measured"
        item.warn(pytest.PytestWarning(text))
    return answer


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put tables of failed checks, and how to repeat the run, into the report."""
    report = yield
    if call.when == "call" and _checks in item.stash:
        made = item.stash[_checks]
        # For --junitxml, which takes the properties of the item when it is torn down.
        item.user_properties += [("murmur check", str(each)) for checks in made for each in checks]
        if report.failed:
            report.sections += [("murmur checks", str(checks)) for checks in made if not checks]
            run = item.stash[_session].run if _session in item.stash else None
            if run is not None:
                text = f"{run.scenario}, run {run.id}; repeat it with seed={run.seed}"
                report.sections.append(("murmur run", text))
    return report


@contextmanager
def _collected(item: pytest.Item) -> Iterator[None]:
    from murmur.results.checks import noted

    with noted() as log:
        item.stash[_checks] = log
        yield
