"""The example of docs/how-to/test-an-xmpp-server.md, against a real prosody."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import murmur

pytest.importorskip("slixmpp")

DOCS = Path(__file__).parents[2] / "docs" / "how-to"
SCENARIO = f"{DOCS / 'xmpp_chat.py'}:Chat"
PAGE = DOCS / "test-an-xmpp-server.md"
DEADLINE = 60.0
USERS = 20


ACCOUNTS = [{"name": f"user{n}", "password": f"secret{n}"} for n in range(1, USERS + 1)]
Start = Callable[[Path, str], contextlib.AbstractContextManager[int]]


@pytest.fixture(scope="module")
def start(program: Callable[..., str]) -> Start:
    """Return ``start(home, config)``, which runs prosody and gives the port."""
    prosody, prosodyctl = program("prosody"), program("prosodyctl", "prosody")

    @contextlib.contextmanager
    def start(home: Path, config: str) -> Iterator[int]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        path = home / "prosody.cfg.lua"
        path.write_text(config.replace("5222", str(port)), encoding="utf-8")
        register(home)
        checked = subprocess.run(
            [prosodyctl, "--config", str(path), "check", "config"],
            capture_output=True,
            text=True,
            check=False,
            cwd=home,
            stdin=subprocess.DEVNULL,
        )
        assert "All checks passed" in checked.stdout, checked.stdout
        with running([prosody, "-F", "--config", str(path)], home, port):
            yield port

    return start


@pytest.fixture(scope="module")
def server(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run the server that the page sets up; yield its port and the accounts."""
    with start(tmp_path_factory.mktemp("prosody"), the_page_says("lua")) as port:
        yield {"port": port, "accounts": ACCOUNTS}


@contextlib.contextmanager
def running(command: list[str], home: Path, port: int) -> Iterator[None]:
    with (home / "output").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=home, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            wait_until(lambda: listens(port) or process.poll() is not None)
            assert process.poll() is None, (home / "output").read_text(encoding="utf-8")
            yield
        finally:
            process.terminate()
            process.wait(60)


def register(home: Path) -> None:
    """Write the accounts where prosodyctl would, which takes a process for each."""
    folder = home / "data" / "localhost" / "accounts"
    folder.mkdir(parents=True)
    for account in ACCOUNTS:
        text = f'return {{ ["password"] = "{account["password"]}" }};\n'
        (folder / f"{account['name']}.dat").write_text(text, encoding="utf-8")


def the_page_says(language: str) -> str:
    """Return the first block of that language on the page."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def counters(run: murmur.Run) -> dict[str, float]:
    frame = run.results.counters
    return frame.groupby("name", observed=True)["value"].sum().to_dict()


@pytest.fixture
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        yield session


def test_every_message_arrives_and_its_way_is_timed(session, server):
    settings = {
        **server,
        "tls": False,
        "login_rate": 100.0,
        "pace": 0.1,
        "messages": 5,
        "user_rate": float("inf"),
    }
    run = session.do(SCENARIO, USERS, **settings)
    wait_until(lambda: counters(run).get("messages.received", 0) >= 5 * USERS)
    run.stop()
    run.wait(timeout=DEADLINE)

    results = run.results
    actions = results.actions
    logins, messages = (actions[actions["name"] == name] for name in ("login", "message"))
    assert results.users["outcome"].tolist() == ["left"] * USERS
    assert counters(run)["messages.sent"] == counters(run)["messages.received"] == 5 * USERS
    assert "messages.bounced" not in counters(run)
    assert len(logins) == USERS
    assert logins["ok"].all()
    assert messages.groupby("user_id").size().tolist() == [5] * USERS
    assert (messages["response_time"] > 0).all()
    assert (messages["response_time"] < DEADLINE).all()
    assert (logins["response_time"] >= logins["service_time"]).all()


def test_a_wrong_password_is_a_failed_login_of_that_user_alone(session, server):
    accounts = [{**account} for account in server["accounts"][:3]]
    accounts[1]["password"] = "guessed"
    settings = {"port": server["port"], "tls": False, "pace": 0.1, "user_rate": float("inf")}
    run = session.do(SCENARIO, 3, accounts=accounts, **settings)
    wait_until(lambda: counters(run).get("messages.received", 0) >= 4)
    run.stop()
    run.wait(timeout=DEADLINE)

    users = run.results.users.set_index("user_id")
    (error,) = run.results.errors.itertuples()
    assert users["outcome"].to_dict() == {1: "left", 2: "failed", 3: "left"}
    assert (error.name, error.kind, error.count) == ("login", "PermissionError", 1)


def test_a_server_that_is_not_there_is_a_failed_login(session, server):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        settings = {"accounts": server["accounts"], "port": port, "tls": False}
        run = session.do(SCENARIO, 2, user_rate=float("inf"), end_when_idle=True, **settings)
        run.wait(timeout=DEADLINE)

    assert run.results.users["outcome"].tolist() == ["failed"] * 2
    assert run.results.errors["name"].tolist() == ["login"]


def test_a_server_with_a_certificate_is_trusted_by_its_authority_alone(
    session, start, program, tmp_path
):
    openssl = program("openssl")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")),
        ],
        capture_output=True,
        check=True,
    )
    config = (
        the_page_says("lua")
        .replace('"saslauth"', '"saslauth", "tls"')
        .replace("c2s_require_encryption = false", "c2s_require_encryption = true")
    )
    config += f'ssl = {{ key = "{tmp_path}/key.pem", certificate = "{tmp_path}/cert.pem" }}\n'
    settings = {"accounts": ACCOUNTS, "pace": 0.1, "messages": 2, "user_rate": float("inf")}
    with start(tmp_path, config) as port:
        run = session.do(SCENARIO, 2, port=port, ca=str(tmp_path / "cert.pem"), **settings)
        wait_until(lambda: counters(run).get("messages.received", 0) >= 4)
        run.stop()
        run.wait(timeout=DEADLINE)
        stranger = session.do(SCENARIO, 2, port=port, end_when_idle=True, **settings)
        stranger.wait(timeout=DEADLINE)

    assert run.results.users["outcome"].tolist() == ["left"] * 2
    assert stranger.results.users["outcome"].tolist() == ["failed"] * 2
