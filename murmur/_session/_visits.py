"""Visits to a session from other processes: what guests may ask, and how it travels.

Every verb is one of the session's own, so that what a guest does is noted, judged and refused
as if it had been typed here.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from murmur._guard import text_of
from murmur._wire import encode, record_table
from murmur.cluster import NodeOverview, NodeStatus
from murmur.coordinators import CoordinatorStatistics
from murmur.errors import InvalidArgumentError, RunStateError
from murmur.recording import Departure, Failure, Figures, LiveChange, LiveWindow, Recent
from murmur.throttles import ThrottleStatistics

from ._observation import Observation
from ._search_progress import SearchProgress
from ._status import Status

if TYPE_CHECKING:
    from ._run import Run
    from ._session import Session

GUEST_RECORDS = record_table(
    [
        CoordinatorStatistics,
        Departure,
        Failure,
        Figures,
        LiveChange,
        LiveWindow,
        NodeOverview,
        NodeStatus,
        Observation,
        Recent,
        SearchProgress,
        Status,
        ThrottleStatistics,
    ]
)
"""Every record that may travel to a guest, by its name."""


class Visits:
    """What guests may ask of a session; see `murmur.cluster` for who they are."""

    records: Mapping[str, type] = GUEST_RECORDS  # records that may be in an answer

    def __init__(self, session: Session) -> None:
        self._session = session
        # looks, orders: verbs that only look, and those that steer
        self.looks: Mapping[str, Callable[..., object]] = {
            "archive": self._archive,
            "coordinators": lambda: dict(session.coordinators.statistics()),
            "judged": self._judged,
            "nodes": lambda: dict(session.nodes.items()),
            "observe": lambda by_name: _shown(session.observe(by_name=by_name)),
            "run": self._facts,
            "run_observe": lambda run_id, by_name: _shown(
                self._run(run_id).observe(by_name=by_name)
            ),
            "run_settings": lambda run_id: _plain_values(self._run(run_id).settings),
            "run_status": lambda run_id: self._run(run_id).status(),
            "status": session.status,
            "throttles": lambda: list(session.throttles),
        }
        self.orders: Mapping[str, Callable[..., object]] = {
            "add": lambda *args, **kwargs: _ends(session.add(*args, **kwargs)),
            "add_users": lambda first, last: _ends(session.add_users(first, last)),
            "call_coordinator": lambda name, verb: getattr(session.coordinators[name], verb)(),
            "call_throttle": session.call_throttle,
            "code": self._code,
            "expel": session.expel,
            "remove": session.remove,
            "remove_user": session.remove_user,
            "reset": session.reset,
            "send": session.send,
            "stop": session.stop,
            "update": self._update,
        }

    def _update(self, nodes: list[str] | None, settings: dict[str, Any]) -> dict[str, object]:
        changed = self._session.update(nodes=nodes, **settings)
        return {name: (_plain(old), _plain(new)) for name, (old, new) in changed.items()}

    def _facts(self) -> dict[str, object] | None:
        """Return what there is to know of the latest run besides what it measured."""
        run = self._session.run
        if run is None:
            return None
        return {
            "id": run.id,
            "scenario": run.scenario,
            "seed": run.seed,
            "settings_at_start": _plain_values(run.settings_at_start),
            "is_over": run.is_over,
        }

    def _code(self) -> bytes:
        """Return the class that the latest run runs."""
        from murmur.cluster import pack_code

        run, scenario = self._session.run, self._session.scenario
        if run is None or scenario is None:
            raise RunStateError("look at a scenario", "idle", "start one with do")
        return pack_code(run.id, scenario)

    def _judged(self, run_id: str) -> list[object]:
        """Return state and reasons of the verdict, and what live changes did."""
        verdict, effects = self._run(run_id).judged()
        return [
            verdict.state,
            list(verdict.reasons),
            [[*key, text] for key, text in effects.items()],
        ]

    def _archive(self, run_id: str) -> bytes:
        """Return what a run measured so far, as the files of an archive."""
        run, packed = self._run(run_id), io.BytesIO()
        with TemporaryDirectory(prefix="murmur-") as directory:
            saved = run.results.save(Path(directory) / "run")
            with zipfile.ZipFile(packed, "w") as archive:
                for file in sorted(saved.rglob("*")):
                    archive.write(file, file.relative_to(saved))
        return packed.getvalue()

    def _run(self, run_id: str) -> Run:
        run = self._session.run
        if run is None or run.id != run_id:
            remedy = "session.run is the one to look at"
            raise RunStateError(f"look at run {run_id}", "followed by another", remedy)
        return run


def _ends(ids: range) -> tuple[int, int]:
    return ids.start, ids.stop


def _shown(seen: Observation) -> Observation:
    """Return an observation as it can travel."""
    changes = tuple(
        LiveChange(each.at, each.what, _plain(each.old), _plain(each.new))
        for each in seen.recent.changes
    )
    health = {node: dict(row) for node, row in seen.recent.health.items()}
    return replace(seen, recent=replace(seen.recent, changes=changes, health=health))


def _plain_values(settings: Mapping[str, object]) -> dict[str, object]:
    return {name: _plain(value) for name, value in settings.items()}


def _plain(value: object) -> object:
    """Return a value as it can travel: what is not plain as its repr."""
    try:
        encode(value)
    except InvalidArgumentError:
        return text_of(value, repr)
    return value
