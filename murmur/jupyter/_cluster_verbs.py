"""The verbs of ``%amoc`` about nodes and other processes: letting in, joining, attaching."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from ._verb import Call, Context, Kind, Parameter, Verb

if TYPE_CHECKING:
    from murmur.cluster import Membership

ON_NODES = Parameter("--nodes", Kind.NODES, "only these nodes: names with commas between", "A,B")

TICKET = "murmur-ticket"
"""The file that a ticket is written to, unless another is named."""

_joined: list[Membership] = []  # this process as a node; it belongs to the process as well


def nodes_of(call: Call) -> dict[str, Any]:
    """Return the nodes that a line names, as a keyword for the session."""
    named = call.values.get("nodes")
    return {} if named is None else {"nodes": [name for name in named.split(",") if name]}


def _open(context: Context, call: Call) -> object:
    how = call.given("host", "port", "seen_as", "lifetime")
    return context.session.open(**how).save(call.values.get("file", TICKET))


def _join(context: Context, call: Call) -> object:
    from murmur.cluster import join

    membership = join(call.values["ticket"], name=call.values.get("name"))
    _joined.append(membership)
    return membership


def _leave(context: Context, call: Call) -> None:
    if not any(not membership.is_over for membership in _joined):
        raise UsageError("this kernel is no node; %amoc join TICKET makes it one")
    while _joined:
        _joined.pop().leave()


def _attach(context: Context, call: Call) -> object:
    from murmur import attach

    session = attach(call.values["ticket"])
    _close_attached(context)
    context.steer(session)
    return session


def _detach(context: Context, call: Call) -> None:
    if not _close_attached(context):
        raise UsageError("these lines steer a session of this kernel; see %amoc attach --help")
    context.steer(None)


def _close_attached(context: Context) -> bool:
    """Leave a session that is somewhere else; return whether lines steered one."""
    from murmur._session import AttachedSession

    session = context.session
    if not isinstance(session, AttachedSession):
        return False
    session.close()
    return True


CLUSTER_VERBS = (
    Verb(
        "open",
        "Let nodes join the session; writes a ticket for them and returns its path.",
        _open,
        words=(Parameter("FILE", Kind.TEXT, f"where to write the ticket (default {TICKET})"),),
        options=(
            Parameter("--host", Kind.TEXT, "address to listen at (default 127.0.0.1)", "ADDRESS"),
            Parameter("--port", Kind.WHOLE, "port to listen at (default any)"),
            Parameter("--seen-as", Kind.TEXT, "what nodes call this machine", "ADDRESS"),
            Parameter("--lifetime", Kind.SECONDS, "how long the ticket lets in", "SECONDS"),
        ),
        example="%amoc open ticket --host 0.0.0.0 --port 8786 --seen-as 10.0.0.5",
    ),
    Verb(
        "join",
        "Make this kernel a node of somebody's session.",
        _join,
        words=(
            Parameter("TICKET", Kind.TEXT, "the file with the ticket, or its text", required=True),
            Parameter("NAME", Kind.TEXT, "what the node is called (default its host)"),
        ),
        example="%amoc join murmur-ticket",
    ),
    Verb("leave", "Stop being a node; users here leave in order.", _leave, example="%amoc leave"),
    Verb(
        "attach",
        "Steer a session of another process by the lines that follow.",
        _attach,
        words=(
            Parameter("TICKET", Kind.TEXT, "the file with the ticket, or its text", required=True),
        ),
        example="%amoc attach run.ticket",
    ),
    Verb(
        "detach",
        "Steer the session of this kernel again; that of the other process goes on.",
        _detach,
        example="%amoc detach",
    ),
    Verb(
        "nodes",
        "The nodes that users go to.",
        lambda on, call: on.session.nodes,
        example="%amoc nodes",
    ),
    Verb(
        "spawn",
        "Start node processes on this machine.",
        lambda on, call: on.session.spawn_nodes(call.values["count"]),
        words=(Parameter("COUNT", Kind.WHOLE, "how many", required=True),),
        example="%amoc spawn 2",
    ),
    Verb(
        "expel",
        "Send a node away at once; its users are lost.",
        lambda on, call: on.session.expel(call.values["name"]),
        words=(Parameter("NAME", Kind.NODES, "the node", required=True),),
        example="%amoc expel slow-host",
    ),
)
