"""A mix is one scenario made of several, each with its own settings."""

from __future__ import annotations

import pytest
from traitlets import Bunch, Float, TraitError, Unicode, default, observe, validate

import murmur
from murmur.errors import InvalidScenarioError, InvalidSettingError
from murmur.scenario import build, plan_update, resolve, settings_of
from murmur.testing import rehearse


class Shop(murmur.Scenario):
    host = Unicode("127.0.0.1", help="host of the shop")


class Visitor(Shop):
    """Users who look."""

    pace = Float(1.0, min=0, help="seconds between looks").tag(live=True)

    async def init(self) -> str:
        murmur.count("visitors' init")
        return "of visitors"

    async def start(self, user: murmur.User, state: str) -> str:
        user.count(f"look {self.pace:g} {state}")
        return "looked"

    async def terminate(self) -> None:
        murmur.count("visitors' end")


class Buyer(Shop):
    """Users who buy."""

    pace = Float(2.0, min=0, help="seconds between purchases").tag(live=True)
    price = Float(5.0, min=0, help="of what is bought")
    heard: list[float]

    @validate("price")
    def _rounded(self, proposal: Bunch) -> float:
        if proposal.value > 100:
            raise TraitError("too dear")
        return round(proposal.value)

    @observe("pace")
    def _hear(self, change: Bunch) -> None:
        self.heard = [*getattr(self, "heard", []), change.new]

    async def init(self) -> None:
        murmur.count("buyers' init")

    async def start(self, user: murmur.User) -> None:
        user.count(f"buy {self.pace:g} for {self.price:g} at {self.host}")


def test_users_are_dealt_by_weight_and_follow_their_own_settings() -> None:
    mixed = murmur.mix({Visitor: 70, Buyer: 30})
    results = rehearse(
        mixed, 1000, seed=3, user_rate=6000, Visitor__pace=4, price=7.2, host="shop.test"
    )

    dealt = results.users["scenario"].value_counts().to_dict()
    assert dealt["Visitor"] + dealt["Buyer"] == 1000
    assert dealt["Visitor"] == pytest.approx(700, abs=50)  # 3.4 standard deviations
    totals = results.counters.groupby("name", observed=True)["value"].sum().to_dict()
    assert totals == {
        "visitors' init": 1,
        "buyers' init": 1,
        "visitors' end": 1,
        "look 4 of visitors": dealt["Visitor"],
        "buy 2 for 7 at shop.test": dealt["Buyer"],
    }
    assert results.users["result"].value_counts().to_dict() == {"looked": dealt["Visitor"]}


def test_the_deal_is_a_matter_of_seed_and_id_alone() -> None:
    mixed = murmur.mix({Visitor: 1, Buyer: 1})
    few, many, other = (
        rehearse(mixed, users, seed=seed, user_rate=6000).users["scenario"].tolist()
        for users, seed in ((20, 1), (40, 1), (20, 2))
    )

    assert many[:20] == few
    assert other != few


def test_a_setting_of_a_common_base_is_one_and_others_have_their_owner_s_name() -> None:
    mixed = murmur.mix({Visitor: 70, Buyer: 30})

    assert set(settings_of(mixed)) == {
        "host", "Visitor__pace", "Buyer__pace", "price", "user_rate", "grace",
    }  # fmt: skip


def test_validators_and_observers_of_the_parts_are_asked() -> None:
    mixed = murmur.mix({Visitor: 70, Buyer: 30})
    with pytest.raises(InvalidSettingError, match="too dear"):
        resolve(mixed, {"price": 1000}, environment={})

    scenario = build(mixed, resolve(mixed, {}, environment={}))
    assert plan_update(scenario, {"Buyer__pace": 9}).commit() == []

    visitor, buyer = scenario.players  # type: ignore[attr-defined]
    assert (visitor.pace, buyer.pace, buyer.heard) == (1.0, 9.0, [9.0])


@pytest.mark.parametrize(
    ("weights", "fault"),
    [
        ({}, "give scenarios and weights"),
        ({Visitor: 0}, "no number above 0"),
        ({Visitor: float("nan")}, "no number above 0"),
        ({int: 1}, "is no scenario"),
        ({murmur.mix({Visitor: 1}): 1}, "is a mix already"),
    ],
)
def test_what_cannot_be_mixed_is_refused(weights: object, fault: str) -> None:
    with pytest.raises(InvalidScenarioError, match=fault):
        murmur.mix(weights)  # type: ignore[arg-type]


def test_a_default_that_a_method_gives_is_what_it_is_in_the_scenario_alone() -> None:
    class Browser(Shop):
        """Users who read."""

        url = Unicode(help="where to look")
        agent = Unicode("nobody", help="who looks")

        @default("url")
        def _its_url(self) -> str:
            return f"http://{self.host}/"

        def _agent_default(self) -> str:
            return "a browser"

        async def start(self, user: murmur.User) -> None: ...

    mixed = murmur.mix({Visitor: 1, Browser: 1})
    values = resolve(mixed, {"host": "shop.test"}, environment={}).values

    assert values["url"] == "http://shop.test/"
    assert values["agent"] == "a browser"
