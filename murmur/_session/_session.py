"""The one handle from outside: starts, steers and ends runs, from any thread.

Every method posts to the loop in which the users live and waits for its answer.  No
state is kept here that the cluster has.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from murmur._backend import thread_lock
from murmur._given import amount_given, integer_given, needed, path_given, truth_given
from murmur._guard import heard
from murmur._moved import VERBS_OF_AMOC, amoc_names
from murmur.cluster import ANYTHING, LOOK
from murmur.errors import RunStateError, WrongThreadError
from murmur.recording import Relay
from murmur.runtime import RunState, checked_patterns
from murmur.scenario import find, refuse_unknown

from ._call_log import CallLog
from ._directory import keep, run_directory
from ._ending import Ending
from ._front_end import publisher_of
from ._host import FAREWELL, Host
from ._live import Live, Seen, Watcher
from ._nodes import LIFETIME, Nodes
from ._observation import Observation
from ._run import Run
from ._search_progress import SearchProgress
from ._start import (
    course_of,
    masked_pairs,
    notebook_names,
    record_of,
    settings_for,
    spec_of,
    tell_of_settings,
)
from ._status import IDLE, Status, status_of
from ._troubles import FailureLog
from ._user_look import UserLook, look_at_user
from ._views import Coordinators, Throttles, ThrottleView, given
from ._visits import Visits

if TYPE_CHECKING:
    from murmur.cluster import Cluster, ClusterStatus, Deployment, Ticket
    from murmur.jupyter.panel import Panel, Publisher
    from murmur.recording import LiveView, RunRecord
    from murmur.results import Capacity
    from murmur.results.capacity import Search, Step
    from murmur.scenario import Resolved, Scenario

T = TypeVar("T")

THROTTLE_VERBS = ("open", "change_rate", "ramp", "pause", "resume", "unlock", "stop")
"""What may be done to a throttle from outside."""

_AN_ID = "give the id of a user, such as 7"

_logger = logging.getLogger(__name__)


@amoc_names(
    {
        **VERBS_OF_AMOC,
        "change_rate": "throttles[name].change_rate",
        "change_rate_gradually": "throttles[name].ramp",
    },
    {"results": "session.run.results", "wait": "session.run.wait"},
)
class Session:
    """Runs scenarios in a thread of its own while the notebook stays usable.

    A session runs one scenario at a time; several sessions may run side by side.  Its
    methods can be called from any thread and from a widget's callback.  Leaving it as a
    context manager stops what runs and joins the thread.

    Parameters
    ----------
    callback_timeout : float, default 60.0
        Seconds that `init` and `terminate` may take each.
    parse_environment : callable, optional
        Returns the value of the text of an ``AMOC_*`` variable, instead of the trait.
    tune_collector : bool, default True
        Whether a run may make full garbage collections rare while it is on.
    run_here : bool, default False
        Whether this process runs users even when there are other nodes.
    silence : float, default 5.0
        Seconds without a word after which session and node count each other as lost.
    rejoin : float, default 60.0
        Seconds for which a node that lost the session tries to come back, without users.
    allow : sequence of str, optional
        The only hosts for murmur's own clients: ``["shop.test", "*.test", "10.0.0.0/8"]``.
    directory : str or pathlib.Path, optional
        Where each run keeps a directory (`Run.directory`); `murmur.load` reads it, at any time.

    Attributes
    ----------
    relay : murmur.exporters.Relay
        Where exporters hear of what the session's runs measure.
    search : SearchProgress or None
        How far `find_capacity` is, or what it found.

    Examples
    --------
    >>> import murmur
    >>> class Hello(murmur.Scenario):
    ...     '''Users say hello and go.'''
    ...     async def start(self, user):
    ...         user.count("hello")
    >>> with murmur.Session() as session:
    ...     run = session.do(Hello, 3, user_rate=float("inf"), end_when_idle=True)
    ...     run.wait(timeout=30).users["gone"]
    3
    """

    def __init__(  # noqa: PLR0913 - one keyword for each thing that may be said
        self,
        *,
        callback_timeout: float = 60.0,
        parse_environment: Callable[[str], object] | None = None,
        tune_collector: bool = True,
        run_here: bool = False,
        silence: float = 5.0,
        rejoin: float = 60.0,
        allow: Sequence[str] | None = None,
        directory: str | Path | None = None,
    ) -> None:
        self._parse_environment = parse_environment
        self._tune_collector = tune_collector
        self._allow = checked_patterns(allow)
        self._directory = (
            None if directory is None else path_given("directory", directory, "results")
        )
        self._host = Host(
            callback_timeout=callback_timeout, run_here=run_here, silence=silence, rejoin=rejoin
        )
        self._host.entrance.service = Visits(self)
        self._run: Run | None = None
        self._ending: Ending | None = None
        self._live: LiveView | None = None
        self._scenario: type[Scenario] | None = None
        self._call_log = CallLog()
        self._making = thread_lock()  # a first look may come from two threads at once
        self._publisher: Publisher | None = None
        self._watcher: Watcher | None = None
        self.relay: Relay = Relay(FailureLog())
        self.search: SearchProgress | None = None
        self._searching = thread_lock()  # held between two steps of a search as well

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called, or the process was forked since."""
        return self._host.is_closed

    @property
    def run(self) -> Run | None:
        """The latest run; None before the first."""
        return self._run

    @property
    def scenario(self) -> type[Scenario] | None:
        """The class that the latest run runs; None before the first."""
        return self._scenario

    @property
    def throttles(self) -> Throttles:
        """Throttles of the run by name, to change while it is on."""
        names, call = self._host.throttle_names, self.call_throttle
        return Throttles(names, lambda: self.status().throttles, call)

    @property
    def coordinators(self) -> Coordinators:
        """Coordinators of the run by name."""
        call = self._call_log.of_coordinator(self._host.call_coordinator)
        return Coordinators(self._host.coordinator_statistics, call)

    def do(
        self,
        scenario: type[Scenario] | str,
        users: int = 0,
        *,
        seed: int | None = None,
        duration: float | None = None,
        end_when_idle: bool = False,
        nodes: Sequence[str] | int | None = None,
        **settings: object,
    ) -> Run:
        """Start a run and return it once `init` succeeded everywhere.

        Parameters
        ----------
        scenario : type of Scenario or str
            A class, or where to find one: a name in the notebook,
            ``"package.module:Class"`` or ``"path/to/file.py[:Class]"``.
        users : int, default 0
            Users to begin with; ids count from 1.
        seed : int, optional
            What all random numbers of the run derive from; drawn if not given.
        duration : float, optional
            Seconds after which the run stops by itself.
        end_when_idle : bool, default False
            Whether the run stops by itself when its last user is gone; with no users to
            begin with, once some were added and are gone.
        nodes : sequence of str or int, optional
            Nodes to take part, all if not given; or how many to wait for (`wait_for_nodes`).
        **settings
            Values of the scenario's settings.

        Raises
        ------
        ConfigError
            If anything is wrong with any setting; every problem is reported at once and
            nothing is started.
        ScenarioError
            If the scenario is not found or not usable, or its `init` failed.
        RunStateError
            If a run is on.
        ClusterError
            If the session is open for nodes and too few are there.
        ArchiveError
            If the run directory cannot be made.
        """
        chosen = find(scenario, notebook_names())
        resolved = settings_for(chosen, settings, self._parse_environment, self.do)
        course = course_of(
            users=users,
            duration=duration,
            end_when_idle=truth_given("end_when_idle", end_when_idle),
            on_accepted=lambda: self._hold(run, record, chosen, ending, resolved),
            on_over=lambda last: ending.come(last),  # noqa: PLW0108 - it is made below
        )
        cluster, named = self._host.cluster("do"), self._host.entrance.awaited(nodes)
        spec = spec_of(  # now, as its clock starts
            chosen,
            resolved,
            seed=seed,
            callback_timeout=self._host.callback_timeout,
            tune_collector=self._tune_collector,
            allow=self._allow,
        )
        plan = {"users": users, "seconds": duration, "end_when_idle": end_when_idle}
        record = record_of(spec, self.relay, plan)
        ending = Ending(record, chosen.__name__, self._host.abandon)
        run = Run(self, record, ending=ending, flush=self._flush, tell=self._show, scenario=chosen)
        tell_of_settings(resolved, users, record)
        with run_directory(self._directory, record, chosen) as directory:
            self._host.ask("do", cluster.start, spec, record, course, named)
        if directory is not None:
            run.directory = directory.path
            self._host.post("keep", keep, cluster, run, record, ending)
        return run

    def find_capacity(  # noqa: PLR0913 - one keyword for each thing a search may need said
        self,
        scenario: type[Scenario] | str,
        *,
        check: str,
        by: str = "users",
        low: float = 1.0,
        high: float | None = None,
        hold: float = 20.0,
        warm_up: float = 5.0,
        confirm: int = 2,
        within: float = 0.1,
        users: int = 0,
        on_step: Callable[[Step, Search], None] | None = None,
        **settings: object,
    ) -> Capacity:
        """Search for the load up to which a check holds; returns when it is found.

        Each step is a run of its own at one load.  The load is doubled until the check fails;
        then every answer narrows down where the limit can be.  A step in which the generator
        was the bottleneck is no answer.  A notebook cell and the panel show how far it is.
        An interrupt ends the search and keeps what was found.

        Parameters
        ----------
        scenario : type of Scenario or str
            A class, or where to find one, as for `do`.
        check : str
            What has to hold, such as ``"p99(order) < 200ms"``; without ``after`` and windows.
        by : str, default "users"
            What sets the load: ``"users"``, ``"user_rate"`` (users a minute), or the name of
            a throttle of the scenario (permits an interval of its).
        low : float, default 1.0
            The first load.
        high : float, optional
            The largest load that may be tried.
        hold, warm_up : float, default 20.0, 5.0
            Seconds of each step that are judged, and those before them.
        confirm : int, default 2
            How many steps have to hold, and to fail, before the search is over.
        within : float, default 0.1
            Width of the interval, relative to its lower end, at which it is over.
        users : int, default 0
            Users of every step, where a throttle sets the load.
        on_step : callable, optional
            ``on_step(step, search)`` is called after each step.
        **settings
            Values of the scenario's settings.

        Returns
        -------
        Capacity
            The interval and how sure it is, the frame of all steps, the curve as a chart.

        Raises
        ------
        InvalidCheckError
            If the check cannot be read.
        InvalidArgumentError
            If a number makes no sense.
        ConfigError
            If anything is wrong with any setting.
        RunStateError
            If a run is on, or another search.

        Examples
        --------
        A notebook says::

            capacity = session.find_capacity(Shop, check="p99(order) < 200ms", low=10)
            capacity.chart()
        """
        from ._capacity import plan_of, search_for, searched

        for_each_run = settings.keys() - {"seed", "nodes"}  # these go to `do`
        refuse_unknown(find(scenario, notebook_names()), for_each_run, self.find_capacity)
        plan = plan_of(
            check,
            scenario=scenario,
            by=by,
            users=users,
            hold=hold,
            warm_up=warm_up,
            settings=dict(settings),
            on_step=on_step,
        )
        search = search_for(by, low, high, within=within, confirm=confirm)
        if not self._searching.acquire(blocking=False):
            remedy = "wait until the other search is over"
            raise RunStateError("search for a capacity", "that of another search", remedy)
        try:
            return searched(self, plan, search)
        finally:
            self._searching.release()

    def add(self, n: int, nodes: Sequence[str] | None = None, *, planned: bool = False) -> range:
        """Add `n` users; return their ids.

        Parameters
        ----------
        n : int
            How many.
        nodes : sequence of str, optional
            Nodes to put them on; all of them if not given.
        planned : bool, default False
            Whether a plan says so and not a person; it is no change of the run then.

        Raises
        ------
        InvalidArgumentError
            If `n` is negative or not a whole number.
        RunStateError
            If no run is on.
        """
        live = not truth_given("planned", planned)
        add = partial(self._host.cluster("add").add, n, nodes, live=live)
        with self._call_log.noting("add", n=n, nodes=nodes, planned=planned):
            return self._host.ask("add", add)

    def add_users(self, first: int, last: int) -> range:
        """Add users with the ids `first` to `last`, which must be above all in use.

        Raises
        ------
        InvalidRangeError
            If they are not, or the range is backwards.
        """
        add = self._host.cluster("add_users").add_range
        with self._call_log.noting("add_users", first=first, last=last):
            return self._host.ask("add_users", add, first, last)

    def remove(self, n: int, force: bool = False, nodes: Sequence[str] | None = None) -> int:
        """Ask `n` users to leave that were not asked before; return how many were asked.

        Parameters
        ----------
        n : int
            Waiting users are dropped first, then those up for longest are asked.
        force : bool, default False
            Whether to cancel those that are still there after the scenario's `grace`.
        nodes : sequence of str, optional
            Nodes to take them from; all of them if not given.
        """
        force = truth_given("force", force)
        remove = partial(self._host.cluster("remove").remove, n, force=force, nodes=nodes)
        with self._call_log.noting("remove", n=n, force=force, nodes=nodes):
            return self._host.ask("remove", remove)

    def remove_user(self, user_id: int, *, force: bool = False) -> bool:
        """Ask the user `user_id` to leave; return whether it was there to be asked.

        One that waits is dropped.  With `force` it is cancelled after the scenario's `grace`.
        """
        user_id, force = integer_given("user_id", user_id, _AN_ID), truth_given("force", force)
        remove = self._host.cluster("remove_user").remove_one
        with self._call_log.noting("remove_user", user_id=user_id, force=force):
            return self._host.ask("remove_user", remove, user_id, force)

    def send(self, user_id: int, message: object) -> bool:
        """Put `message` into the mailbox of the user `user_id`, as `murmur.send` does.

        To another process only plain values travel.  Returns whether some node has, or had, a
        user of that id; a message that finds nobody is counted as ``mailbox.undeliverable``.
        """
        user_id = integer_given("user_id", user_id, _AN_ID)
        return self._host.ask("send", self._host.cluster("send").send, user_id, message)

    def user(self, user_id: int) -> UserLook:
        """Return what is known of the user `user_id` of the latest run.

        Raises
        ------
        InvalidRangeError
            If the run has had no user of that id.
        """
        run = self.run
        if run is None:
            raise RunStateError("look at a user", "idle", "start one with do")
        return look_at_user(run.results.users, user_id)

    def update(
        self, *, nodes: Sequence[str] | None = None, **settings: object
    ) -> Mapping[str, tuple[object, object]]:
        """Change live `settings`, on all nodes or on `nodes`; return what changed, as (old, new).

        Raises
        ------
        ConfigError
            If anything is wrong with any of them; nothing changed then.
        CallbackError
            If the scenario's observer or `changed` failed; the values stay changed.
        """
        cluster = self._host.cluster("update")
        patience = self._host.callback_timeout + FAREWELL
        with self._call_log.noting(
            "update", settings=self._call_log.updating(settings), nodes=nodes
        ):
            changed = self._host.ask("update", cluster.update, settings, nodes, patience=patience)
        return masked_pairs(self._scenario, changed)

    def status(self) -> Status:
        """Return what the session is doing."""
        cluster = self._host.present
        if cluster is None or self._host.is_closed:
            return IDLE
        answer, ending, _ = self._host.ask("status", self._ask_nodes, cluster)
        return _status_of(answer, ending)

    def observe(self, *, by_name: bool = True, patience: float | None = None) -> Observation:
        """Return what the session is doing and what its latest run measured lately, frozen.

        Front ends call it several times a second; it costs the same however long the run is.

        Parameters
        ----------
        by_name : bool, default True
            Whether figures of each action are wanted, besides those of all together.
        patience : float, optional
            Seconds to wait for an answer of the nodes.

        Raises
        ------
        UnresponsiveError
            If the loop of the session does not answer in time.
        """
        cluster, run = self._host.present, self._run
        patience = None if patience is None else amount_given("patience", patience)
        by_name = truth_given("by_name", by_name)
        seen = partial(Observation.of, by_name=by_name, search=self.search)
        if cluster is None or self._host.is_closed:
            return seen(run.live, run.status()) if run else seen(None, IDLE)
        answer, ending, live = self._host.ask(
            "observe", self._ask_nodes, cluster, patience=patience
        )
        return seen(live, _status_of(answer, ending), answer.nodes)

    def background(self, fn: Callable[..., Awaitable[T]], *args: object) -> Future[T]:
        """Have ``await fn(*args)`` run on the session's own loop; return at once.

        For front ends and exporters.  It is cancelled when the session closes, and must not
        take long without awaiting anything, because users may live on that loop.

        Raises
        ------
        SessionClosedError
            If the session is closed.
        """
        needed(callable(fn), "fn", fn, "give an async function")
        return self._host.post("background", fn, *args)

    def throttle(
        self,
        name: str,
        rate: float | str | None = None,
        *,
        interval: float | None = None,
        interarrival: float | None = None,
        limit: float | None = None,
    ) -> ThrottleView:
        """Start a throttle in the run, or return the one of that name, to steer it.

        Parameters
        ----------
        name : str
            Unique within the run.
        rate : float or str, optional
            Permits per interval, or text with a unit, such as ``"10/s"``.
        interval : float, optional
            Seconds that the rate is counted over, 60 unless given.
        interarrival, limit : float, optional
            Seconds between two permits, or permits that may be out at a time, and no rate.

        Raises
        ------
        ThrottleConflictError
            If there is one of that name with another configuration.
        InvalidArgumentError
            If the arguments do not describe one.
        RunStateError
            If no run is on.
        """
        rates = {"rate": rate, "interval": interval}
        if wanted := given({**rates, "interarrival": interarrival, "limit": limit}):
            self.call_throttle(name, "open", wanted)
        return self.throttles[self._call_log.public(name)]

    def call_throttle(self, name: str, verb: str, arguments: Mapping[str, object]) -> None:
        """Call a method of a throttle by its name; for front ends, others use `throttles`.

        Parameters
        ----------
        name, verb : str
            Throttle, and method of it.
        arguments : mapping of str to object
            What the method takes.
        """
        needed(isinstance(name, str), "name", name, "give the name of a throttle, a text")
        is_verb = heard(THROTTLE_VERBS.index, verb).error is None
        needed(is_verb, "verb", verb, f"give one of {', '.join(THROTTLE_VERBS)}")
        fits = heard(lambda: {**arguments}).error is None and set(map(type, arguments)) <= {str}
        needed(fits, "arguments", arguments, "give a dict of what the method takes, by name")
        self._call_log.of_throttle(self._host.call_throttle)(name, verb, arguments)

    def stop(self) -> None:
        """Begin to end the run and return at once; `Run.wait` waits for the end.

        Admission is closed first, everybody is asked to leave and cancelled after the
        grace, `terminate` is called once on each node.
        """
        with self._call_log.noting("stop"):
            self._host.ask("stop", self._host.cluster("stop").stop)

    def reset(self) -> None:
        """Force the session back to idle, whatever it does; `terminate` is not called."""
        cluster = self._host.present
        if cluster is not None:
            self._host.ask("reset", cluster.reset, patience=2 * FAREWELL)

    def open(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        lifetime: float = LIFETIME,
        seen_as: str | None = None,
        name: str | None = None,
        read_only: bool = False,
    ) -> Ticket:
        """Let other processes into this session, and return a ticket for them.

        With it they are nodes (`murmur.join`, ``murmur node``), or look at the session and steer
        it (`murmur.attach`).  Once there is a node, users live there and no more here (but see
        ``run_here``).
        Opening again gives another ticket for the same port.

        Parameters
        ----------
        host : str, default "127.0.0.1"
            Address to listen at; ``"0.0.0.0"`` for all of this machine.
        port : int, default 0
            Port to listen at; 0 lets the system choose.
        lifetime : float, default 86400
            Seconds for which the ticket lets nodes in, a year at most.  Who is in stays in.
        seen_as : str, optional
            The name or address of this machine that nodes connect to, if it is another.
        name : str, optional
            What `revoke` calls the ticket; ``ticket-1`` and so on unless given.
        read_only : bool, default False
            Whether its holder may look at the session, and neither steer it nor be a node.

        Returns
        -------
        Ticket
            A secret: whoever has it can do that.  ``ticket.save(path)`` writes it to a
            file, ``ticket.text`` is one line.

        Raises
        ------
        ClusterError
            If it cannot listen there, listens elsewhere already, or `name` was revoked.
        """
        self._host.cluster("open")
        rights = (LOOK,) if truth_given("read_only", read_only) else ANYTHING
        return self._host.entrance.open(host, port, lifetime, seen_as, name=name, rights=rights)

    def revoke(self, name: str) -> None:
        """Let nobody in by the tickets of this name any more, and send away who is in.

        Nodes among them are expelled, see `expel`; whoever looks or steers is cut off.

        Raises
        ------
        UnknownNameError
            If no ticket has that name.

        Examples
        --------
        >>> import murmur
        >>> with murmur.Session() as session:
        ...     ticket = session.open(name="for Ann")
        ...     session.revoke("for Ann")
        ...     murmur.attach(ticket)
        Traceback (most recent call last):
            ...
        murmur.errors.JoinError: ...
        """
        self._host.entrance.revoke(name)

    def spawn_nodes(self, n: int, *, timeout: float = 60.0) -> list[str]:
        """Start `n` node processes on this machine; return their names once they joined.

        Each has an interpreter of its own, so that users can use one core more.  They end
        with the session.

        Raises
        ------
        JoinError
            If not all have joined within `timeout` seconds; those started are ended then.
        ClusterError
            If `n` is negative or not a whole number.
        """
        self._host.cluster("spawn_nodes")
        return self._host.entrance.spawn(n, amount_given("timeout", timeout))

    def use(
        self, client_or_cluster: object, *, seen_as: str | None = None, plain: bool = False
    ) -> Deployment:
        """Make the workers of a dask deployment nodes, those there and those to come.

        It does not matter what started them: `LocalCluster`, ``dask worker`` by command line, ssh,
        a batch system, Kubernetes.  Worker names become node names; a worker that is added
        joins, one that is scaled away leaves in order, and one that is started anew is a
        node again.  While they are nodes each holds a task of dask's, so that none is idle:
        `adapt` retires others, and an ``idle_timeout`` does not end the deployment.

        Parameters
        ----------
        client_or_cluster : distributed.Client or a cluster of dask
            Whose workers.  They need murmur, of the same version as here.
        seen_as : str, optional
            The name or address of this machine that the workers connect to; found out unless
            given.
        plain : bool, default False
            Whether the ticket may go to other hosts over connections that are not encrypted.

        Returns
        -------
        Deployment
            ``release()`` gives the workers back, as does the end of a ``with`` block, and that
            of the session.

        Raises
        ------
        ClusterError
            If that is no deployment, its connections are plain and lead to other hosts, or a
            worker cannot be a node.
        MissingExtraError
            If dask is not installed.

        Examples
        --------
        A notebook says::

            cluster = dask.distributed.LocalCluster(n_workers=3)
            session.use(cluster)
            run = session.do(Shop, 300, nodes=3)
        """
        self._host.cluster("use")
        return self._host.entrance.use(client_or_cluster, seen_as=seen_as, plain=plain)

    def wait_for_nodes(self, n: int, timeout: float = 60.0) -> list[str]:
        """Block until `n` nodes are there; return the names of all.

        Parameters
        ----------
        n : int
            How many.
        timeout : float, default 60.0
            Seconds to wait at most.

        Raises
        ------
        WaitTimeoutError
            If fewer are there by then (a `TimeoutError`).
        """
        self._host.cluster("wait_for_nodes")
        return self._host.entrance.wait_for(n, amount_given("timeout", timeout))

    @property
    def nodes(self) -> Nodes:
        """The nodes that users go to, by name; a table in a notebook."""
        cluster = self._host.cluster("nodes")
        return Nodes(lambda: self._host.ask("nodes", self._host.overview), cluster.answers)

    def expel(self, name: str) -> None:
        """Send a node away at once; the users that it had are lost.

        Raises
        ------
        UnknownNameError
            If no node that joined has that name.
        """
        self._host.entrance.expel(name)

    def panel(
        self,
        *,
        controls: bool = True,
        charts: Sequence[str] | None = None,
        columns: int | None = None,
    ) -> Panel:
        """Return a panel to steer and watch the session with, live; a cell shows it.

        It needs the extra ``notebook``, and a front end with widgets to be more than text.
        Its parts, for boxes of your own, are in `murmur.widgets`.

        Parameters
        ----------
        controls : bool, default True
            Whether there are controls and settings, or only what can be seen.
        charts : sequence of str, optional
            Which charts, in this order: ``"users"``, ``"throughput"``, ``"latency"``,
            ``"heatmap"``, ``"throttles"``.  All unless given.
        columns : int, optional
            Charts beside each other; as many as fit unless given.

        Raises
        ------
        MissingExtraError
            If a package that it needs is not installed.
        UnknownNameError
            If there is no live chart of a name in `charts`.
        InvalidArgumentError
            If `charts` is one text, or `columns` no number from 1.
        """
        return self.publisher.open(controls=controls, charts=charts, columns=columns)

    @property
    def live(self) -> Live:
        """The live settings of the run as traits, to link with widgets of your own."""
        self._watch.catch_up()
        return self._watch.live

    @property
    def seen(self) -> Seen:
        """What can be seen of the run as traits: users, rates, response times, verdict."""
        self._watch.catch_up()
        return self._watch.seen

    @property
    def publisher(self) -> Publisher:
        """What keeps panel and widgets of the session up to date; for parts of front ends."""
        with self._making:
            if self._publisher is None:
                self._publisher = publisher_of(self)
            return self._publisher

    @property
    def _watch(self) -> Watcher:
        with self._making:
            if self._watcher is None:
                self._watcher = Watcher(self)
            return self._watcher

    def close(self) -> None:
        """Stop what runs, in order if it can be, and join the thread."""
        if self._host.is_here:
            raise WrongThreadError("close")
        try:
            self._host.close()
        finally:
            if self._ending is not None:
                self._ending.give_up()
            with self._making:  # whoever makes one meanwhile finds the session closed
                watcher = self._watcher
            if watcher is not None:
                watcher.close()

    def __enter__(self) -> Self:
        """Return the session."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the session."""
        self.close()

    def __repr__(self) -> str:
        """Return what it holds; asks nobody."""
        return f"<murmur.Session: {self._run!r}>" if self._run else "<murmur.Session: no run yet>"

    def _repr_html_(self) -> str | None:
        """Return the status as a table; a closed session has none."""
        return None if self.is_closed else self.status()._repr_html_()

    def _hold(
        self,
        run: Run,
        record: RunRecord,
        scenario: type[Scenario],
        ending: Ending,
        settings: Resolved,
    ) -> None:
        """Make `run` the latest; called on the loop once it is accepted."""
        self._run, self._scenario, self._ending = run, scenario, ending
        self._live = run.live
        self._call_log.hold(record, scenario, settings.values)

    async def _ask_nodes(
        self, cluster: Cluster
    ) -> tuple[ClusterStatus, Ending | None, LiveView | None]:
        """Return what the nodes say, and what belongs to the run that they say it of.

        The next run may begin before the caller comes to read it.
        """
        ending, live = self._ending, self._live
        return await cluster.status(), ending, live

    def _show(self) -> None:
        """Have `live` and `seen` know how the run ended, if anybody looks at them."""
        if self._watcher is not None:
            self._watcher.catch_up()

    def _flush(self) -> None:
        cluster = self._host.present
        if cluster is not None:
            self._host.ask("flush", cluster.flush)


def _status_of(answer: ClusterStatus, ending: Ending | None) -> Status:
    if ending is None or answer.state is RunState.IDLE:
        return status_of(answer)
    return ending.read(answer)
