"""Callbacks of every usual form are brought to one signature, and the others refused."""

from __future__ import annotations

import functools

import pytest

from murmur.errors import InvalidScenarioError
from murmur.scenario import Callback, Scenario, callbacks


def reasons(cls: type[Scenario]) -> tuple[str, ...]:
    with pytest.raises(InvalidScenarioError) as caught:
        callbacks(cls)
    return caught.value.reasons


def with_start(start: object) -> type[Scenario]:
    return type("Chat", (Scenario,), {"start": start})


def test_scn_1_a_scenario_without_start_is_refused():
    """SCN-1."""

    class Idle(Scenario):
        async def init(self): ...

    assert reasons(Idle) == ("it has no `start`: write `async def start(self, user)`",)


def test_scn_1_start_alone_is_enough():
    """SCN-1; amoc lets it pass its check and then fails to call init (section 2.3)."""

    class Short(Scenario):
        async def start(self, user): ...

    assert callbacks(Short).init is None


async def test_scn_3_state_reaches_the_callbacks_that_ask_for_it():
    """SCN-3."""

    class Stateful(Scenario):
        def init(self):
            return "state"

        async def start(self, user, state):
            return user, state

        def terminate(self, state):
            return state

    found = callbacks(Stateful)
    scenario = Stateful()

    state = found.init.bind(scenario)()
    assert await found.start.bind(scenario)(1, state) == (1, "state")
    assert found.terminate.bind(scenario)(state) == "state"


async def test_callbacks_without_state_are_called_alike():
    class Stateless(Scenario):
        async def start(self, user):
            return user

        def terminate(self):
            return "terminated"

    found = callbacks(Stateless)
    scenario = Stateless()

    assert await found.start.bind(scenario)(1, "state") == 1
    assert found.terminate.bind(scenario)("state") == "terminated"


def test_a_callback_says_whether_it_is_async_and_takes_state():
    class Mixed(Scenario):
        def start(self, user, state): ...

        async def terminate(self): ...

        def changed(self, name, old, new):
            return name, old, new

    found = callbacks(Mixed)

    assert found.start == Callback("start", is_async=False, takes_state=True)
    assert found.terminate == Callback("terminate", is_async=True, takes_state=False)
    assert found.changed.bind(Mixed())("pace", 1, 2) == ("pace", 1, 2)


def both(self, user, state=None): ...


def paused(self, user, pause=1.0): ...


def anything(self, *arguments): ...


@pytest.mark.parametrize(
    ("start", "takes_state"), [(both, True), (paused, False), (anything, True)]
)
def test_an_optional_parameter_takes_the_state_only_if_it_is_called_so(start, takes_state):
    assert callbacks(with_start(start)).start.takes_state is takes_state


class CallableUser:
    async def __call__(self, user): ...


async def free(user): ...


async def prefixed(prefix, user): ...


@pytest.mark.parametrize(
    "start",
    [
        staticmethod(free),
        staticmethod(functools.partial(prefixed, "x")),  # bare, it binds from Python 3.14 on
        functools.partialmethod(prefixed),
        classmethod(prefixed),
        CallableUser(),
    ],
    ids=["staticmethod", "partial", "partialmethod", "classmethod", "object"],
)
def test_every_kind_of_callable_will_do_if_its_signature_fits(start):
    found = callbacks(with_start(start)).start

    assert found == Callback("start", is_async=True, takes_state=False)


def test_att_4_every_reason_is_given_at_once():
    """ATT-4."""

    class Hopeless(Scenario):
        async def init(self, user): ...

        async def start(self, user):
            yield user

        terminate = "later"

        def changed(self, name): ...

        def __init__(self, port):
            super().__init__()

    init, start, terminate, changed, constructor = reasons(Hopeless)

    assert init.startswith("`init` must accept (self): missing a required argument: 'user'")
    assert start.startswith("`start` must not contain `yield`")
    assert terminate == "`terminate` must be a method, not 'later'"
    assert changed.startswith("`changed` must accept (self, name, old, new): too many")
    assert "must work without arguments" in constructor


def no_user(self): ...


def three(self, user, state, more): ...


def by_keyword(self, user, *, pace): ...


@pytest.mark.parametrize("start", [no_user, three, by_keyword])
def test_a_start_of_the_wrong_arity_is_told_what_it_may_be(start):
    (reason,) = reasons(with_start(start))

    assert reason.startswith("`start` must accept (self, user) or (self, user, state): ")


def test_a_callback_may_be_switched_off():
    class Loud(Scenario):
        def terminate(self): ...

        async def start(self, user): ...

    class Quiet(Loud):
        terminate = None

    assert callbacks(Quiet).terminate is None


def test_a_coroutine_from_a_plain_function_is_not_dropped_in_silence():
    class Forgetful(Scenario):
        async def talk(self, user): ...

        def start(self, user):
            return self.talk(user)

    start = callbacks(Forgetful).start.bind(Forgetful())

    with pytest.raises(TypeError, match="write `async def start`"):
        start(1, None)


def test_no_user_code_runs_while_a_class_is_examined():
    class Fragile(Scenario):
        def __init__(self):
            raise AssertionError

        async def start(self, user): ...

    assert callbacks(Fragile).start.is_async
