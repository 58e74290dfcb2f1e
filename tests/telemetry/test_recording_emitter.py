"""The emitter for tests remembers events and refuses those that do not exist."""

from __future__ import annotations

import pytest

from murmur.errors import InvalidArgumentError, UnknownNameError
from murmur.testing import RecordingEmitter


def test_remembers_what_was_emitted_in_order():
    emitter = RecordingEmitter()
    assert emitter.listening("amoc.throttle.execute")

    emitter.emit("amoc.throttle.execute", {"count": 1}, {"name": "messages"})
    emitter.emit("amoc.throttle.init", {"count": 1}, {"name": "messages"})

    assert [name for name, _, _ in emitter.events] == [
        "amoc.throttle.execute",
        "amoc.throttle.init",
    ]
    assert emitter.named("amoc.throttle.init") == [({"count": 1}, {"name": "messages"})]


def test_refuses_what_the_catalogue_does_not_describe():
    emitter = RecordingEmitter()

    with pytest.raises(UnknownNameError):
        emitter.listening("amoc.throttle.executed")
    with pytest.raises(InvalidArgumentError):
        emitter.emit("amoc.throttle.init", {"number": 1}, {})
