"""Settings of a run are resolved and verified as one set, before anything exists."""

from __future__ import annotations

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import (
    Any,
    Enum,
    Float,
    HasTraits,
    Instance,
    Int,
    List,
    TraitError,
    Unicode,
    default,
    observe,
    validate,
)

from murmur.errors import ConfigError, InvalidSettingError, UnknownSettingError
from murmur.scenario import Scenario, build, resolve


class Chat(Scenario):
    host = Unicode("localhost", help="host to connect to")
    port = Int(8888, min=1, max=65535, help="port to connect to")

    async def start(self, user): ...


def values_of(cls: type[Scenario], **given: object) -> dict[str, object]:
    return resolve(cls, given, environment={}).values


def problems(cls: type[Scenario], **given: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        resolve(cls, given, environment={})
    return caught.value.problems


def test_ver_1_without_arguments_and_environment_the_defaults_come_back():
    """VER-1."""
    assert values_of(Chat) == {"host": "localhost", "port": 8888, "user_rate": 1200.0, "grace": 2.0}


def test_ver_2_argument_before_environment_before_default():
    """VER-2."""
    environment = {"AMOC_HOST": "from-env", "AMOC_PORT": "1"}
    resolved = resolve(Chat, {"port": 2}, environment=environment)

    assert resolved.values["host"] == "from-env"
    assert resolved.values["port"] == 2
    assert resolved.sources == {
        "host": "environment",
        "port": "argument",
        "user_rate": "default",
        "grace": "default",
    }
    assert resolve(Chat, {}, environment={}).values["host"] == "localhost"


def test_ver_2_the_environment_is_the_processs_unless_another_is_given(monkeypatch):
    """VER-2."""
    monkeypatch.setenv("AMOC_PORT", "99")

    assert resolve(Chat, {}).values["port"] == 99


def test_ver_3_every_failure_is_listed_in_order_with_its_reason():
    """VER-3."""

    class Strict(Chat):
        mode = Enum(["slow", "fast"], "slow", help="how fast")
        even = Int(2, help="an even number")
        broken = Int(1, help="its validator is at fault")

        @validate("even")
        def _even(self, proposal):
            if proposal.value % 2:
                raise TraitError("must be even")
            return proposal.value

        @validate("broken")
        def _broken(self, proposal):
            return 1 / (proposal.value - 1)

    assert problems(Strict, port="x", even=3, mode="medium", grace=-1) == (
        "setting 'mode' does not accept 'medium': expected any of ['slow', 'fast']",
        "setting 'even' does not accept 3: must be even",
        "setting 'broken' does not accept 1: ZeroDivisionError: division by zero",
        "setting 'port' does not accept 'x': expected an int from 1 to 65535",
        "setting 'grace' does not accept -1: expected a float of at least 0",
    )


def test_ver_4_a_validator_may_rewrite_the_value():
    """VER-4, SCN-4."""

    class Tidy(Chat):
        @validate("host")
        def _lower(self, proposal):
            return proposal.value.lower()

    resolved = resolve(Tidy, {"host": "EXAMPLE.org"}, environment={})

    assert build(Tidy, resolved).host == "example.org"


def test_cfg_1_every_validator_is_called_once_with_the_effective_value_and_no_observer():
    """CFG-1."""
    called = []

    class Counting(Chat):
        @validate("host", "port", "user_rate")
        def _checked(self, proposal):
            called.append((proposal.trait.name, proposal.value))
            return proposal.value

        @observe("host", "port", "user_rate")
        def _told(self, change):
            called.append("observed")

    build(Counting, resolve(Counting, {"host": "given"}, environment={"AMOC_PORT": "80"}))

    assert called == [("host", "given"), ("port", 80), ("user_rate", 1200.0)]


def test_cfg_1_an_undeclared_name_cannot_be_read():
    """CFG-1, SCN-4."""
    with pytest.raises(AttributeError):
        build(Chat, resolve(Chat, {}, environment={})).undeclared  # noqa: B018


def test_cfg_1_none_is_a_value_like_any_other():
    """CFG-1; in amoc `undefined` cannot be told from a setting that was not given."""

    class Optional(Chat):
        limit = Int(5, allow_none=True, help="how many, None for any number")

    assert values_of(Optional, limit=None)["limit"] is None
    assert problems(Optional, port=None) == (
        "setting 'port' does not accept None: expected an int from 1 to 65535",
    )


def test_cfg_5_unknown_names_are_reported_with_everything_else():
    """CFG-5; amoc would stop there, and tell the rest on the next try."""
    with pytest.raises(UnknownSettingError) as caught:
        resolve(Chat, {"prot": 1, "port": 0, "colour": "red"}, environment={})

    assert isinstance(caught.value, InvalidSettingError)
    assert caught.value.names == ("prot", "colour")
    assert caught.value.failures == (("port", 0, "expected an int from 1 to 65535"),)


def test_cfg_6_the_other_validators_run_although_one_value_is_not_allowed():
    """CFG-6, ATT-5."""
    called = []

    class Chosen(Chat):
        mode = Enum(["slow", "fast"], "slow", help="how fast")

        @validate("port")
        def _checked(self, proposal):
            called.append(proposal.value)
            return proposal.value

    assert problems(Chosen, mode="medium", port=1) == (
        "setting 'mode' does not accept 'medium': expected any of ['slow', 'fast']",
    )
    assert called == [1]


def test_validators_see_the_whole_new_set():
    class Range(Chat):
        low = Int(10, help="smallest size")
        high = Int(20, help="largest size")

        @validate("low")
        def _below(self, proposal):
            if proposal.value > self.high:
                raise TraitError(f"must not be above high, {self.high}")
            return proposal.value

    assert values_of(Range, low=30, high=40)["low"] == 30
    assert problems(Range, low=30) == (
        "setting 'low' does not accept 30: must not be above high, 20",
    )


def test_a_validator_that_looks_at_a_refused_setting_reports_no_problem_of_its_own():
    class Range(Chat):
        low = Int(10, help="smallest size")
        high = Int(20, help="largest size")
        url = Unicode(help="where")

        @validate("low")
        def _below(self, proposal):
            if proposal.value > self.high:
                raise TraitError("must not be above high")
            return proposal.value

        @default("url")
        def _url(self):
            return f"http://host/{self.high}"

    assert problems(Range, low=30, high="forty") == (
        "setting 'high' does not accept 'forty': expected an int",
    )


def test_a_validator_that_forgets_to_return_is_found_out():
    class Forgetful(Chat):
        @validate("port")
        def _checked(self, proposal):
            assert proposal.value

    assert problems(Forgetful) == (
        (
            "setting 'port' does not accept 8888: "
            "its validator returned nothing; it must return the value"
        ),
    )


def test_what_a_validator_returns_has_to_fit_the_trait():
    class Careless(Chat):
        @validate("port")
        def _checked(self, proposal):
            return str(proposal.value)

    assert problems(Careless) == (
        "setting 'port' does not accept '8888': expected an int from 1 to 65535",
    )


def test_a_required_setting_needs_a_value_and_says_where_to_give_it():
    class Strict(Chat):
        room = Unicode(help="where to meet").tag(required=True)
        mode = Enum(["slow", "fast"], help="how fast")

    assert problems(Strict, port=0) == (
        ("setting 'room' has no value; it is required: give it as an argument or in AMOC_ROOM"),
        ("setting 'mode' has no value; it has no default: give it as an argument or in AMOC_MODE"),
        "setting 'port' does not accept 0: expected an int from 1 to 65535",
    )
    environment = {"AMOC_ROOM": "lobby", "AMOC_MODE": "fast"}
    assert resolve(Strict, {}, environment=environment).values["room"] == "lobby"


def test_a_default_may_be_computed_from_the_other_settings():
    class Linked(Chat):
        url = Unicode(help="where")

        @default("url")
        def _url(self):
            return f"http://{self.host}:{self.port}"

    assert values_of(Linked, port=80)["url"] == "http://localhost:80"
    assert values_of(Linked, url="file:x")["url"] == "file:x"


def test_the_default_of_the_most_derived_class_counts():
    """VER-1, CFG-1."""

    class Other(Chat):
        port = Int(1, min=1, help="another port")

        @default("host")
        def _host(self):
            return "computed"

    assert values_of(Other)["port"] == 1
    assert values_of(Other)["host"] == "computed"


def test_a_default_that_fails_or_does_not_fit_is_a_problem_and_no_crash():
    class Broken(Chat):
        small = Int(0, min=1, help="its default is too small")
        url = Unicode(help="its default fails")
        client = Instance(dict, help="has no default at all").tag(live=True)

        @default("url")
        def _url(self):
            raise OSError("no network")

    small, url, client = problems(Broken)

    assert small == "setting 'small' does not accept 0: expected an int of at least 1"
    assert url == "setting 'url' has no value; OSError: no network"
    assert client.startswith("setting 'client' does not accept None: expected a dict")


@pytest.mark.parametrize("rate", [0, 0.0, 1, 2.5, math.inf])
def test_any_rate_of_arrival_will_do(rate):
    assert values_of(Chat, user_rate=rate)["user_rate"] == rate


@pytest.mark.parametrize("rate", [-1, math.nan, "fast", None, -math.inf])
def test_a_rate_that_makes_no_sense_is_refused(rate):
    assert len(problems(Chat, user_rate=rate)) == 1


@pytest.mark.parametrize(
    ("rate", "expected"), [("100", "'100/min' or '100/s'"), ("fast", "'100/min' or '100/s'")]
)
def test_a_rate_of_arrival_without_a_unit_is_answered_with_one(rate, expected):
    (problem,) = problems(Chat, user_rate=rate)

    assert problem == (
        f"setting 'user_rate' does not accept {rate!r}: expected a float of at least 0, "
        f"or text that says per what: {expected}"
    )


def test_the_base_settings_hold_what_they_promise_even_if_redeclared():
    class Loose(Chat):
        user_rate = Float(60.0, help="without a lower limit")

    assert problems(Loose, user_rate=-1.0) == (
        "setting 'user_rate' does not accept -1.0: expected a float of at least 0",
    )
    assert problems(Loose, user_rate=math.nan) == (
        "setting 'user_rate' does not accept nan: NaN lies within no limits",
    )


def test_nan_is_a_float_where_nothing_limits_it():
    class Free(Chat):
        offset = Float(0.0, help="any offset")

    assert math.isnan(values_of(Free, offset=math.nan)["offset"])


def test_a_container_says_which_of_its_items_is_wrong():
    class Many(Chat):
        ports = List(Int(), help="ports to connect to")

    (problem,) = problems(Many, ports=[1, "x"])

    assert "'x'" in problem


class Secretive(Chat):
    token = Unicode("default-secret", help="password").tag(secret=True)
    pin = Enum(["1234", "5678"], "1234", help="number").tag(secret=True)
    url = Unicode("http://host", help="where")

    @validate("token")
    def _long(self, proposal):
        if len(proposal.value) < 8:
            raise TraitError(f"{proposal.value!r} begins with {proposal.value[:3]}")
        return proposal.value

    @validate("url")
    def _with_token(self, proposal):
        if "host" not in proposal.value:
            raise TraitError(f"{self.token} does not fit {proposal.value}")
        return proposal.value


def test_a_secret_is_in_no_message_and_no_repr():
    text = "\n".join(problems(Secretive, token="hun2ter", pin="9999", url="x"))
    text += "\n".join(problems(Secretive, token="long-enough-secret", url="x"))
    resolved = resolve(Secretive, {"token": "long-enough-secret"}, environment={})
    text += repr(resolved) + repr(build(Secretive, resolved))

    for secret in ("hun", "9999", "1234", "5678", "long-enough-secret", "default-secret"):
        assert secret not in text


def test_a_secret_hides_in_no_chained_exception():
    with pytest.raises(InvalidSettingError) as caught:
        resolve(Secretive, {"token": "hun2ter"}, environment={})

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_refusing_creates_nothing():
    made = []

    class Visible(Chat):
        def __init__(self):
            made.append(self)
            super().__init__()

    problems(Visible, port=0)
    resolved = resolve(Visible, {}, environment={})

    assert made == []
    build(Visible, resolved)
    assert len(made) == 1


def test_a_rewritten_value_is_not_rewritten_again_when_the_instance_is_made():
    class Doubling(Chat):
        @validate("port")
        def _double(self, proposal):
            return 2 * proposal.value

    assert build(Doubling, resolve(Doubling, {"port": 4}, environment={})).port == 8


def test_resolved_values_travel_to_other_processes():
    resolved = resolve(Chat, {"port": 1}, environment={"AMOC_GRACE": "x"})

    sent = pickle.loads(pickle.dumps(resolved))

    assert sent.values == resolved.values
    assert [str(w) for w in sent.warnings] == [str(w) for w in resolved.warnings]


def test_settings_of_different_instances_are_apart():
    """Section 6.11; amoc keeps one table for all runs of a node."""
    first = build(Chat, resolve(Chat, {"port": 1}, environment={}))
    second = build(Chat, resolve(Chat, {}, environment={}))

    assert (first.port, second.port) == (1, 8888)


def test_a_setting_of_a_mixin_is_resolved_like_any_other():
    """SCN-4."""

    class Tls(HasTraits):
        ca = Unicode("ca.pem", help="certificate")

    class Secure(Tls, Chat):
        pass

    resolved = resolve(Secure, {}, environment={"AMOC_CA": "mine.pem"})

    assert build(Secure, resolved).ca == "mine.pem"


@given(st.integers())
def test_a_port_is_kept_or_refused_and_never_changed(port):
    if 1 <= port <= 65535:
        assert values_of(Chat, port=port)["port"] == port
    else:
        assert len(problems(Chat, port=port)) == 1


def test_any_object_may_be_the_value_of_an_any():
    class Free(Chat):
        thing = Any(help="anything")

    thing = object()

    assert values_of(Free, thing=thing)["thing"] is thing
