"""An access log is read with all its faults told, and drives a run at its own times."""

from __future__ import annotations

import gzip
import logging
import math
import pickle

import pandas as pd
import pytest
from traitlets import Float, TraitError

import murmur
from murmur.errors import InvalidArgumentError, InvalidSettingError
from murmur.feeder import LogRows
from murmur.feeder._log_line import LineError, label_of, moment_of, read_line, wire_path
from murmur.scenario import resolve
from murmur.testing import rehearse

NOON = 1795953600.0  # 2026-11-29 12:00:00 UTC


def line(
    second: int, path: str, host: str = "10.0.0.1", user: str = "-", method: str = "GET"
) -> str:
    clock = f"29/Nov/2026:12:{second // 60:02d}:{second % 60:02d} +0000"
    return f'{host} - {user} [{clock}] "{method} {path} HTTP/1.1" 200 512 "-" "curl/8"'


class Again(murmur.Scenario):
    """Users ask again; an answer takes a tenth of a second, that of /slow three."""

    user_rate = Float(math.inf, min=0, help="users a minute").tag(live=True)
    log = murmur.AccessLog(help="what is asked for")
    speed = Float(1.0, help="how many times as fast")

    async def start(self, user: murmur.User) -> None:
        async for row in self.log.follow(user, speed=self.speed):
            with user.timer(row["path"]):
                await user.sleep(3.0 if row["path"] == "/slow" else 0.1)


def read(source: object, **options: object) -> LogRows:
    class Reads(murmur.Scenario):
        """Reads a log."""

        log = murmur.AccessLog(help="a log", **options)

        async def start(self, user: murmur.User) -> None:
            """Do nothing."""

    rows: LogRows = resolve(Reads, {"log": source}, environment={}).values["log"]
    return rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            line(1, "/a?b=1"),
            (NOON + 1, "/a?b=1", "10.0.0.1 curl/8", "GET", 200),
        ),
        (line(1, "/a", user="ann smith"), (NOON + 1, "/a", "ann smith", "GET", 200)),
        (  # vhost_combined, another zone, IPv6, HTTP/2
            'shop:443 ::1 - - [29/Nov/2026:13:00:01 +0100] "GET /a HTTP/2.0" 304 - "-" "x"',
            (NOON + 1, "/a", "::1 x", "GET", 304),
        ),
        (  # common log format, HTTP/0.9, a quoted quote, bytes and braces
            r'::1 - - [29/Nov/2026:12:00:01 +0000] "GET /{a}\x22\xC3\xA9\\" 404 12',
            (NOON + 1, "/%7Ba%7D%22%C3%A9%5C", "::1", "GET", 404),
        ),
        (  # a browser that says what it likes
            r'1.2.3.4 - - [29/Nov/2026:12:00:01 +0000] "HEAD / HTTP/1.1" 200 0 "-" "a \"b\" c"',
            (NOON + 1, "/", r"1.2.3.4 a \"b\" c", "HEAD", 200),
        ),
    ],
)
def test_a_line_says_who_asked_for_what_and_when(text, expected):
    assert tuple(read_line(text)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "no line of a common or combined log"),
        (line(1, "/").replace("GET / HTTP/1.1", r"\x16\x03\x01"), "no request in it"),
        (line(1, "/").replace("GET / HTTP/1.1", "-"), "no request in it"),
        (line(1, "/").replace("Nov", "Nev"), "no time in it"),
        (line(1, "/").replace("29/Nov", "31/Nov"), "no time in it"),
        (line(1, "shop:443", method="CONNECT"), "no path asked for"),
    ],
)
def test_a_line_that_says_something_else_has_a_reason(text, reason):
    with pytest.raises(LineError, match=reason):
        read_line(text)


def test_times_are_seconds_or_iso_and_never_milliseconds():
    assert moment_of("2026-11-29T13:00:00.5+01:00") == NOON + 0.5
    assert moment_of("2026-11-29 12:00:00") == NOON
    assert moment_of("12.25") == 12.25
    with pytest.raises(LineError, match="milliseconds"):
        moment_of("1795953600000")
    with pytest.raises(LineError, match="seconds"):
        moment_of("nan")


def test_an_absolute_target_is_a_path_and_many_paths_few_names():
    assert wire_path("https://shop.test") == "/"
    assert label_of("GET", "/users/12/orders/3f2a9c77?x=1") == "GET /users/{id}/orders/{id}"
    assert label_of("GET", "/deadbeef/feedback") == "GET /deadbeef/feedback"  # words stay


@pytest.mark.parametrize("speed", [0.1, 1.0, 10.0])
def test_rows_are_due_at_their_times_at_any_speed(speed):
    table = [
        {"time": 100.0, "path": "/a", "user": "ann"},
        {"time": 100.5, "path": "/b", "user": "bob"},
        {"time": 104.0, "path": "/c", "user": "ann"},
    ]

    results = rehearse(Again, 2, log=table, speed=speed)

    due = dict(zip(results.actions["name"], results.actions["due_at"], strict=True))
    assert due == pytest.approx({"/a": 1.0, "/b": 1 + 0.5 / speed, "/c": 1 + 4 / speed})
    owner = dict(zip(results.actions["name"], results.actions["user_id"], strict=True))
    assert owner == {"/a": 1, "/b": 2, "/c": 1}


def test_a_row_whose_user_is_late_keeps_its_due_time():
    table = {"time": [0.0, 1.0], "path": ["/slow", "/next"], "user": ["ann", "ann"]}

    late = rehearse(Again, 1, log=table).actions.query("name == '/next'").iloc[0]

    assert late["due_at"] == pytest.approx(2.0)  # a second for users to come, and one
    assert late["service_time"] == pytest.approx(0.1)
    assert late["response_time"] == pytest.approx(3 - 1 + 0.1)


def test_a_gzipped_log_of_several_members_is_read_whole(tmp_path):
    path = tmp_path / "access.log.gz"
    members = [line(0, "/a"), line(1, "/b"), line(2, "/c")]
    path.write_bytes(b"".join(gzip.compress(f"{each}\n".encode()) for each in members))

    rows = read(path)

    assert [row["path"] for row in rows.of(1)] == ["/a", "/b", "/c"]
    assert rows.notes == ()


def test_a_gzipped_log_that_is_cut_off_is_refused(tmp_path):
    path = tmp_path / "access.log.gz"
    whole = gzip.compress("".join(f"{line(n % 60, f'/{n}')}\n" for n in range(500)).encode())
    path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(InvalidSettingError, match=r"cut off or damaged after line \d+"):
        read(path)


def test_all_that_is_left_out_is_counted(tmp_path):
    path = tmp_path / "access.log"
    lines = [line(0, "/a"), "junk", line(1, "/b", method="POST"), "more junk", "", line(2, "/c")]
    path.write_text("\n".join(lines), encoding="utf-8")

    rows = read(path)

    assert len(rows) == 2
    assert rows.notes == (
        "left out 2 lines (first: 2): no line of a common or combined log",
        "left out 1 line (3): a POST request",
    )


def test_a_log_without_any_request_is_refused_with_the_reasons(tmp_path):
    path = tmp_path / "access.log"
    path.write_text("a\nb\n", encoding="utf-8")

    with pytest.raises(InvalidSettingError, match=r"no requests to do; left out 2 lines"):
        read(path)


def test_rows_out_of_order_are_put_in_order_and_told():
    rows = read({"time": [3, 1, 2], "path": ["/c", "/a", "/b"], "user": ["u", "u", "u"]})

    assert [row["path"] for row in rows.of(1)] == ["/a", "/b", "/c"]
    assert rows.notes == ("put in order: 1 earlier than the request before",)


def test_whole_seconds_of_a_log_are_spread_and_those_of_a_table_are_not(tmp_path):
    path = tmp_path / "access.log"
    path.write_text("\n".join(line(s, "/") for s in (0, 0, 0, 0, 1)), encoding="utf-8")
    table = {"time": [0, 0, 1], "path": ["/"] * 3, "user": ["u"] * 3}

    assert [row["time"] for row in read(path).of(1)] == [0, 0.25, 0.5, 0.75, 1]
    assert "spread evenly" in read(path).notes[0]
    assert [row["time"] for row in read(path, spread=0).of(1)] == [0, 0, 0, 0, 1]
    assert [row["time"] for row in read(table).of(1)] == [0, 0, 1]


def test_a_silence_is_kept_and_told_or_cut_and_told():
    table = {"time": [0, 10, 3610, 3700, 3701], "path": ["/"] * 5, "user": ["u"] * 5}

    kept, cut = read(table), read(table, longest_gap=30)

    assert kept.seconds == 3701
    assert kept.notes == (
        "no request for 3,600 s from second 10 on, the longest of 2: kept, and longest_gap= "
        "cuts it; is the log whole?",
    )
    assert [row["time"] for row in cut.of(1)] == [0, 10, 40, 70, 71]
    assert cut.notes == ("cut to 30 s: 2 times without requests, 3,630 s in all",)


def test_a_table_may_call_its_columns_otherwise_and_bring_more(tmp_path):
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(
        gzip.compress(
            b"ts,url,session,tenant\n0.5,/a,s1,x\n1.5,/b,s2,y\nbroken\n2,/c,,z\nsoon,/d,s1,x\n"
        )
    )

    rows = read(path, columns={"time": "ts", "path": "url", "user": "session"})

    assert rows.of(1)[0] == {
        "time": 0.0,
        "path": "/a",
        "user": "s1",
        "method": "GET",
        "status": 0,
        "tenant": "x",
        "name": "GET /a",
    }
    assert rows.users == 2
    assert rows.notes == (
        "left out 1 line (4): not 4 values as in the header",
        "left out 1 line (5): no user in it",
        "left out 1 line (6): no time in it",
    )


def test_a_frame_with_times_is_a_table():
    frame = pd.DataFrame(
        {"time": pd.to_datetime([0, 1500], unit="ms", utc=True), "path": ["/a", "/b"], "user": 7}
    )

    assert [row["time"] for row in read(frame).of(1)] == [0.0, 1.5]


def test_a_missing_column_is_refused_with_the_names_there_are():
    with pytest.raises(InvalidSettingError, match=r"no column 'user'; .*columns=\{'time'"):
        read({"time": [0], "path": ["/"], "users": ["u"]})


def test_a_missing_file_and_wrong_numbers_are_refused(tmp_path):
    with pytest.raises(InvalidSettingError, match="no such file"):
        read(tmp_path / "access.log")
    with pytest.raises(TraitError, match="longest_gap"):
        murmur.AccessLog(longest_gap=-1, help="a log")
    with pytest.raises(TraitError, match="live"):
        murmur.AccessLog(help="a log").tag(live=True)
    rows = read({"time": [0], "path": ["/"], "user": ["u"]})
    with pytest.raises(InvalidArgumentError, match="speed"):
        rows.follow(None, speed=0)  # type: ignore[arg-type]


def test_names_stay_few_however_many_paths_there_are():
    count = 1_000
    words = [f"/page-{chr(97 + n // 26 % 26)}{chr(97 + n % 26)}{n // 676}" for n in range(count)]
    rows = read({"time": range(count), "path": words, "user": ["u"] * count})

    names = {row["name"] for row in rows.of(1)}
    assert len(names) == 201
    assert "GET" in names


def test_rows_travel_as_plain_columns_and_show_nothing_of_what_is_in_them():
    rows = read({"time": [0, 5], "path": ["/secret", "/"], "user": ["ann", "bob"]})

    assert pickle.loads(pickle.dumps(rows)).of(2) == rows.of(2)
    assert repr(rows) == "<2 requests of 2 users in 5 s, of a dict>"
    assert rows.of(3) == []


def test_a_run_tells_what_was_not_asked_again(caplog):
    table = {"time": [0, 0, 0, 6000], "path": ["/"] * 4, "user": ["a", "b", "c", "a"]}
    with murmur.Session() as session, caplog.at_level(logging.WARNING):
        run = session.do(Again, 2, log=table, speed=100, duration=1.3)
        run.wait(timeout=60)
        results = run.results

    assert "holds 3 users, and 2 were asked for" in caplog.text
    assert results.manifest["plan"]["rows"] == 4
    assert "2 of the 4 requests of the log were not made." in str(results.summary())


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ({"speed": 10}, r"speed= belongs to follow\(\)"),
        ({"begin": 5}, r"begin= belongs to follow\(\)"),
        ({"columns": {"tme": "ts"}}, "'tme': .* give the names of time, path, user"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(option, problem):
    with pytest.raises(TraitError, match=problem):
        murmur.AccessLog("access.log", help="a log", **option)


def test_one_method_is_a_text_and_one_user_is_no_users():
    rows = read([{"time": 0, "path": "/", "user": "ann", "method": "POST"}], methods="post")

    assert repr(rows) == "<1 request of 1 user in 0 s, of a list of 1>"
