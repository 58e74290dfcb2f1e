"""Talk of one user of the chat; knows no connection and reads no clock."""

from __future__ import annotations

from typing import Any, TypeAlias

from murmur.runtime import User

Message: TypeAlias = dict[str, Any]


class Talk:
    """One user's part in the chat.

    A message carries ``from``, ``to``, a number ``id`` unique to its sender, a ``stamp`` by
    which its way is measured, and some ``text``.  An answer also has
    ``answers``, the number of the message it answers.  Answers are not answered.
    """

    __slots__ = ("_due_at", "_first", "_neighbours", "_number", "_user", "left", "name")

    def __init__(
        self,
        user: User,
        *,
        neighbours: int,  # how many ids below and above its own it may write to
        messages: int,  # how many messages it sends, answers included
    ) -> None:
        self.name: str = str(user.id)
        self.left: int = messages
        self._user = user
        self._first = max(1, user.id - neighbours)
        self._neighbours = user.id + neighbours - self._first
        self._number = 0
        self._due_at: dict[int, float] = {}

    def write(
        self,
        # when it should have been sent; the round trip counts from here, so that a generator or
        # router that stalls does not flatter itself
        due_at: float,
        now: float,
    ) -> Message:
        """Return a message to some neighbour, who may not be there."""
        neighbour = self._first + int(self._user.random.random() * self._neighbours)
        if neighbour >= self._user.id:
            neighbour += 1
        message = self._message(str(neighbour))
        self._due_at[self._number] = min(due_at, now)  # timers may be a millisecond early
        return message

    def hear(self, message: Message, now: float) -> Message | None:
        """Record a message that arrived; return the answer to send, if there is one."""
        sender = message.get("from")
        if sender is None:
            return None  # the router's word, not a user's
        self._user.count("received")
        self._user.arrived(message["stamp"])
        answered = message.get("answers")
        if answered is not None:
            due_at = self._due_at.pop(answered, None)
            if due_at is not None:
                self._user.record("round_trip", now - due_at)
            return None
        if not self.left:
            return None
        answer = self._message(sender)
        answer["answers"] = message["id"]
        return answer

    def end(self) -> None:
        """Count the messages that nobody answered."""
        if self._due_at:
            self._user.count("unanswered", len(self._due_at))

    def _message(self, recipient: str) -> Message:
        self.left -= 1
        self._number += 1
        self._user.count("sent")
        return {
            "from": self.name,
            "to": recipient,
            "id": self._number,
            "stamp": self._user.stamp("delivery"),
            "text": f"{self._user.random.getrandbits(80):020x}",
        }
