"""A scenario is a HasTraits in which no typo and no clash goes unnoticed."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap

import pytest
from traitlets import Float, HasTraits, Int, Unicode, default

from murmur.errors import DuplicateSettingError, ReadOnlySettingError, UnknownSettingError
from murmur.scenario import Scenario, build, describe, resolve, settings_of


class Chat(Scenario):
    """Users greet each other."""

    host = Unicode("localhost", help="host to connect to")
    port = Int(8888, min=1, max=65535, help="port to connect to")
    pace = Float(1.0, min=0, help="seconds between messages").tag(live=True)
    token = Unicode("hunter2", help="password").tag(secret=True)

    async def start(self, user):
        """Do nothing."""


def running(cls: type[Scenario], **given: object) -> Scenario:
    return build(cls, resolve(cls, given, environment={}))


def test_att_1_settings_are_collected_in_the_order_of_the_source():
    """ATT-1."""
    assert list(settings_of(Chat)) == ["host", "port", "pace", "token", "user_rate", "grace"]


def test_att_2_what_a_declaration_leaves_out_is_filled_in():
    """ATT-2."""

    class Bare(Scenario):
        count = Int(help="how many")

    count = describe(Bare)["count"]

    assert (count.default, count.limits, count.live, count.required) == (0, None, False, False)


@pytest.mark.parametrize("text", ["plain", "Größe in µs", "大きさ"])
def test_att_3_a_description_is_any_text(text):
    """ATT-3."""
    sized = type("Sized", (Scenario,), {"size": Int(help=text)})

    assert describe(sized)["size"].help == text


def test_private_traits_and_those_tagged_otherwise_are_no_settings():
    class Chat(Scenario):
        port = Int(1, help="port")
        connections = Int().tag(setting=False)
        _seen = Int()

    assert list(settings_of(Chat)) == ["port", "user_rate", "grace"]


def test_a_misspelt_keyword_is_refused_with_what_was_meant():
    with pytest.raises(UnknownSettingError, match="did you mean 'port'"):
        Chat(prot=1)


def test_an_instance_made_by_hand_takes_settings_and_may_change():
    chat = Chat(port=1)
    chat.port = 2

    assert (chat.port, chat.host) == (2, "localhost")


def test_a_run_locks_what_is_not_live():
    chat = running(Chat)

    with pytest.raises(ReadOnlySettingError, match=r"'port' is read-only .* pace, user_rate"):
        chat.port = 1

    chat.pace = 2.0
    assert (chat.port, chat.pace) == (8888, 2.0)


def test_a_scenario_may_have_attributes_of_its_own():
    chat = running(Chat)
    chat.messages = [1]

    assert chat.messages == [1]


def test_the_constructor_sees_the_settings_and_cannot_overrule_them():
    class Counting(Scenario):
        port = Int(1, help="port")

        def __init__(self):
            super().__init__()
            self.double = 2 * self.port

        async def start(self, user): ...

    class Stubborn(Counting):
        def __init__(self):
            self.port = 3

    assert running(Counting, port=21).double == 42
    with pytest.raises(ReadOnlySettingError):
        running(Stubborn, port=21)


def test_a_repr_masks_secrets_and_computes_no_default():
    class Lazy(Scenario):
        token = Unicode(help="password").tag(secret=True)
        url = Unicode(help="where")

        @default("url")
        def _url(self):
            raise AssertionError

    assert repr(Lazy(token="hunter2")) == "Lazy(token='***')"


def test_cfg_2_two_unrelated_bases_may_not_declare_the_same_setting():
    """CFG-2, CFG-4."""

    class Tls(HasTraits):
        port = Int(443, help="port of the TLS server")

    with pytest.raises(DuplicateSettingError) as caught:
        type("Both", (Chat, Tls), {"__qualname__": "Both"})

    assert caught.value.name == "port"
    assert [owner.rpartition(".")[2] for owner in caught.value.owners] == ["Chat", "Tls"]


def test_a_class_settles_a_clash_by_declaring_the_setting_itself():
    class Tls(HasTraits):
        port = Int(443, help="port of the TLS server")

    class Both(Chat, Tls):
        port = Int(5223, help="port of the chat server")

    class Further(Both):
        pass

    assert describe(Further)["port"].default == 5223


def test_one_declaration_inherited_on_two_ways_is_no_clash():
    class Left(Chat):
        pass

    class Right(Chat):
        port = Int(9, help="another port")

    class Both(Left, Right):
        pass

    assert describe(Both)["port"].declared_in == "Right"


def test_a_mixin_brings_its_settings_and_nobody_elses_do():
    """CFG-1; amoc merges every configurable module that is on the path."""

    class Tls(HasTraits):
        ca = Unicode("ca.pem", help="certificate")

    class Unrelated(HasTraits):
        other = Int(help="not asked for")

    class Secure(Tls, Chat):
        pass

    assert "ca" in settings_of(Secure)
    assert "other" not in settings_of(Secure)


def test_a_subclass_may_redeclare_the_rate_of_arrival():
    class Fast(Scenario):
        user_rate = Float(6000.0, min=0, help="users per minute").tag(live=True)

        async def start(self, user): ...

    assert running(Fast).user_rate == 6000.0


def test_a_scenario_of_a_notebook_travels_by_value():
    cloudpickle = pytest.importorskip("cloudpickle")
    source = """
        import sys, cloudpickle
        from traitlets import HasTraits, Int, validate
        from murmur.scenario import Scenario, build, resolve

        class Left(HasTraits):
            port = Int(1, help="port")

        class Right(HasTraits):
            port = Int(2, help="port")

        class Both(Left, Right, Scenario):
            port = Int(3, max=9, help="port")

            @validate("port")
            def _double(self, proposal):
                return 2 * proposal.value

            async def start(self, user): ...

        sent = Both, resolve(Both, {"port": 4}, environment={})
        sys.stdout.buffer.write(cloudpickle.dumps(sent))
    """
    sent = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, check=True
    ).stdout

    cls, resolved = pickle.loads(sent)

    assert build(cls, resolved).port == 8
    assert resolve(cls, {"port": 3}, environment={}).values["port"] == 6
    assert cloudpickle.dumps(cls)


def test_an_instance_can_be_pickled():
    chat = pickle.loads(pickle.dumps(Chat(port=5)))

    assert chat.port == 5


def test_the_layer_loads_neither_numpy_nor_a_front_end():
    check = (
        "import sys, murmur.scenario;"
        "print({'numpy', 'pandas', 'IPython', 'asyncio', 'threading'} & {*sys.modules})"
    )
    found = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, check=True, text=True
    )

    assert found.stdout.strip() == "set()"
