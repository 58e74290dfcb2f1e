"""Every exception murmur raises.

The tree; a branch for each thing that a caller may want to catch::

    MurmurError
    ├── InvalidArgumentError (ValueError)
    │   └── InvalidRangeError
    ├── UnknownNameError (LookupError)
    ├── ConfigError (ValueError)
    │   ├── UnknownSettingError
    │   ├── InvalidSettingError
    │   ├── ReadOnlySettingError
    │   └── DuplicateSettingError
    ├── ScenarioError
    │   ├── UnknownScenarioError (LookupError)
    │   ├── InvalidScenarioError (TypeError)
    │   └── CallbackError
    ├── RunStateError
    ├── SessionClosedError
    ├── UnresponsiveError (TimeoutError)
    ├── WrongThreadError
    ├── WaitTimeoutError (TimeoutError)
    ├── ThrottleError
    │   ├── UnknownThrottleError (LookupError)
    │   ├── ThrottleConflictError
    │   ├── ThrottleStoppedError
    │   └── RampInProgressError
    ├── CoordinatorError
    │   └── CoordinatorStoppedError
    ├── ArchiveError
    ├── WriteError (OSError)
    ├── CheckFailedError (AssertionError)
    ├── InvalidCheckError (ValueError)
    ├── ClusterError
    │   ├── JoinError (ConnectionError)
    │   ├── NodeLostError (ConnectionError)
    │   ├── NodeTimeoutError (TimeoutError)
    │   ├── NodesFailedError
    │   ├── RemoteError
    │   └── TicketError (ValueError)
    ├── FeederError (ValueError)
    ├── HttpError
    │   ├── ConnectFailedError
    │   ├── ConnectionLostError
    │   ├── HttpProtocolError
    │   ├── HttpTimeoutError (TimeoutError)
    │   ├── InvalidRequestError (ValueError)
    │   ├── StatusError
    │   └── TlsError
    ├── InvalidDocumentError (ValueError)
    ├── TargetNotAllowedError
    └── MissingExtraError (ImportError)

    BaseException
    └── Leaving

`Leaving` is a signal and not an error: it ends a user that was asked to go, and an
``except Exception`` around a request must not swallow it.
"""

from __future__ import annotations

import difflib
import os
import re
import traceback
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from murmur._guard import text_of

__all__ = [
    "ArchiveError",
    "CallbackError",
    "CheckFailedError",
    "ClusterError",
    "ConfigError",
    "ConnectFailedError",
    "ConnectionLostError",
    "CoordinatorError",
    "CoordinatorStoppedError",
    "DuplicateSettingError",
    "FeederError",
    "HttpError",
    "HttpProtocolError",
    "HttpTimeoutError",
    "InvalidArgumentError",
    "InvalidCheckError",
    "InvalidDocumentError",
    "InvalidRangeError",
    "InvalidRequestError",
    "InvalidScenarioError",
    "InvalidSettingError",
    "JoinError",
    "Leaving",
    "MissingExtraError",
    "MurmurError",
    "NodeLostError",
    "NodeTimeoutError",
    "NodesFailedError",
    "RampInProgressError",
    "ReadOnlySettingError",
    "RemoteError",
    "RunStateError",
    "ScenarioError",
    "SessionClosedError",
    "StatusError",
    "TargetNotAllowedError",
    "ThrottleConflictError",
    "ThrottleError",
    "ThrottleStoppedError",
    "TicketError",
    "TlsError",
    "UnknownNameError",
    "UnknownScenarioError",
    "UnknownSettingError",
    "UnknownThrottleError",
    "UnresponsiveError",
    "WaitTimeoutError",
    "WriteError",
    "WrongThreadError",
]


_RENAMED = {
    "CallbackTimeoutError": "WaitTimeoutError",
    "ComparisonError": "InvalidArgumentError",
    "CoordinatorConflictError": "CoordinatorError",
    "ExporterError": "InvalidArgumentError",
    "FrameError": "InvalidArgumentError",
    "HttpBackendError": "InvalidRequestError",
    "InvalidCountError": "InvalidArgumentError",
    "InvalidDurationError": "InvalidArgumentError",
    "InvalidMeasurementError": "InvalidArgumentError",
    "InvalidPlanError": "InvalidArgumentError",
    "InvalidRateError": "InvalidArgumentError",
    "InvalidRowsError": "FeederError",
    "InvalidSeedError": "InvalidArgumentError",
    "InvalidTimetableError": "InvalidArgumentError",
    "MessageTypeError": "InvalidArgumentError",
    "NoRowError": "FeederError",
    "NodesMissingError": "WaitTimeoutError",
    "OutsideRunError": "WrongThreadError",
    "ReceiveTimeoutError": "WaitTimeoutError",
    "ResultsError": "MurmurError",
    "RunTimeoutError": "WaitTimeoutError",
    "SessionError": "MurmurError",
    "TargetError": "MurmurError",
    "TaskExitError": "ScenarioError",
    "TelemetryError": "InvalidArgumentError",
    "TooManyRedirectsError": "HttpProtocolError",
    "TruncatedError": "ConnectionLostError",
    "UnknownChartError": "UnknownNameError",
    "UnknownCoordinatorError": "UnknownNameError",
    "UnknownEventError": "UnknownNameError",
    "UnknownNodeError": "UnknownNameError",
    "UserError": "MurmurError",
}


if not TYPE_CHECKING:  # a type checker finds a name that is misspelt

    def __getattr__(name):
        """Return what an error of an old name is now, for one edition."""
        if name not in _RENAMED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        now = _RENAMED[name]
        warnings.warn(
            f"murmur.errors.{name} is murmur.errors.{now} now", DeprecationWarning, stacklevel=2
        )
        return globals()[now]


class MurmurError(Exception):
    """Root of everything that murmur raises.

    Errors travel between nodes with their message and attributes, whatever their
    ``__init__`` asks for.

    Notes
    -----
    In a notebook, an error that a cell does not catch is its message alone, as with magics;
    ``%tb`` shows where it came from.
    """

    def __reduce__(self) -> tuple[object, ...]:
        """Rebuild the error from its class, its arguments and its attributes."""
        return _rebuilt, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: what is wrong, and the second time also where.

        Nearly always the cell itself is at fault, and murmur's inside says nothing about
        that.  What a node sent along is shown: there the fault is in a scenario.
        """
        if self.__dict__.get("_was_shown"):
            return "".join(traceback.format_exception(self)).splitlines()
        self.__dict__["_was_shown"] = True
        lines = f"{type(self).__name__}: {self}".splitlines()
        return [*lines, *str(getattr(self, "traceback_text", "")).splitlines()]


class InvalidArgumentError(MurmurError, ValueError):
    """An argument makes no sense, or does not fit the others; nothing was started or changed.

    Attributes
    ----------
    problem, remedy : str
        What was given and what is wrong with it, and what would do.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}: {remedy}" if remedy else problem)


class UnknownNameError(MurmurError, LookupError):
    """There is no node, event, chart or other thing of that name.

    Attributes
    ----------
    kind : str
        What was looked for, such as ``"node"``.
    names : tuple of str
        The unknown names, as given.
    """

    def __init__(self, kind: str, names: Sequence[str], known: Iterable[str]) -> None:
        self.kind = kind
        self.names: tuple[str, ...] = tuple(names)
        there = sorted(known)
        super().__init__(
            "; ".join(f"no {kind} {name!r}{closest(name, there, f'{kind}s')}" for name in names)
        )


class Leaving(BaseException):
    """The user was asked to leave; letting this propagate is a clean exit.

    Raised by `User.sleep` and `User.receive`.  Catch it to say goodbye to the server,
    then return or raise it again.
    """


class ConfigError(MurmurError, ValueError):
    """Settings were refused; nothing was started or changed.

    Attributes
    ----------
    problems : tuple of str
        One sentence for each problem that was found, of any kind.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__(sentences(self.problems))


class UnknownSettingError(ConfigError):
    """Settings were given that the scenario does not declare.

    Attributes
    ----------
    names : tuple of str
        The unknown names, as given.
    """

    def __init__(
        self, names: Sequence[str], declared: Iterable[str], *, call: str = "", takes: str = ""
    ) -> None:
        """`call` was given them beside its own arguments, which it `takes`: "users, seed"."""
        self.names: tuple[str, ...] = tuple(names)
        known = sorted(declared)
        rest = f"; {call}() takes {takes}" if takes else ""
        own = takes.split(", ") if takes else []
        super().__init__(
            f"unknown setting {name!r}{closest(name, known, 'declared', own, rest)}"
            for name in self.names
        )


class InvalidSettingError(ConfigError):
    """Values were given that their settings do not accept.

    Attributes
    ----------
    failures : tuple of (str, object, str)
        Name, value and reason of each.  The value of a secret setting is masked.
    """

    def __init__(self, failures: Iterable[tuple[str, object, str]]) -> None:
        self.failures: tuple[tuple[str, object, str], ...] = tuple(failures)
        super().__init__(
            f"setting {name!r} {_refusal(text_of(value, repr))} {reason}"
            for name, value, reason in self.failures
        )


def _refusal(value: str) -> str:
    return "has no value;" if value == "<no value>" else f"does not accept {value}:"


class ReadOnlySettingError(ConfigError):
    """A running scenario was asked to change settings that are not live.

    Attributes
    ----------
    names : tuple of str
        The read-only names.
    """

    def __init__(self, names: Sequence[str], live: Iterable[str] = ()) -> None:
        self.names: tuple[str, ...] = tuple(names)
        changeable = ", ".join(sorted(live)) or "none"
        super().__init__(
            f"setting {name!r} is read-only while the scenario runs "
            f"(live settings: {changeable}; declare it with .tag(live=True))"
            for name in self.names
        )


class DuplicateSettingError(ConfigError):
    """Two unrelated bases declare the same setting and the class does not choose.

    Attributes
    ----------
    name : str
        The setting.
    owners : tuple of str
        The classes that declare it.
    """

    def __init__(self, name: str, owners: Sequence[str]) -> None:
        self.name = name
        self.owners: tuple[str, ...] = tuple(owners)
        owned = f"setting {name!r} is declared by {' and by '.join(self.owners)}"
        super().__init__([f"{owned}; declare it in the class itself to choose"])


def combine(
    errors: Sequence[ConfigError],  # at least one
) -> ConfigError:
    """Return one error that reports every problem of `errors`.

    The result is an instance of each class given, so that ``except`` finds it by any
    of its kinds.  Attributes that several have, such as ``names``, are joined.
    """
    if len(errors) == 1:
        return errors[0]
    kinds = tuple(dict.fromkeys(type(error) for error in errors))
    members = {"__module__": __name__, "__reduce__": lambda _: (combine, (list(errors),))}
    combined: ConfigError = Exception.__new__(type("SettingsError", kinds, members))
    for error in errors:
        for name, value in error.__dict__.items():
            joined = (
                (*combined.__dict__.get(name, ()), *value) if isinstance(value, tuple) else value
            )
            combined.__dict__[name] = joined
    ConfigError.__init__(combined, [problem for error in errors for problem in error.problems])
    return combined


class ScenarioError(MurmurError):
    """A scenario cannot be found, is not usable, or failed outside its users."""


class UnknownScenarioError(ScenarioError, LookupError):
    """No scenario goes by that name."""

    def __init__(self, reference: str, reason: str = "", known: Iterable[str] = ()) -> None:
        self.reference = reference
        hint = reason or f"no scenario of that name{closest(reference, sorted(known), 'known')}"
        super().__init__(f"cannot find scenario {reference!r}: {hint}")


class InvalidScenarioError(ScenarioError, TypeError):
    """The class cannot be run as a scenario."""

    def __init__(self, scenario: str, reasons: Sequence[str]) -> None:
        self.scenario = scenario
        self.reasons: tuple[str, ...] = tuple(reasons)
        super().__init__(f"{scenario} is not a usable scenario: {sentences(self.reasons)}")


class CallbackError(ScenarioError):
    """A callback of the scenario raised; the traceback of the node is kept as text.

    Attributes
    ----------
    callback, node, traceback_text : str
        Which callback (``init``, ``terminate``, ``changed`` for it and observers, or
        ``__init__``), on which node, and how it got there.
    """

    def __init__(self, callback: str, node: str, summary: str, traceback_text: str) -> None:
        self.callback = callback
        self.node = node
        self.summary = summary
        self.traceback_text = traceback_text
        super().__init__(f"{callback} failed on node {node}: {summary}")


class RunStateError(MurmurError):
    """The call does not fit the state of the run.

    Attributes
    ----------
    verb, state : str
        What was asked, and the state it found.
    """

    def __init__(self, verb: str, state: str, remedy: str = "") -> None:
        self.verb = verb
        self.state = state
        super().__init__(f"cannot {verb}: the run is {state}{'; ' + remedy if remedy else ''}")


class InvalidRangeError(InvalidArgumentError):
    """The range of ids is backwards, not above the highest id in use, or beyond all ids."""

    def __init__(self, first: int, last: int, highest: int, limit: int | None = None) -> None:
        self.first = first
        self.last = last
        self.highest = highest
        self.limit = limit
        rule = (
            f"no id can be above {limit}"
            if limit is not None and last > limit
            else f"the first id must be above {highest}, the highest in use, and not above the last"
        )
        super().__init__(f"cannot add users {text_of(first)} to {text_of(last)}: {rule}")


class WaitTimeoutError(MurmurError, TimeoutError):
    """What was waited for did not come in time: a message, nodes, the end of a callback or a run.

    Attributes
    ----------
    missing : str
        What did not come.
    timeout : float
        Seconds it had.
    """

    def __init__(self, missing: str, timeout: float, remedy: str = "") -> None:
        self.missing = missing
        self.timeout = timeout
        super().__init__(f"{missing} within {timeout:g} s{'; ' + remedy if remedy else ''}")


class ThrottleError(MurmurError):
    """A throttle cannot do what was asked."""


class UnknownThrottleError(ThrottleError, LookupError):
    """No throttle of that name exists in the run."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name = name
        hint = closest(name, sorted(known), "known")
        start = "; start it with `await murmur.throttle(name, rate=...)`"
        super().__init__(f"no throttle {name!r}{hint}{'' if hint.endswith('?') else start}")


class ThrottleConflictError(ThrottleError):
    """A throttle of that name exists with another configuration."""

    def __init__(self, name: str, existing: str, asked: str) -> None:
        self.name = name
        self.existing = existing
        self.asked = asked
        super().__init__(
            f"throttle {name!r} exists with {existing}, not with {asked}; "
            "use `await t.change_rate(...)` to change it"
        )


class ThrottleStoppedError(ThrottleError):
    """The throttle was stopped; it grants nothing any more."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"throttle {name!r} is stopped")


class RampInProgressError(ThrottleError):
    """A ramp runs; the change would fight with it."""

    def __init__(self, name: str, verb: str) -> None:
        self.name = name
        self.verb = verb
        super().__init__(
            f"cannot {verb} throttle {name!r} while a ramp runs; "
            "cancel_ramp=True, or --cancel-ramp in a magic, ends it"
        )


class CoordinatorError(MurmurError):
    """A coordinator cannot do what was asked."""


class CoordinatorStoppedError(CoordinatorError):
    """The coordinator was stopped; it takes no more users."""

    def __init__(self, name: object) -> None:
        self.name = name
        super().__init__(f"coordinator {name!r} is stopped")


class ArchiveError(MurmurError):
    """A directory cannot be read as the archive of a run, or not be made one.

    Attributes
    ----------
    path : object
        The directory, as it was given.
    problem, remedy : str
        What is wrong with it, and what would do.
    """

    def __init__(self, path: object, problem: str, remedy: str) -> None:
        self.path = path
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"archive {str(path)!r}: {problem}; {remedy}")


class WriteError(MurmurError, OSError):
    """A file of results cannot be written: the disk is full, it may not be, the place is gone.

    Nothing half-made is left.  ``errno`` is that of the system's own error.

    Attributes
    ----------
    path : object
        The file or directory, as it was given.
    """

    def __init__(self, path: object, error: OSError) -> None:
        self.path = path
        reason = os.strerror(error.errno) if error.errno else str(error)
        super().__init__(
            f"{str(path)!r} cannot be written ({reason}); make room, or give another place"
        )
        self.errno: int | None = error.errno


class CheckFailedError(MurmurError, AssertionError):
    """A run does not do what was required of it.

    Attributes
    ----------
    failed : tuple of str
        The checks that do not hold.
    """

    def __init__(self, table: str, failed: Sequence[str]) -> None:
        self.failed: tuple[str, ...] = tuple(failed)
        super().__init__(table)


class InvalidCheckError(MurmurError, ValueError):
    """A check cannot be read.

    Attributes
    ----------
    text, problem : str
        The check, and what is wrong with it.
    at : int
        Where in the text, from 0.
    """

    def __init__(self, text: str, at: int, problem: str) -> None:
        self.text = text
        self.at = at
        self.problem = problem
        super().__init__(f"check cannot be read: {problem}\n  {text}\n  {' ' * at}^")


class ClusterError(MurmurError):
    """Something about the nodes of a session."""


class NodeTimeoutError(ClusterError, TimeoutError):
    """A node did not answer in time."""

    def __init__(self, node: str, verb: str, timeout: float) -> None:
        self.node = node
        self.verb = verb
        self.timeout = timeout
        super().__init__(f"node {node} did not answer {verb!r} within {timeout:g} s")


class NodesFailedError(ClusterError):
    """Nodes failed, and others did not or failed in another way.

    Attributes
    ----------
    failures : dict of str to Exception
        Node and what it raised.
    succeeded : tuple of str
        Nodes on which the call did what it should; it is not taken back there.
    """

    def __init__(
        self, verb: str, failures: Mapping[str, Exception], succeeded: Iterable[str] = ()
    ) -> None:
        self.verb = verb
        self.failures: dict[str, Exception] = dict(failures)
        self.succeeded: tuple[str, ...] = tuple(succeeded)
        rows = [f"{few(nodes)}: {told}" for told, nodes in _by_reason(self.failures).items()]
        if self.succeeded:
            rows.append(f"{len(self.succeeded)} ok: {few(self.succeeded)}")
        asked = len(self.failures) + len(self.succeeded)
        super().__init__(f"{verb} failed on {len(self.failures)} of {asked} nodes:{_list(rows)}")


class JoinError(ClusterError, ConnectionError):
    """The process could not become a node.

    Attributes
    ----------
    address, reason : str
        Of the session, and why not.
    is_final : bool
        Whether trying again is of no use: the session refused, or it is another one.
    """

    def __init__(self, address: str, reason: str, *, is_final: bool = False) -> None:
        self.address = address
        self.reason = reason
        self.is_final = is_final
        super().__init__(f"cannot join the session at {address}: {reason}")


class NodeLostError(ClusterError, ConnectionError):
    """A node is gone: it died, was cut off, or did not answer for too long."""

    def __init__(self, node: str, reason: str) -> None:
        self.node = node
        self.reason = reason
        super().__init__(f"node {node} is lost: {reason}")


class RemoteError(ClusterError):
    """A node raised what is none of murmur's own errors.

    Attributes
    ----------
    node, kind, traceback_text : str
        Where it was raised, the name of its class, and how it got there.
    """

    def __init__(self, node: str, kind: str, message: str, traceback_text: str = "") -> None:
        self.node = node
        self.kind = kind
        self.traceback_text = traceback_text
        super().__init__(f"node {node} raised {kind}: {message}")


class TicketError(ClusterError, ValueError):
    """The ticket is none, is damaged, or has expired."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"this ticket lets nobody in: {reason}")


class SessionClosedError(MurmurError):
    """The session is closed, or belongs to another process."""

    def __init__(
        self, reason: str = "it is closed", remedy: str = "make a new murmur.Session()"
    ) -> None:
        super().__init__(f"this session takes no more calls: {reason}; {remedy}")


class UnresponsiveError(MurmurError, TimeoutError):
    """The loop that runs the users does not answer.

    Attributes
    ----------
    verb : str
        What was asked.
    seconds : float
        How long nothing was heard.
    problems : tuple of str
        What the run knows is wrong.
    fate : str
        What becomes of the call and of the run.
    """

    def __init__(
        self, verb: str, seconds: float, problems: Sequence[str] = (), fate: str = ""
    ) -> None:
        self.verb = verb
        self.seconds = seconds
        self.problems: tuple[str, ...] = tuple(problems)
        self.fate = fate
        known = f": {self.problems[-1]}" if self.problems else "; perhaps a scenario blocks it"
        more = f". {fate[0].upper()}{fate[1:]}" if fate else ""
        super().__init__(f"no answer to {verb!r} within {seconds:.1f} s{known}{more}")


class WrongThreadError(MurmurError):
    """Something was called in a thread in which it would wait for itself, or for ever.

    A synchronous call of a session on the loop that it would have to wait for; an async
    function in a thread that runs no loop, such as that of a plain ``def start``; or a function
    such as `murmur.count` in code that no run calls.
    """

    def __init__(self, verb: str, remedy: str | None = None) -> None:
        self.verb = verb
        super().__init__(
            f"session.{verb} cannot be called from inside a running scenario: it would wait for "
            "the loop it blocks; use the scenario's own user, throttles and settings"
            if remedy is None
            else f"{verb} cannot be called in this thread: {remedy}"
        )


class HttpError(MurmurError):
    """A request over HTTP failed, or a WebSocket did.

    Messages name no address and no number that differs from request to request: failures
    are counted by them.
    """


class ConnectFailedError(HttpError):
    """There was no connection to be had: refused, unreachable, or no such name."""


class ConnectionLostError(HttpError):
    """The connection was reset, or closed before the answer was complete.

    Attributes
    ----------
    was_refused : bool
        Whether the server said that it did nothing with the request.
    had_begun : bool
        Whether a part of the answer had come.
    """

    was_refused = False
    had_begun = False


class HttpProtocolError(HttpError):
    """The server sent what is not HTTP, or more of it, or of redirects, than is accepted."""


class HttpTimeoutError(HttpError, TimeoutError):
    """Something did not happen in time.

    Attributes
    ----------
    missing : str
        What did not happen.
    timeout : float
        Seconds it had.
    """

    def __init__(self, missing: str, timeout: float) -> None:
        self.missing = missing
        self.timeout = timeout
        super().__init__(f"{missing} within {timeout:g} s")


class InvalidRequestError(HttpError, ValueError):
    """The request cannot be sent as it was given."""


class StatusError(HttpError):
    """The server answered with a status that was not expected.

    Attributes
    ----------
    status : int
        The status.
    """

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"HTTP {status}")


class TlsError(HttpError):
    """No secure connection could be agreed on."""


class InvalidDocumentError(MurmurError, ValueError):
    """What arrived on a connection is not JSON."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the peer sent what is not acceptable as JSON: {reason}")


class FeederError(MurmurError, ValueError):
    """Rows of data cannot be read, are not what was asked for, or are fewer than the users.

    Attributes
    ----------
    source, problem : str
        What was to be read, and what is wrong with it.
    """

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        self.problem = problem
        super().__init__(f"{source}: {problem}")


class TargetNotAllowedError(MurmurError):
    """The session's guard does not allow murmur's clients to connect there.

    Attributes
    ----------
    host : str
        Where a client was to connect.
    allowed : tuple of str
        What `Session(allow=...)` allows.
    """

    def __init__(self, host: str, allowed: Iterable[str]) -> None:
        self.host = host
        self.allowed: tuple[str, ...] = tuple(allowed)
        listed = ", ".join(self.allowed) or "nothing"
        super().__init__(f"{host!r} is not an allowed target; Session(allow=...) allows {listed}")


class MissingExtraError(MurmurError, ImportError):
    """A part of murmur needs a package that is not installed."""

    def __init__(self, feature: str, extra: str, package: str) -> None:
        self.feature = feature
        self.extra = extra
        self.package = package
        super().__init__(
            f"{feature} needs the package {package!r}: pip install 'murmur-load[{extra}]', "
            f"or in a clone: pip install -e '.[{extra}]'",
            name=package,
        )


def _rebuilt(
    kind: type[MurmurError], arguments: tuple[object, ...], attributes: Mapping[str, object]
) -> MurmurError:
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(attributes)
    return error


def closest(
    name: str, known: Sequence[str], what: str, others: Sequence[str] = (), rest: str = ""
) -> str:
    """Return a hint that names what was probably meant, one of `others` too, or what there is."""
    matches = difflib.get_close_matches(str(name), [*known, *others], n=2, cutoff=0.6)
    if matches:
        return f"; did you mean {' or '.join(map(repr, matches))}?"
    if known:
        listed = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        return f" ({what}: {listed}{rest})"
    return f" ({what}: none{rest})"


def few(names: Iterable[str], most: int = 3) -> str:
    """Return the first names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def number_of(number: int, noun: str) -> str:
    """Return how many there are, with the noun in its number."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sentences(parts: Sequence[str]) -> str:
    """Return one problem as it is, and several as a list of lines."""
    if len(parts) == 1:
        return parts[0]
    return _list(parts)


def _by_reason(failures: Mapping[str, Exception]) -> dict[str, list[str]]:
    """Return the nodes that say the same, but for their own names, by what they say."""
    nodes: dict[str, list[str]] = {}
    for node, error in failures.items():
        told = str(error).removeprefix(f"node {node} ")
        told = re.sub(rf" on node {re.escape(node)}(?![\w-])", "", told, count=1)
        nodes.setdefault(told, []).append(node)
    return nodes


def _list(parts: Sequence[str]) -> str:
    return "".join(f"\n  - {part}" for part in parts)
