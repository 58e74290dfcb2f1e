"""Users of an XMPP server: they log in, show presence and write to each other in pairs.

Run it with ``murmur run docs/how-to/xmpp_chat.py --set accounts=accounts.csv`` or from a
notebook; docs/how-to/test-an-xmpp-server.md explains it.
"""

from __future__ import annotations

import ssl

import anyio
import slixmpp
from traitlets import Bool, Float, Int, Unicode

import murmur


class Chat(murmur.Scenario):
    """Pairs of users write to each other through an XMPP server."""

    host = Unicode("127.0.0.1", help="host of the server")
    port = Int(5222, min=1, max=65535, help="port for clients")
    domain = Unicode("localhost", help="domain of the accounts")
    tls = Bool(True, help="whether the connection is encrypted")
    ca = Unicode("", help="file of certificates to trust; those of the system if empty")
    accounts = murmur.Feeder(columns=["name", "password"], help="accounts, one for each user")
    login_rate = Float(10.0, min=0, help="logins per second, over all users")
    patience = Float(10.0, min=0, help="seconds that a login may take")
    pace = Float(10.0, min=0.001, help="seconds between two messages of one user")
    messages = Int(1_000_000, min=1, help="messages that each user sends")

    async def init(self) -> None:
        """Make what all users share."""
        self.trust = ssl.create_default_context(cafile=self.ca or None)
        self.logins = await murmur.throttle("logins", rate=self.login_rate, interval=1)
        self.pairs = await murmur.coordinator("pairs", [])
        self.day = (
            murmur.Timetable(spread=self.pace)
            .every(self.pace, "message", count=self.messages)
            .every(60, "presence", offset="random")
        )

    async def start(self, user: murmur.User) -> None:
        """Log in, find a partner, and follow the timetable."""
        account = self.accounts[user]
        client = Client(f"{account['name']}@{self.domain}", str(account["password"]), self)
        client.add_event_handler("message", lambda message: note_arrival(user, message))
        client.add_event_handler("message_error", lambda _: user.count("messages.bounced"))
        try:
            await self.logins.wait()
            with user.timer("login"):
                await client.log_in()
            pair = await self.pairs.gather(user, 2, data=client.boundjid.bare)
            (partner,) = (address for other, address in pair if other is not user)
            async for event in self.day.follow(user):
                client.require_connection()
                if event.name == "presence":
                    client.send_presence(pstatus=f"for the {event.number + 1}. time")
                else:
                    client.send_message(
                        mto=slixmpp.JID(str(partner)),
                        mbody=user.stamp("message", due_at=event.due_at),
                        mtype="chat",
                    )
                    user.count("messages.sent")
        finally:
            await client.log_out()


def note_arrival(user: murmur.User, message: slixmpp.Message) -> None:
    """Record how long a message was under way, as an action of who received it."""
    user.count("messages.received")
    user.arrived(message["body"])


class Client(slixmpp.ClientXMPP):
    """A client that belongs to one user, on the loop that the user runs on."""

    def __init__(self, address: str, password: str, settings: Chat) -> None:
        # Without TLS, slixmpp gives a password to nobody unless it is told to.
        plugins = {"feature_mechanisms": {"unencrypted_scram": not settings.tls}}
        # A context of its own would read the system's certificates: 0.1 s for every client.
        super().__init__(address, password, plugin_config=plugins, ssl_context=settings.trust)
        self.settings = settings
        self.enable_direct_tls = False
        self.enable_starttls = settings.tls
        self.enable_plaintext = not settings.tls

    async def log_in(self) -> None:
        """Connect, and return once the user can be reached."""
        answer = self.loop.create_future()

        def settle(error: object = None) -> None:
            if not answer.done():
                answer.set_result(error)

        # The server sends a user's presence to itself as well: then it knows of it.
        self.add_event_handler("session_start", lambda _: self.send_presence())
        self.add_event_handler("presence_available", lambda _: settle())
        self.add_event_handler("failed_all_auth", lambda _: settle(PermissionError("refused")))
        self.add_event_handler("connection_failed", settle)
        self.add_event_handler("disconnected", lambda _: settle(ConnectionResetError("closed")))
        self.connect(self.settings.host, self.settings.port)
        with anyio.fail_after(self.settings.patience):
            error = await answer
        if error is not None:
            raise error if isinstance(error, Exception) else ConnectionError(error)

    def require_connection(self) -> None:
        """Raise unless the server is still there: slixmpp would queue what is sent."""
        if not self.is_connected():
            raise ConnectionResetError("the server closed the connection")

    async def log_out(self) -> None:
        """Say goodbye, and leave nothing behind on the loop."""
        self.cancel_connection_attempt()
        try:
            if self.is_connected():
                await self.disconnect(wait=1.0)
        finally:
            self.abort()
            if self._run_out_filters is not None:  # slixmpp ends it with the object only
                self._run_out_filters.cancel()
