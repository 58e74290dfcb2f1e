"""What a client records, follows, judges and refuses; the server is a stub."""

from __future__ import annotations

import email
import io
import math
import warnings
from pathlib import Path
from typing import Any

import anyio
import pytest

from murmur.errors import (
    ConnectFailedError,
    HttpProtocolError,
    HttpTimeoutError,
    InvalidRequestError,
    Leaving,
    StatusError,
)
from murmur.http import Client, Cookies, Options, client_of
from murmur.testing import virtual_backend
from murmur.throttles import give_due

JSON = {"Content-Type": "application/json"}


async def test_a_request_is_an_action_named_by_its_template(bench: Any) -> None:
    client = bench.client(latency=0.25)

    response = await client.get("/items/{id}", id=42)

    assert response.status == 200
    assert bench.asked == ["GET http://shop.test/items/42"]
    (row,) = bench.rows()
    assert row.name == "GET /items/{id}"
    assert row.error == ""
    assert row.ended_at - row.started_at == pytest.approx(0.25)


async def test_a_name_of_ones_own_is_taken_as_it_is(bench: Any) -> None:
    await bench.client().get("/items/42", name="item")

    assert [row.name for row in bench.rows()] == ["item"]


@pytest.mark.parametrize("verb", ["get", "head", "options", "delete", "post", "put", "patch"])
async def test_every_verb_is_sent_as_such(bench: Any, verb: str) -> None:
    await getattr(bench.client(), verb)("/")

    assert bench.asked == [f"{verb.upper()} http://shop.test/"]


async def test_an_action_was_due_when_its_permit_was(bench: Any) -> None:
    client = bench.client()
    due_at = bench.now() - 1.5
    give_due(due_at, bench.run.native)
    await client.get("/")
    await client.get("/")

    first, second = bench.rows()
    assert first.due_at == due_at
    assert second.due_at == second.started_at


@pytest.mark.parametrize(("status", "error"), [
    (200, ""), (304, ""), (399, ""),
    (400, "StatusError: HTTP 400"), (404, "StatusError: HTTP 404"), (503, "StatusError: HTTP 503"),
])  # fmt: skip
async def test_a_status_from_400_fails_the_action_and_not_the_user(
    bench: Any, status: int, error: str
) -> None:
    response = await bench.client(status).get("/")

    assert bench.errors() == [error]
    assert response.ok == (not error)
    assert response.status == status


@pytest.mark.parametrize(("expect", "error"), [
    (404, ""), ({200, 404}, ""), (range(400, 500), ""), (200, "StatusError: HTTP 404"),
])  # fmt: skip
async def test_expected_statuses_replace_the_rule(bench: Any, expect: Any, error: str) -> None:
    await bench.client(404).get("/", expect=expect)

    assert bench.errors() == [error]


@pytest.mark.parametrize(("check", "error"), [
    (lambda response: None, ""),
    (lambda response: True, ""),
    (lambda response: "", ""),
    (lambda response: response.json()["ok"], "failed: check failed"),
    (lambda response: "out of stock", "failed: out of stock"),
    (lambda response: response.json()["no"], "failed: check: KeyError: 'no'"),
])  # fmt: skip
async def test_a_check_decides_about_an_answer(bench: Any, check: Any, error: str) -> None:
    client = bench.client((200, JSON, b'{"ok": false}'))
    await client.get("/", check=check)

    assert bench.errors() == [error]


async def test_a_check_is_not_asked_about_a_failed_request(bench: Any) -> None:
    await bench.client(500).get("/", check=lambda response: "not reached")

    assert bench.errors() == ["StatusError: HTTP 500"]


async def test_a_failure_in_the_block_counts_and_its_time_does_not(bench: Any) -> None:
    client = bench.client(latency=0.5)
    async with client.get("/") as response:
        await anyio.sleep(10)
        response.check(response.status == 200, "never")
        assert not response.check(response.content, "empty")
        response.fail("too late")

    (row,) = bench.rows()
    assert row.error == "failed: empty"
    assert row.ended_at - row.started_at == pytest.approx(0.5)


async def test_an_exception_in_the_block_fails_the_action_and_propagates(bench: Any) -> None:
    with pytest.raises(AssertionError):
        async with bench.client().get("/") as response:
            assert response.content, "no items"

    assert bench.errors()[0].startswith("AssertionError: no items")


async def test_an_awaited_request_is_recorded_and_cannot_be_failed_any_more(bench: Any) -> None:
    response = await bench.client().get("/")

    with pytest.raises(InvalidRequestError, match="async with"):
        response.fail("late")


async def test_a_network_failure_ends_no_user(bench: Any) -> None:
    client = bench.client(ConnectFailedError("connection refused"))

    response = await client.get("/")

    assert bench.errors() == ["ConnectFailedError: connection refused"]
    assert not response.ok
    assert response.status == 0
    assert response.failure == "connection refused"
    assert dict(response.headers) == {}
    for read in (lambda: response.content, response.json, response.raise_for_failure):
        with pytest.raises(ConnectFailedError):
            read()


async def test_a_failure_can_be_raised_for_users_that_cannot_go_on(bench: Any) -> None:
    response = await bench.client(503).get("/")

    with pytest.raises(StatusError, match="HTTP 503"):
        response.raise_for_failure()


async def test_a_request_has_so_much_time(bench: Any) -> None:
    client = bench.client(latency=30, timeout=5)
    await client.get("/")
    await client.get("/", timeout=2)

    assert bench.errors() == [
        "HttpTimeoutError: no answer within 5 s",
        "HttpTimeoutError: no answer within 2 s",
    ]


async def test_redirects_are_followed_as_one_action(bench: Any) -> None:
    def answer(request: Any) -> Any:
        if request.target == "/old":
            return 302, {"Location": "/new?a=1"}, b""
        return 200, {}, b"here"

    response = await bench.client(answer, latency=1.0).get("/old")

    assert response.content == b"here"
    assert response.redirects == 1
    assert response.url == "http://shop.test/new?a=1"
    (row,) = bench.rows()
    assert (row.name, row.ended_at - row.started_at) == ("GET /old", pytest.approx(2.0))
    assert bench.counted["http.status.302"] == bench.counted["http.status.200"] == 1


async def test_redirects_without_end_are_a_failure(bench: Any) -> None:
    client = bench.client((302, {"Location": "/again"}, b""), max_redirects=3)
    await client.get("/")

    assert bench.errors() == ["HttpProtocolError: more than 3 redirects"]
    assert len(bench.asked) == 4


async def test_redirects_may_be_left_alone(bench: Any) -> None:
    client = bench.client((302, {"Location": "/new"}, b""), max_redirects=0)

    response = await client.get("/")

    assert (response.status, response.headers["location"]) == (302, "/new")


async def test_cookies_are_kept_for_the_server_that_set_them(bench: Any) -> None:
    client = bench.client((200, {"Set-Cookie": "sid=abc; Path=/"}, b""))
    await client.get("/login")
    await client.get("/cart")
    await client.get("http://other.test/")

    sent = [dict(request.headers).get("Cookie") for request in bench.stub.requests]
    assert sent == [None, "sid=abc", None]
    assert client.cookies.get("sid") == "abc"


@pytest.mark.parametrize("name", ["Cookie", "cookie"])
async def test_cookies_of_a_request_go_beside_those_that_are_kept(bench: Any, name: str) -> None:
    client = bench.client()
    for domain in ("shop.test", "other.test"):
        client.cookies.set("lb", "1", domain=domain)
    await client.get("/", headers={name: "session=abc"})
    await client.get("http://third.test/", headers={name: "session=abc"})
    await client.get("/")

    sent = [
        [value for field, value in request.headers if field.lower() == "cookie"]
        for request in bench.stub.requests
    ]
    assert sent == [["session=abc; lb=1"], ["session=abc"], ["lb=1"]]


@pytest.mark.parametrize(("location", "expected"), [
    ("/b", "own=1; b=2"),
    ("http://other.test/b", "c=3"),
])  # fmt: skip
async def test_a_redirect_takes_ones_own_cookies_to_the_same_server_only(
    bench: Any, location: str, expected: str
) -> None:
    client = bench.client(
        lambda request: (302, {"Location": location}, b"") if request.target == "/a" else 200
    )
    client.cookies.set("a", "1", domain="shop.test", path="/a")
    client.cookies.set("b", "2", domain="shop.test", path="/b")
    client.cookies.set("c", "3", domain="other.test")
    await client.get("/a", headers={"Cookie": "own=1"})

    sent = [dict(request.headers)["Cookie"] for request in bench.stub.requests]
    assert sent == ["own=1; a=1", expected]


async def test_headers_and_cookies_may_be_replaced_as_a_whole(bench: Any) -> None:
    client, other = bench.client(), Cookies()
    other.set("theme", "dark", domain="shop.test")
    client.headers, client.cookies = {"X-Run": "2"}, other
    await client.get("/")

    (request,) = bench.stub.requests
    assert dict(request.headers) == {"X-Run": "2", "Cookie": "theme=dark"}
    assert (client.headers, client.cookies) == ({"X-Run": "2"}, other)


async def test_fields_of_the_client_change_and_those_of_a_request_go_first(bench: Any) -> None:
    client = bench.client(headers={"X-Run": "1"})
    client.headers["Authorization"] = "Bearer t"
    await client.get("/", headers={"x-run": "2", "Host": "front.test"})
    await client.get("/")

    first, second = (dict(request.headers) for request in bench.stub.requests)
    assert (first["x-run"], second["X-Run"]) == ("2", "1")
    assert first["Authorization"] == second["Authorization"] == "Bearer t"
    assert [request.authority for request in bench.stub.requests] == ["front.test", "shop.test"]
    assert second["User-Agent"] == "murmur"


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda fields: fields.__setitem__("A", "2"), {"A": "2", "B": "1"}),
        (lambda fields: fields.__delitem__("A"), {"B": "1"}),
        (lambda fields: fields.update(A="2"), {"A": "2", "B": "1"}),
        (lambda fields: fields.__ior__({"A": "2"}), {"A": "2", "B": "1"}),
        (lambda fields: fields.setdefault("C", "2"), {"A": "1", "B": "1", "C": "2"}),
        (lambda fields: fields.pop("A"), {"B": "1"}),
        (lambda fields: fields.popitem(), {"A": "1"}),
        (lambda fields: fields.clear(), {}),
    ],
)
async def test_fields_of_the_client_may_be_changed_between_requests_by_any_means(
    bench: Any, change: Any, left: dict[str, str]
) -> None:
    client = bench.client()
    client.headers = {"A": "1", "B": "1"}
    await client.get("/")
    await client.get("/")
    change(client.headers)
    await client.get("/")

    assert [dict(request.headers) for request in bench.stub.requests] == [
        {"A": "1", "B": "1"},
        {"A": "1", "B": "1"},
        left,
    ]


async def test_fields_of_the_client_that_are_none_are_refused(bench: Any) -> None:
    with pytest.raises(InvalidRequestError, match="no dict of texts"):
        bench.client().headers = ["X-Run"]


async def test_bodies_have_their_content_type(bench: Any) -> None:
    client = bench.client()
    await client.post("/", json={"a": None})
    await client.post("/", form={"a": "1 2"})
    await client.post("/", data="ä")
    await client.post("/", data=b"\0", headers={"Content-Type": "image/png"})
    await client.post("/", json=None)

    sent = [
        (request.body, dict(request.headers).get("Content-Type")) for request in bench.stub.requests
    ]
    assert sent == [
        (b'{"a":null}', "application/json"),
        (b"a=1+2", "application/x-www-form-urlencoded"),
        ("ä".encode(), "text/plain; charset=utf-8"),
        (b"\0", "image/png"),
        (b"null", "application/json"),
    ]


async def test_params_become_the_query(bench: Any) -> None:
    client = bench.client()
    await client.get("/find", params={"q": "a b", "tag": [1, 2]})
    await client.get("/find?page=2", params={"q": "x"})

    assert bench.asked == [
        "GET http://shop.test/find?q=a+b&tag=1&tag=2",
        "GET http://shop.test/find?page=2&q=x",
    ]
    assert {row.name for row in bench.rows()} == {"GET /find"}


@pytest.mark.parametrize(("arguments", "message"), [
    ({"url": "/items/{id}"}, "give id=..."),
    ({"url": "/items", "id": 1}, "no placeholder for id"),
    ({"url": "ftp://shop.test/"}, "does not say where to"),
    ({"url": "/", "json": 1, "data": b""}, "one of data, json and form"),
    ({"url": "/", "json": {1, 2}}, "cannot be written as JSON"),
    ({"url": "/", "stream": True}, "async with"),
    ({"url": "/", "headers": {"Host": "a\r\nX: 1"}}, "line break"),
])  # fmt: skip
async def test_a_request_that_cannot_be_meant_is_an_error(
    bench: Any, arguments: Any, message: str
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        await bench.client().request("POST", **arguments)


@pytest.mark.parametrize("method", ["", "GET /x", "GET\r\n"])
async def test_a_method_that_is_none_is_an_error(bench: Any, method: str) -> None:
    with pytest.raises(InvalidRequestError, match="is no method"):
        await bench.client().request(method, "/")


async def test_nobody_begins_a_request_who_was_asked_to_leave(bench: Any) -> None:
    client = bench.client()
    bench.user.ask(0.0)
    with pytest.raises(Leaving):
        await client.get("/")
    with pytest.raises(Leaving):
        async with client.get("/"):
            pass
    await client.post("/logout", leaving=True)

    assert bench.asked == ["POST http://shop.test/logout"]
    assert [row.name for row in bench.rows()] == ["POST /logout"]


async def test_a_last_request_has_three_quarters_of_the_grace(make_bench: Any) -> None:
    bench = make_bench(grace=8.0)
    client = bench.client(latency=100)
    bench.user.ask(0.0)
    began = bench.now()
    with pytest.raises(Leaving):
        await client.post("/logout", leaving=True)

    assert bench.now() - began == pytest.approx(6.0)
    assert bench.rows() == []
    assert bench.counted["actions.cut_short"] == 1


async def test_bytes_and_statuses_are_counted(bench: Any) -> None:
    client = bench.client((201, {}, b"12345"))
    await client.get("/")
    await client.get("/")
    bench.rows()

    assert bench.counted["http.status.201"] == 2
    assert bench.counted["http.received_bytes"] == 10


async def test_phases_are_actions_for_those_who_ask(bench: Any) -> None:
    await bench.client(latency=0.5, phases=True).get("/")

    phase, whole = bench.rows()
    assert (phase.name, whole.name) == ("GET / [first byte]", "GET /")
    assert phase.ended_at - phase.started_at == pytest.approx(0.5)


async def test_a_request_that_nobody_awaits_is_warned_about(bench: Any) -> None:
    client = bench.client()
    with pytest.warns(RuntimeWarning, match="GET /cart was never sent"):
        client.get("/cart")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await client.get("/cart")


async def test_a_client_closes_with_its_user_or_before(bench: Any) -> None:
    first = bench.client()
    stub = bench.stub
    async with bench.client() as second:
        assert second is not first
    assert bench.stub.is_closed
    assert bench.user._possessions == [first]

    bench.user.close_possessions()

    assert stub.is_closed
    with pytest.raises(InvalidRequestError, match="closed"):
        await first.get("/")


async def test_shared_connections_close_with_the_last_client(bench: Any) -> None:
    bench.client()
    options = Options(transport=bench.stub, share_connections=True)
    first, second = Client(bench.user, options), Client(bench.user, options)
    first.close()
    first.close()
    assert not bench.stub.is_closed
    second.close()

    assert bench.stub.is_closed


async def test_a_users_client_follows_its_scenario(bench: Any) -> None:
    bench.run.scenario.base_url = "http://first.test"
    assert client_of(bench.user).options_used.base_url == "http://first.test"
    assert bench.user.http is bench.user.http

    bench.run.scenario.http = Options(base_url="http://second.test")
    assert client_of(bench.user).options_used.base_url == "http://second.test"

    bench.run.scenario.http = "http://third.test"
    with pytest.raises(InvalidRequestError, match="give a murmur"):
        client_of(bench.user)


async def test_json_that_is_none_is_a_protocol_error(bench: Any) -> None:
    response = await bench.client((200, JSON, b"<html>")).get("/")

    with pytest.raises(HttpProtocolError, match="not JSON"):
        response.json()


@pytest.mark.parametrize("name", ["timeout", "connect_timeout", "max_connections"])
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_options_that_cannot_be_meant_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}=.*give more than 0"):
        Options(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("anyio_backend", [virtual_backend("trio")])
async def test_real_connections_are_of_asyncio(bench: Any) -> None:
    with pytest.raises(InvalidRequestError, match="not on trio"):
        await Client(bench.user, Options(base_url="http://127.0.0.1:1")).get("/")


async def test_the_timeout_error_says_what_was_missing(bench: Any) -> None:
    response = await bench.client(latency=9, timeout=1).get("/")

    assert isinstance(response.error, HttpTimeoutError)
    assert isinstance(response.error, TimeoutError)
    assert (response.error.missing, response.error.timeout) == ("no answer", 1)


@pytest.mark.parametrize("body", [
    {"data": {"a": 1}}, {"data": ["a"]}, {"data": [1]}, {"data": io.StringIO("a")}, {"data": 5},
    {"data": 1.5}, {"data": True}, {"data": object()}, {"data": "\ud800"}, {"json": {1, 2}},
    {"json": math.nan}, {"json": "\ud800"}, {"form": "a=1"}, {"form": 5}, {"form": [1]},
    {"files": "a"}, {"files": {"a": 5}}, {"files": {"a": io.StringIO("a")}},
    {"files": {"a": ("b",)}},
    {"files": {"a": Path("/none")}}, {"files": {"a": b""}, "json": 1}, {"params": "a=1"},
    {"params": 5}, {"headers": {"a": 1}}, {"headers": {1: "a"}}, {"headers": "a: b"},
    {"headers": {"a": b"b"}}, {"timeout": -1}, {"timeout": 0}, {"timeout": math.nan},
    {"timeout": True}, {"timeout": "5"}, {"expect": "200"}, {"expect": 2.5}, {"check": 5},
    {"expect": True}, {"expect": ["200"]}, {"headers": {"a": ["b"]}}, {"params": {"a": {"b": 1}}},
    {"params": {"a": None}}, {"params": {"a": [[1]]}}, {"form": {"a": {"b": 1}}}, {"params": 0},
    {"name": 5},
])  # fmt: skip
async def test_what_cannot_be_sent_is_refused_and_is_no_action(
    bench: Any, body: dict[str, Any]
) -> None:
    client = bench.client()

    with pytest.raises(InvalidRequestError):
        await client.post("/", **body)
    with pytest.raises(InvalidRequestError):
        async with client.post("/", **body):
            pass
    assert bench.rows() == []
    assert bench.asked == []


async def test_all_that_is_wrong_with_a_request_is_told_at_once(bench: Any) -> None:
    client = bench.client()

    with pytest.raises(InvalidRequestError) as found:
        await client.request(
            ["GET"], "/{id}", name=1, params=2, headers={"a b": "c"}, data=3, timeout=-4,
            expect="5", check=6,
        )  # fmt: skip

    told = str(found.value)
    words = ("['GET']", "name=1", "id=...", "int has no", "'a b'", "data", "-4", "'5'", "check=6")
    assert [word for word in words if word not in told] == []
    assert told.count(";") == len(words) - 1


@pytest.mark.parametrize("value", [None, b"a", [1], {"a": 1}])
async def test_the_value_of_a_placeholder_has_a_text(bench: Any, value: object) -> None:
    with pytest.raises(InvalidRequestError, match="the value of 'id'"):
        await bench.client().get("/items/{id}", id=value)


@pytest.mark.parametrize("given", [
    {"subprotocols": "chat"}, {"subprotocols": [5]}, {"subprotocols": ["a b"]},
    {"subprotocols": ["a", "a"]}, {"compress": "yes"}, {"headers": {"a": 5}}, {"name": 5},
])  # fmt: skip
async def test_a_handshake_that_cannot_be_meant_is_refused(
    bench: Any, given: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequestError):
        bench.client().websocket("/", **given)


async def test_a_request_may_have_no_time_limit(bench: Any) -> None:
    client = bench.client(latency=1e6)

    assert (await client.get("/", timeout=math.inf)).ok


async def test_a_usual_method_may_be_written_small(bench: Any) -> None:
    client = bench.client()
    await client.request("post", "/")
    await client.request("purge", "/")

    assert [each.split()[0] for each in bench.asked] == ["POST", "purge"]


async def test_a_form_with_files_is_written_as_browsers_write_it(bench: Any) -> None:
    client = bench.client()
    await client.post(
        "/",
        form={"a": 1, "b": ["2", "3"]},
        files={"f": ('x".txt', b"one", "text/x"), "g": io.BytesIO(b"two"), "h": "three"},
    )

    (request,) = bench.stub.requests
    (kind,) = [value for name, value in request.headers if name == "Content-Type"]
    parsed = email.message_from_bytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.body
    )
    parts = [
        (part["Content-Disposition"], part.get_payload(decode=True))
        for part in parsed.get_payload()
    ]
    assert parts == [
        ('form-data; name="a"', b"1"),
        ('form-data; name="b"', b"2"),
        ('form-data; name="b"', b"3"),
        ('form-data; name="f"; filename="x%22.txt"', b"one"),
        ('form-data; name="g"; filename="g"', b"two"),
        ('form-data; name="h"; filename="h"', b"three"),
    ]


async def test_cookies_go_by_the_host_that_is_asked_for(bench: Any) -> None:
    answer = (200, {"Set-Cookie": "a=1; Domain=shop.example"}, b"")
    client = bench.client(lambda request: answer, headers={"Host": "www.shop.example:81"})
    await client.get("/")
    await client.get("/")
    await client.get("/", headers={"Host": "other.example"})

    held = [dict(each.headers).get("Cookie") for each in bench.stub.requests]
    assert held == [None, "a=1", None]


async def test_a_login_in_the_url_is_sent_to_its_server_alone(bench: Any) -> None:
    def answer(request: Any) -> Any:
        here = request.origin.host == "shop.test"
        return (302, {"Location": "http://other.test/"}, b"") if here else 200

    client = bench.client(answer, base_url="http://a:b@shop.test")
    await client.get("/")
    await client.get("/", headers={"authorization": "mine"})

    logins = [
        (
            each.origin.host,
            dict(each.headers).get("Authorization", dict(each.headers).get("authorization")),
        )
        for each in bench.stub.requests
    ]
    assert logins == [
        ("shop.test", "Basic YTpi"),
        ("other.test", None),
        ("shop.test", "mine"),
        ("other.test", None),
    ]


async def test_a_share_of_requests_is_traced(bench: Any) -> None:
    client = bench.client(trace=0.5)
    ids = [(await client.get("/")).trace_id for _ in range(200)]

    traced = [each for each in ids if each]
    assert 50 < len(traced) < 150
    assert len(set(traced)) == len(traced)
    assert {len(each) for each in traced} == {32}
    response = await client.get("/", headers={"traceparent": f"00-{'1' * 32}-{'2' * 16}-00"})
    assert response.trace_id == "1" * 32


async def test_the_first_answer_of_each_kind_of_failure_is_kept(bench: Any) -> None:
    answers = iter([b"out of stock", b"still out"])
    client = bench.client(lambda request: (503, {"Content-Type": "text/plain"}, next(answers)))
    await client.get("/")
    await client.get("/")

    (told,) = bench.recorder.seal().tracebacks.values()
    assert "503" in told
    assert "out of stock" in told
    assert "still out" not in told
