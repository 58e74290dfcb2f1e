"""Local settings: each node reads them from its own environment."""

from __future__ import annotations

import pytest
import traitlets
from traitlets import Int, TraitError, Unicode

import murmur
from murmur.errors import InvalidScenarioError, InvalidSettingError
from murmur.scenario import Scenario, localize, resolve


class Chat(Scenario):
    """Users chat, by one of the interfaces of their node."""

    interface = Unicode("eth0", help="to send by").tag(local=True)
    port = Int(8888, min=1, max=65535, help="to connect to").tag(local=True)
    room = Unicode("hall", help="to meet in")

    async def start(self, user: murmur.User) -> None: ...

    @traitlets.validate("interface")
    def _is_one(self, proposal: object) -> str:
        name = str(proposal["value"])  # type: ignore[index]
        if not name.startswith("eth"):
            raise TraitError("interfaces here are called eth")
        return name


def test_a_node_reads_its_own_environment_and_not_the_sessions() -> None:
    session = {"AMOC_INTERFACE": "eth7", "AMOC_ROOM": "attic"}
    resolved = resolve(Chat, {}, environment=session)
    node = localize(Chat, resolved, environment={"AMOC_PORT": "9000", "AMOC_ROOM": "cellar"})

    assert (node.values["interface"], node.sources["interface"]) == ("eth0", "default")
    assert (node.values["port"], node.sources["port"]) == (9000, "node")
    assert (node.values["room"], node.sources["room"]) == ("attic", "environment")


def test_an_argument_is_the_same_on_every_node() -> None:
    resolved = resolve(Chat, {"interface": "eth3"}, environment={})

    assert localize(Chat, resolved, environment={"AMOC_INTERFACE": "eth1"}) == resolved


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("AMOC_PORT", "70000", "AMOC_PORT"),
        ("AMOC_INTERFACE", "wlan0", "interfaces here are called eth"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(variable: str, text: str, said: str) -> None:
    with pytest.raises(InvalidSettingError, match=said):
        localize(Chat, resolve(Chat, {}, environment={}), environment={variable: text})


def test_text_that_cannot_be_read_is_a_warning_and_the_default_holds() -> None:
    node = localize(Chat, resolve(Chat, {}, environment={}), environment={"AMOC_PORT": "many"})

    assert node.values["port"] == 8888
    assert [warning.name for warning in node.warnings] == ["port"]


def test_a_local_setting_has_a_default() -> None:
    traits = {"address": Unicode(help="to send by").tag(local=True, required=True)}
    start = {"__doc__": "Users need an address.", "start": lambda self, user: None}
    with pytest.raises(InvalidScenarioError, match="cannot be both local and required"):
        resolve(type("Bad", (Scenario,), traits | start), {"address": "x"}, environment={})


def test_a_description_says_that_a_setting_is_local() -> None:
    described = murmur.describe(Chat)

    assert described["interface"].local
    assert not described["room"].local
    assert "local" in described["interface"].row()
