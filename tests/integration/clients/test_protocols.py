"""The scenarios of the how-tos against real servers: restarted, frozen, shared by two nodes."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import murmur

# aio_pika's connections, when Python collects them in a thread that has no loop, make a coroutine
# to close them that nobody awaits: one for each that a busy server refused.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <coroutine object Connection.close"
    ":pytest.PytestUnraisableExceptionWarning"
)

HERE = Path(__file__).parent
USERS = 100


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Have what a test left collected before the next one, which is not to answer for it."""
    yield
    gc.collect()


class Protocol(NamedTuple):
    """A scenario, the settings that lead to a server, and what shows that it works."""

    scenario: str
    settings: dict[str, Any]
    beat: str
    connections: int


@pytest.fixture(scope="module")
def protocol(
    request: pytest.FixtureRequest, serve: Callable[..., Any], program: Callable[..., str]
) -> tuple[Any, Protocol]:
    for module in MODULES[request.param]:
        pytest.importorskip(module)
    return PROTOCOLS[request.param](serve, program)


def redis(serve: Any, program: Any) -> tuple[Any, Protocol]:
    path = program("redis-server")
    server = serve(lambda port, _: [path, "--port", str(port), "--bind", "127.0.0.1", "--save", ""])
    settings = {"port": server.port, "connections": 5}
    return server, Protocol("redis_jobs.py:Jobs", settings, "job", USERS // 2 + 1)


def redis_news(serve: Any, program: Any) -> tuple[Any, Protocol]:
    server, _ = redis(serve, program)
    settings = {"port": server.port, "rate": 10.0, "subscribers": USERS - 1}
    return server, Protocol("redis_jobs.py:News", settings, "news", USERS)


def mqtt(serve: Any, program: Any) -> tuple[Any, Protocol]:
    path = program("mosquitto")

    def command(port: int, home: Path) -> list[str]:
        lines = f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        (home / "mosquitto.conf").write_text(lines)
        return [path, "-c", str(home / "mosquitto.conf")]

    server = serve(command)
    settings = {"port": server.port, "dashboards": 2, "pace": 0.5, "patience": 1.0}
    return server, Protocol("mqtt_devices.py", settings, "report", USERS)


def nats(serve: Any, program: Any) -> tuple[Any, Protocol]:
    path = program("nats-server")
    server = serve(lambda port, _: [path, "-a", "127.0.0.1", "-p", str(port)])
    settings = {"url": f"nats://127.0.0.1:{server.port}", "pace": 0.5, "room_size": 5}
    return server, Protocol("nats_rooms.py", settings, "word", USERS)


def postgres(serve: Any, program: Any) -> tuple[Any, Protocol]:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    path = str(folders[-1] / "postgres") if folders else program("postgres", "postgresql")
    owner = "postgres" if os.geteuid() == 0 else None  # it does not start as root

    def command(port: int, home: Path) -> list[str]:
        subprocess.run(
            [
                *(str(Path(path).with_name("initdb")), "--no-sync", "--auth=trust"),
                *("--username=postgres", "--pgdata=data"),
            ],
            cwd=home,
            user=owner,
            capture_output=True,
            check=True,
        )
        switches = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": "20",
        }
        line = [path, "-D", "data", "-p", str(port)]
        return line + [
            part for name, value in switches.items() for part in ("-c", f"{name}={value}")
        ]

    server = serve(command, owner)
    dsn = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
    settings = {"dsn": dsn, "connections": 5, "patience": 1.0}
    return server, Protocol("postgres_orders.py", settings, "look", 5)


def postgres_engine(serve: Any, program: Any) -> tuple[Any, Protocol]:
    server, (_, settings, *_) = postgres(serve, program)
    settings["dsn"] = settings["dsn"].replace("postgresql:", "postgresql+asyncpg:")
    # The pool opens another connection only while all it has are in use.
    return server, Protocol("postgres_by_engine.py", settings, "look", 1)


def grpc(serve: Any, _: Any) -> tuple[Any, Protocol]:
    program = str(HERE / "grpc_server.py")
    server = serve(lambda port, _: [sys.executable, program, str(port)])
    settings = {"target": f"127.0.0.1:{server.port}", "listeners": USERS, "pace": 10.0}
    return server, Protocol("grpc_chat.py", settings, "word", USERS)


def amqp(serve: Any, program: Any) -> tuple[Any, Protocol]:
    program("rabbitmq-server")
    # What its wrapper calls, which is for root alone and another user than that.
    path = "/usr/lib/rabbitmq/bin/rabbitmq-server"

    def command(port: int, home: Path) -> list[str]:
        names = serve.free_port()
        environment = {
            "HOME": str(home),  # with the cookie, by which its parts know each other
            "ERL_EPMD_PORT": str(names),
            "RABBITMQ_NODENAME": "murmur@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(serve.free_port()),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(home / "config"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "environment"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",  # CI has two cores
        }
        # Its register of names is a process that would outlive it, were it not its child.
        line = f"epmd -port {names} -address 127.0.0.1 & exec {path}"
        return [
            "env",
            *(f"{name}={value}" for name, value in environment.items()),
            "sh",
            "-c",
            line,
        ]

    server = serve(command)
    settings = {"url": f"amqp://guest:guest@127.0.0.1:{server.port}/", "pace": 0.5}
    return server, Protocol("amqp_orders.py", settings, "order", USERS)


def socketio(serve: Any, _: Any) -> tuple[Any, Protocol]:
    program = str(HERE / "socketio_server.py")
    server = serve(lambda port, _: [sys.executable, program, str(port)])
    settings = {"url": f"http://127.0.0.1:{server.port}", "pace": 2.0, "room_size": 5}
    return server, Protocol("socketio_rooms.py", settings, "word", USERS)


PROTOCOLS = {
    "amqp": amqp,
    "socketio": socketio,
    "redis": redis,
    "redis_news": redis_news,
    "mqtt": mqtt,
    "nats": nats,
    "postgres": postgres,
    "postgres_engine": postgres_engine,
    "grpc": grpc,
}
MODULES = {
    "amqp": ["aio_pika"],
    "socketio": ["socketio", "aiohttp"],
    "redis": ["redis"],
    "redis_news": ["redis"],
    "mqtt": ["aiomqtt"],
    "nats": ["nats"],
    "postgres": ["asyncpg"],
    "postgres_engine": ["asyncpg", "sqlalchemy"],
    "grpc": ["grpc"],
}


every_protocol = pytest.mark.parametrize("protocol", sorted(PROTOCOLS), indirect=True)


def nothing_is_left(run: murmur.Run, count: Callable[[], int], trial: Any) -> None:
    """Assert that neither a socket nor a task of a user is there any more."""
    trial.wait_until(lambda: count() == 0)
    assert "amoc.user.leftovers" not in set(run.results.events["name"])


@pytest.mark.slow
@every_protocol
def test_users_leave_when_they_are_asked_and_go_by_force_without_a_trace(
    protocol: tuple[Any, Protocol], trial: Any
) -> None:
    server, (scenario, settings, beat, connections) = protocol
    run = trial.begin(scenario, USERS, grace=0.0, **settings)  # for those who are forced
    trial.wait_until(lambda: trial.done(run, beat) > 0 and server.connections() >= connections)

    assert trial.session.remove(USERS // 2)
    trial.gone(run, USERS // 2)  # in 0.02 to 0.3 s, if the machine has nothing else to do
    assert run.results.summary().users["left"] == USERS // 2
    assert run.results.summary().users.get("failed", 0) == 0

    trial.session.remove(USERS, force=True)
    trial.gone(run, USERS)
    trial.end(run)

    outcomes = run.results.summary().users
    assert set(outcomes) <= {"left", "killed"}
    assert sum(outcomes.values()) == USERS
    nothing_is_left(run, server.connections, trial)


@pytest.mark.slow
@every_protocol
def test_users_come_back_after_a_restart_and_leave_a_frozen_server_at_once(
    protocol: tuple[Any, Protocol], trial: Any
) -> None:
    server, (scenario, settings, beat, connections) = protocol
    run = trial.begin(scenario, USERS, grace=60.0, **settings)
    trial.wait_until(lambda: trial.done(run, beat) > 0 and server.connections() >= connections)

    server.kill()
    trial.wait_until(lambda: trial.counted(run, "interruptions") > 0)
    server.start()
    trial.wait_until(lambda: server.connections() >= connections)
    before = trial.done(run, beat)
    trial.wait_until(lambda: trial.done(run, beat) > before + 1)

    server.freeze()
    try:
        seconds = trial.end(run)
        assert run.results.summary().users == {"left": USERS}
        assert seconds < 20  # of the 60 s that they have
        nothing_is_left(run, server.connections, trial)
    finally:
        server.thaw()


@pytest.mark.slow
def test_a_nats_server_that_is_gone_is_a_connection_that_failed(
    serve: Callable[..., Any], program: Callable[..., str], trial: Any
) -> None:
    pytest.importorskip("nats")
    server, (scenario, settings, beat, _) = nats(serve, program)
    run = trial.begin(scenario, USERS, grace=60.0, **settings)
    trial.wait_until(lambda: trial.done(run, beat) > 0)

    server.kill()
    trial.wait_until(lambda: "connect" in set(run.results.errors["name"]))
    trial.end(run)

    # At once: not by the patience of the user with a client that asks again and again.
    errors = run.results.errors.query("name == 'connect'")["error"]
    assert {text.partition(":")[0] for text in errors} == {"NoServersError"}


@pytest.mark.slow
@every_protocol
def test_users_of_two_nodes_share_a_server(protocol: tuple[Any, Protocol], pair: Any) -> None:
    server, (scenario, settings, beat, connections) = protocol
    run = pair.begin(scenario, USERS, grace=60.0, **settings)
    pair.wait_until(lambda: pair.done(run, beat) >= 50 and server.clients() >= connections)
    seconds = pair.end(run)

    users = run.results.users
    assert users.groupby("node", observed=True).size().tolist() == [USERS // 2, USERS // 2]
    assert set(users["outcome"]) == {"left"}
    assert seconds < 20  # of the 60 s that they have
    for sent in run.results.deliveries.itertuples():
        assert 0 < sent.arrived <= sent.expected
        assert sent.duplicates == 0
    nothing_is_left(run, server.clients, pair)


@pytest.mark.slow
def test_the_wait_for_a_pool_is_apart_from_the_query(
    serve: Callable[..., Any], program: Callable[..., str], trial: Any
) -> None:
    _, (scenario, settings, *_) = postgres(serve, program)
    run = trial.begin(scenario, 20, **{**settings, "connections": 1, "patience": 20.0}, rate=1e4)
    trial.wait_until(lambda: trial.done(run, "look") >= 60)
    trial.end(run)

    # Nineteen others are before one in the queue, and each of them takes both steps.
    times = run.results.actions.groupby("name", observed=True)["service_time"].median()
    assert times["pool"] > 4 * (times["order"] + times["look"])
    assert set(run.results.actions["error"].dropna()) <= {""}


@pytest.mark.slow
def test_calls_that_grpc_refuses_are_counted_by_their_status(
    serve: Callable[..., Any], program: Callable[..., str], trial: Any
) -> None:
    server, (_, settings, *_) = grpc(serve, program)
    aio = pytest.importorskip("grpc").aio

    class Nonsense(murmur.Scenario):
        """Users say what the service does not take, and call what it does not have."""

        async def start(self, user: murmur.User) -> None:
            async with aio.insecure_channel(settings["target"]) as channel:
                for method, word in (("Say", b"nonsense"), ("Sing", b"la")):
                    with contextlib.suppress(aio.AioRpcError), user.timer("call"):
                        await channel.unary_unary(f"/chat.Chat/{method}")(word, timeout=10)

    run = trial.begin(Nonsense, 2, end_when_idle=True)
    run.wait(timeout=60)

    errors = run.results.errors
    assert dict(zip(errors["error"], errors["count"], strict=True)) == {
        "AioRpcError: INVALID_ARGUMENT: nonsense": 2,
        "AioRpcError: UNIMPLEMENTED: Method not found!": 2,
    }
    assert server.port


@pytest.mark.slow
def test_a_game_tells_lost_ticks_late_ones_and_the_reach_of_moves(
    serve: Callable[..., Any], trial: Any
) -> None:
    program = str(HERE / "game_server.py")
    server = serve(lambda port, _: [sys.executable, program, str(port), "bad"])
    players = 10
    run = trial.begin(
        "udp_game.py", players, port=server.port, players=players, silence=0.5, grace=60.0
    )
    trial.wait_until(lambda: trial.counted(run, "ticks") >= 20 * players)
    server.kill()
    trial.wait_until(lambda: trial.done(run, "tick", failed=True) >= players)
    server.start()
    before = trial.done(run, "move")
    trial.wait_until(lambda: trial.done(run, "move") > before)
    seconds = trial.end(run)

    assert run.results.summary().users == {"left": players}
    assert seconds < 20  # of the 60 s that they have
    # Of each player every tenth tick was left out.
    lost, came = trial.counted(run, "ticks.lost"), trial.counted(run, "ticks")
    assert 0.05 < lost / (lost + came) < 0.15
    actions = run.results.actions
    gaps = actions.loc[(actions["name"] == "tick") & actions["ok"], "service_time"]
    assert gaps.mean() >= 0.04  # a busy machine has them in bursts
    (move,) = run.results.deliveries.itertuples()
    assert move.sent * (players - 1) >= move.expected > move.arrived > 0
