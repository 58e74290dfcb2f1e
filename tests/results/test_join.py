"""What somebody else measured is put on the clock of a run, with what is known of theirs."""

import json
import math
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlparse

import numpy as np
import pandas as pd
import pytest

from murmur import charts
from murmur.errors import InvalidArgumentError
from murmur.recording import RunRecord
from murmur.results import ProcessFigures, Prometheus, Results
from murmur.telemetry import Recorder

BEGAN = 1_700_000_000.0
AHEAD = 3.0  # s that the clock of the server is ahead


def run(*, began=BEGAN, seconds=10):
    """Return a run with ten actions of 0.1 s in each second."""
    recorder = Recorder(node="n", started_at=0.0, wall_started_at=began)
    for at in range(seconds):
        for place in range(10):
            recorder.action("order", 1, at + place / 20, at + place / 20, at + place / 20 + 0.1)
    record = RunRecord("r", 0.0, began)
    record.add(recorder.seal())
    record.reach(float(seconds))
    return Results(record)


def test_samples_of_a_window_are_averaged_and_missing_ones_stay_missing():
    times = pd.to_datetime([BEGAN + 0.1, BEGAN + 0.6, BEGAN + 3.2, BEGAN + 3.7], unit="s")
    frame = run().join(pd.DataFrame({"time": times, "cpu": [1.0, 3.0, 5.0, 7.0]}))

    assert len(frame) == 10
    assert frame["cpu"].fillna(-1).tolist()[:4] == [2.0, -1, -1, 6.0]
    assert frame["rate"].tolist() == [10.0] * 10
    assert frame["response_p99"].iloc[0] == pytest.approx(0.1, rel=0.02)
    assert frame["wall_at"].iloc[0] == pd.Timestamp(BEGAN, unit="s", tz="UTC")


@pytest.mark.parametrize("fraction", [0.0, 0.123456])
def test_moments_have_the_unit_of_the_changes_whatever_they_are(fraction):
    joined = run(began=BEGAN + fraction)
    frame = joined.join(pd.DataFrame({"wall_at": [BEGAN + fraction], "cpu": [1.0]}))

    assert frame["wall_at"].dtype == "datetime64[us, UTC]"
    assert frame["wall_at"].dtype == joined.changes["wall_at"].dtype


def test_rare_samples_reach_half_way_to_the_next_and_no_further():
    at = [BEGAN, BEGAN + 4, BEGAN + 20]
    frame = run().join(pd.DataFrame({"wall_at": at, "cpu": [1.0, 2.0, 9.0]}).iloc[:2])

    # Windows are placed by their middle: 2.5 s is nearer to 4 s, and 6.5 s is too far from it.
    assert frame["cpu"].tolist()[:6] == [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]
    assert frame["cpu"].iloc[6:].isna().all()


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"stamp": [1.5], "cpu": [4.0]}).rename(columns={"stamp": "at"}),
        pd.DataFrame({"timestamp": [BEGAN + 1.5], "cpu": [4.0]}),
        pd.DataFrame({"cpu": [4.0]}, index=pd.to_datetime([BEGAN + 1.5], unit="s", utc=True)),
    ],
    ids=["since the start", "unix", "index"],
)
def test_times_are_found_in_many_forms(frame):
    assert run().join(frame)["cpu"].iloc[1] == 4.0


def test_what_the_other_side_does_not_tell_is_said():
    part = pd.DataFrame({"time": BEGAN + np.arange(2), "cpu": ["0.5", "0.7"], "host": ["a", "b"]})

    frame = run().join(part)

    assert frame["cpu"].dropna().tolist() == [0.5, 0.7]  # numbers, though written as text
    assert "host" not in frame
    number = len(frame)
    assert frame.attrs["notes"][1:] == [
        f"cpu is known in 2 of {number} windows",
        "left out, because they hold no numbers: host",
    ]


def test_a_run_without_an_action_of_that_name_is_no_run_in_which_it_never_ended():
    (name,) = {str(each) for each in run().windows["name"]}
    frame = run().join(pd.DataFrame({"time": [BEGAN + 1.5], "cpu": [4.0]}), name=f"{name}s")

    assert frame.attrs["notes"][-1].startswith(f"no action is called '{name}s'; did you mean")


def test_an_offset_is_taken_off_and_without_one_it_is_said_that_nobody_knows():
    frame = pd.DataFrame({"time": [BEGAN + 1.5], "cpu": [4.0]})

    moved, as_is = run().join(frame, offset=-2.0), run().join(frame)

    assert moved["cpu"].iloc[3] == 4.0
    assert math.isnan(as_is.attrs["clock_error"])
    assert "not known" in as_is.attrs["notes"][0]


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ([BEGAN + 3600.0, BEGAN + 3601.0], ": they are of 3.6e+03 to 3.6e+03 s since its start"),
        ([-60.0, -50.0], ": they are of -60 to -50 s since its start"),
        ([], ""),
    ],
)
def test_samples_of_another_time_are_refused_and_join_not_as_nothing(at, told):
    frame = pd.DataFrame({"time": pd.Series(at, dtype=float), "cpu": pd.Series(at, dtype=float)})
    text = f"none of {len(at)} samples is of the run, which took 10 s{told}: give those of the run"
    with pytest.raises(InvalidArgumentError, match=re.escape(text)):
        run().join(frame)


def test_samples_of_a_clock_that_is_an_hour_ahead_are_found_by_its_offset():
    frame = run().join(pd.DataFrame({"time": [BEGAN + 3601.5], "cpu": [5.0]}), offset=3600.0)

    assert frame["cpu"].dropna().to_dict() == {1: 5.0}


def test_a_frame_without_times_says_what_would_do():
    with pytest.raises(InvalidArgumentError, match="name the column of times: on="):
        run().join(pd.DataFrame({"cpu": [1.0]}))


class Api(BaseHTTPRequestHandler):
    """Answers as Prometheus does; its clock is ahead."""

    def do_GET(self):
        url = urlparse(self.path)
        given = {key: values[0] for key, values in parse_qs(url.query).items()}
        if given["query"] == "broken(":
            return self._say(400, {"status": "error", "error": "parse error"})
        if url.path == "/api/v1/query":
            data = {"resultType": "scalar", "result": [time.time(), str(time.time() + AHEAD)]}
        else:
            start, end, step = (float(given[key]) for key in ("start", "end", "step"))
            points = [[at, str(at - start)] for at in np.arange(start, end, step)]
            series = {"metric": {"job": "shop"}, "values": points}
            data = {"resultType": "matrix", "result": [series]}
        return self._say(200, {"status": "success", "data": data})

    def _say(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def api():
    server = HTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_clock_of_a_prometheus_is_asked_for_and_stated(api):
    frame = run().join(Prometheus(api, "up", name="up"))

    error = frame.attrs["clock_error"]
    assert abs(frame.attrs["clock_offset"] - AHEAD) <= error
    assert re.match(r"their clock is \+[23]\.\d{3} s from the run's, to", frame.attrs["notes"][0])
    # Its points are seconds since the start on its own clock: each falls in its window.
    assert frame["up"].dropna().tolist() == pytest.approx(range(10), abs=1e-3)


def test_a_query_that_is_wrong_says_so(api):
    with pytest.raises(InvalidArgumentError, match="parse error"):
        run().join(Prometheus(api, "broken("))


def test_nobody_there_says_where():
    with pytest.raises(InvalidArgumentError, match=r"127\.0\.0\.1:1 does not answer"):
        run().join(Prometheus("http://127.0.0.1:1", "up"))


def test_figures_of_a_process_are_on_the_clock_here():
    began = time.time()
    with ProcessFigures(os.getpid(), every=0.02) as figures:
        deadline = time.monotonic() + 60
        while len(figures.frame) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)

    frame = run(began=began, seconds=10).join(figures)
    assert frame["rss"].iloc[0] > 1e6
    assert (frame.attrs["clock_offset"], frame.attrs["clock_error"]) == (0.0, 0.0)


def test_a_chart_shows_both():
    frame = run().join(pd.DataFrame({"at": range(10), "cpu": range(10)}))

    spec = charts.joined(frame).to_dict()
    assert [each["title"]["text"] for each in spec["concat"]] == [
        "actions per second",
        "response p99 [s]",
        "cpu",
    ]
