"""What all nodes measure is in one scrape, and rows are dealt over all of them."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

import murmur
from murmur.exporters import Prometheus

from .exporting import DEADLINE, wait_until

AT_ONCE = float("inf")


class Beating(murmur.Scenario):
    """Users say whose row they have, and beat."""

    accounts = murmur.Feeder(order="shuffled", help="who they are")
    beats = murmur.Timetable(spread=0.2).every(0.1, "beat")

    async def start(self, user):
        user.count(str(self.accounts[user]["name"]))
        async for event in self.beats.follow(user):
            with user.timer(event.name):
                await user.sleep(0.001)


@pytest.fixture(scope="module")
def session() -> Iterator[murmur.Session]:
    with murmur.Session() as session:
        session.spawn_nodes(2)
        yield session


def scraped(exporter: Prometheus, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of that name, by the values of their labels."""
    with urllib.request.urlopen(exporter.url, timeout=10) as response:
        text = response.read().decode()
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_all_nodes_are_in_one_scrape_and_a_lost_one_leaves_its_counts(session):
    names = [f"user{number}" for number in range(20)]
    with Prometheus(session, port=0) as exporter:
        accounts = [{"name": name} for name in names]
        run = session.do(Beating, 20, accounts=accounts, user_rate=AT_ONCE)
        wait_until(lambda: len(scraped(exporter, "murmur_actions_total")) == 2)
        wait_until(lambda: len(scraped(exporter, "murmur_counted_total")) == 20)
        rows = scraped(exporter, "murmur_counted_total")
        lost, kept = sorted(session.nodes)
        nodes = run.results.nodes.set_index("node")
        os.kill(int(nodes.loc[lost, "pid"]), signal.SIGKILL)
        wait_until(lambda: lost not in session.nodes)
        wait_until(lambda: (lost, "lost") in scraped(exporter, "murmur_users_gone_total"))
        running = scraped(exporter, "murmur_users")
        run.stop()
        run.wait(timeout=DEADLINE)
        gone = scraped(exporter, "murmur_users_gone_total")
        actions = scraped(exporter, "murmur_actions_total")

    frame = run.results.actions
    assert sorted(name for name, _ in rows) == sorted(names)
    assert {node for node, _ in running} == {kept}
    assert gone == {(lost, "lost"): 10, (kept, "left"): 10}
    assert actions == {
        ("beat", node): count for node, count in frame["node"].value_counts().items()
    }
    assert set(actions) == {("beat", lost), ("beat", kept)}
