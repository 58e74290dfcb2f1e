"""A scrape over HTTP says what the frames say, to the count."""

from __future__ import annotations

import socket
import urllib.request
from collections import Counter, defaultdict
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import murmur
from murmur.errors import InvalidArgumentError
from murmur.exporters import Prometheus


class Mixed(murmur.Scenario):
    """Users do well, badly, count and are paced."""

    async def init(self):
        self.turns = await murmur.throttle("turns", rate=2_000, interval=1)

    async def start(self, user):
        for number in range(20):
            await self.turns.wait()
            with user.timer("echo") as timer:
                await user.sleep(user.random.uniform(0.0, 0.02))
                if number % 5 == 0:
                    timer.fail("status 503")
            user.record("login", user.random.uniform(0.1, 2.0))
            user.count("messages", 3)
        user.gauge("last", user.id)
        if user.id % 4 == 0:
            raise ValueError("every fourth breaks")


@pytest.fixture(scope="module")
def session():
    with murmur.Session() as session:
        yield session


@pytest.fixture(scope="module")
def scraped(session) -> Any:
    """Return the samples of a scrape after a run, and the run's results."""
    with Prometheus(session, port=0) as exporter:
        run = session.do(Mixed, 40, user_rate=float("inf"), end_when_idle=True)
        run.wait(timeout=60)
        return samples(exporter), run.results


def scrape(exporter: Prometheus) -> str:
    with urllib.request.urlopen(exporter.url, timeout=10) as response:
        return response.read().decode()


def samples(exporter: Prometheus) -> dict[str, dict[tuple[str, ...], float]]:
    """Return value by labels, in the order of their names, by name of sample."""
    found: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for family in text_string_to_metric_families(scrape(exporter)):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found[sample.name][labels] = sample.value
    return found


def test_actions_and_their_errors_are_those_of_the_frame(scraped):
    found, results = scraped
    actions = results.actions
    failed = actions[~actions["ok"]]

    assert found["murmur_actions_total"] == {
        (name, "local"): count for name, count in actions["name"].value_counts().items()
    }
    assert found["murmur_actions_failed_total"] == {("echo", "status 503", "local"): len(failed)}
    assert len(failed) == 160


def test_users_are_those_of_the_frame(scraped):
    found, results = scraped
    outcomes = Counter(results.users["outcome"])

    assert found["murmur_users_gone_total"] == {
        ("local", outcome): count for outcome, count in outcomes.items()
    }
    assert outcomes == {"finished": 30, "failed": 10}
    assert set(found["murmur_users"].values()) == {0.0}


def test_counters_gauges_and_throttles_are_those_of_the_frames(scraped):
    found, results = scraped
    granted = results.throttles.groupby("name", observed=True)["granted"].sum()

    assert found["murmur_counted_total"] == {("messages", "local"): 2_400}
    assert found["murmur_value"] == {("last", "local"): results.gauges["last"].iloc[-1]}
    assert found["murmur_throttle_granted_total"] == {
        ("local", name): count for name, count in granted.items()
    }
    assert not {name for name in found if name.startswith("murmur_generator_loop")}
    assert "murmur_throttle_rate" not in found  # nothing is granted any more


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("time", ["response", "service"])
def test_a_quantile_is_in_the_bucket_that_histogram_quantile_looks_in(scraped, time, quantile):
    found, results = scraped
    actions = results.actions
    seconds = actions[actions["ok"] & (actions["name"] == "login")][f"{time}_time"]
    exact = seconds.quantile(quantile, interpolation="higher")
    buckets = sorted(
        (float(bound), count)
        for (name, bound), count in found[f"murmur_{time}_time_seconds_bucket"].items()
        if name == "login"
    )
    rank = quantile * len(seconds)
    number = next(index for index, (_, count) in enumerate(buckets) if count >= rank)

    assert buckets[number - 1][0] / 1.01 <= exact <= buckets[number][0] * 1.01
    assert found[f"murmur_{time}_time_seconds_sum"][("login",)] == pytest.approx(seconds.sum())
    assert found[f"murmur_{time}_time_seconds_count"][("login",)] == len(seconds)


class Steady(murmur.Scenario):
    """Users beat until they are asked to leave."""

    async def start(self, user):
        while True:
            user.record("beat", 0.001)
            await user.sleep(0.01)


def test_counters_rise_within_a_run_and_begin_anew_with_the_next(session):
    with Prometheus(session, port=0) as exporter:
        seen = []
        with session.do(Steady, 5, user_rate=float("inf")):
            while len(seen) < 3:
                count = samples(exporter)["murmur_actions_total"].get(("beat", "local"), 0)
                seen += [count] if count not in seen else []
        first = samples(exporter)["murmur_actions_total"][("beat", "local")]
        with session.do(Steady, 1, user_rate=float("inf")) as run:
            pass
        second = samples(exporter)

    assert seen == sorted(seen)
    assert first >= seen[-1]
    assert second["murmur_actions_total"][("beat", "local")] == len(run.results.actions)
    assert next(iter(second["murmur_run_info"])) == (run.id, str(run.seed))
    assert second["murmur_run_active"] == {(): 0.0}


def test_a_client_that_reads_nothing_holds_up_neither_run_nor_others(session):
    with (
        Prometheus(session, port=0) as exporter,
        socket.create_connection((exporter.host, exporter.port)) as idle,
        session.do(Steady, 5, user_rate=float("inf")) as run,
    ):
        idle.sendall(b"GET /metrics HTTP/1.1\r\n")
        text = scrape(exporter)
        run.stop()

        assert "murmur_run_active" in text
        assert run.wait(timeout=60).users["gone"] == 5


@pytest.mark.parametrize("said", [b"", b"GET /metrics HTTP/1.1\r\n"], ids=["nothing", "half"])
def test_a_client_that_stays_away_is_let_go(session, monkeypatch, capfd, said):
    """Each holds a thread, also after the exporter has stopped."""
    monkeypatch.setattr("murmur.exporters._prometheus.PATIENCE", 0.2)
    with (
        Prometheus(session, port=0) as exporter,
        socket.create_connection(("127.0.0.1", exporter.port)) as silent,
    ):
        silent.settimeout(30)
        silent.sendall(said)
        assert silent.recv(1) == b""
        assert "murmur_run_active" in scrape(exporter)
    assert capfd.readouterr().err == ""


def test_a_stopped_exporter_listens_and_follows_no_more(session):
    exporter = Prometheus(session, port=0).start()
    port = exporter.port
    assert exporter.start() is exporter
    assert repr(exporter) == f"<Prometheus: http://127.0.0.1:{port}/metrics>"
    exporter.stop()
    exporter.stop()

    assert len(session.relay) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_it_can_be_started_again(session):
    exporter = Prometheus(session, port=0)
    for _ in range(2):
        with exporter:
            assert "murmur_run_active" in scrape(exporter)


def test_a_port_that_is_taken_is_said_to_be(session):
    with Prometheus(session, port=0) as exporter:
        second = Prometheus(session, port=exporter.port)
        with pytest.raises(
            InvalidArgumentError, match=f"cannot listen on 127.0.0.1:{exporter.port}"
        ):
            second.start()

        assert not second.is_on
        assert len(session.relay) == 1
