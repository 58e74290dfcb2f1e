"""Whatever is wrong with a class is said before anything runs, all of it at once."""

from __future__ import annotations

import pytest
from traitlets import Float, HasTraits, Int, Unicode, default, observe, validate

from murmur.errors import InvalidScenarioError
from murmur.scenario import Scenario, callbacks, masked, resolve


def reasons(cls: type[Scenario]) -> tuple[str, ...]:
    with pytest.raises(InvalidScenarioError) as caught:
        callbacks(cls)
    return caught.value.reasons


class Startable(Scenario):
    async def start(self, user): ...


def test_att_4_every_fault_is_reported_in_order_and_nothing_that_is_right():
    """ATT-4, CFG-4."""

    class Faulty(Startable):
        nameless = Int(1)
        users = Int(1, help="how many")
        observe = Int(1, help="hides a method of traitlets")
        fine = Int(1, help="nothing wrong here")
        torn = Int(1, read_only=True, help="cannot be both").tag(live=True)

    assert reasons(Faulty) == (
        "setting 'nameless' needs a description: Int(help=...)",
        "'users' cannot be a setting: it is a keyword of Session.do",
        "'observe' cannot be a setting: the name has a meaning of its own on a scenario",
        "setting 'torn' cannot be both live and read_only",
    )


@pytest.mark.parametrize(
    "name", ["users", "seed", "duration", "end_when_idle", "nodes", "scenario", "self"]
)
def test_keywords_of_do_are_taken(name):
    clashing = type("Clashing", (Startable,), {name: Int(help="taken")})

    assert reasons(clashing) == (f"{name!r} cannot be a setting: it is a keyword of Session.do",)


def test_resolving_refuses_an_unfit_class_too():
    class Nameless(Startable):
        port = Int(1)

    with pytest.raises(InvalidScenarioError, match="needs a description"):
        resolve(Nameless, {}, environment={})


def test_a_plain_value_that_hides_a_setting_is_refused():
    class Fast(Startable):
        user_rate = 6000

    (reason,) = reasons(Fast)

    assert reason.endswith("to change its default write user_rate = Float(..., help=...)")


def test_a_mixin_that_is_no_hastraits_is_refused():
    class Tls:
        ca = Unicode(help="certificate")

    class Secure(Tls, Startable):
        pass

    assert reasons(Secure) == (
        "setting 'ca' comes from a plain class: derive the mixin from traitlets.HasTraits",
    )


def test_two_settings_may_not_share_an_environment_variable():
    class Shouting(Startable):
        port = Int(help="port")
        Port = Int(help="also a port")

    assert reasons(Shouting) == ("settings 'port' and 'Port' would share AMOC_PORT",)


def test_a_handler_for_a_misspelt_setting_is_refused():
    class Misspelt(Startable):
        port = Int(help="port")

        @observe("prot")
        def _seen(self, change): ...

        @default("Port")
        def _computed(self): ...

    assert reasons(Misspelt) == (
        "'_computed' is for 'Port'; did you mean 'port'?",
        "'_seen' is for 'prot'; did you mean 'port'?",
    )


def test_a_handler_of_all_traits_and_one_of_a_private_trait_are_fine():
    class Watching(Startable):
        _count = Int()

        @observe("_count")
        def _counted(self, change): ...

        @observe("user_rate", "grace")
        def _both(self, change): ...

    assert callbacks(Watching).start.is_async


def test_two_validators_of_one_setting_are_refused():
    """Traitlets would call the one whose name comes last in the alphabet."""

    class Torn(Startable):
        port = Int(help="port")

        @validate("port")
        def _even(self, proposal):
            return proposal.value

        @validate("port")
        def _odd(self, proposal):
            return proposal.value

    assert reasons(Torn) == (
        "'_even' and '_odd' both validate 'port'; only one of them would be called",
    )


def test_a_handler_that_would_have_to_be_awaited_is_refused():
    class Eager(Startable):
        @observe("user_rate")
        async def _told(self, change): ...

    assert reasons(Eager) == ("'_told' must be a plain def: traitlets does not await a handler",)


def test_handlers_that_are_found_by_name_are_refused():
    class Old(Startable):
        port = Int(help="port")

        def _port_changed(self, old, new): ...

        def _port_validate(self, value, trait): ...

    assert reasons(Old) == (
        "method '_port_changed' must be marked with @observe('port')",
        "method '_port_validate' must be marked with @validate('port')",
    )


def test_masked_hides_secrets_and_nothing_else():
    class Secretive(HasTraits):
        token = Unicode(help="password").tag(secret=True)
        pace = Float(help="pace")

    values = {"token": "hunter2", "pace": 1.0, "unknown": 2}

    assert masked(Secretive, values) == {"token": "***", "pace": 1.0, "unknown": 2}
