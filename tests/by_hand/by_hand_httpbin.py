"""Every endpoint of httpbin that a client can be right or wrong about, asked by murmur.

``python tests/by_hand/by_hand_httpbin.py PYTHON``: PYTHON is the interpreter of an environment of
its own with ``pip install httpbin gunicorn``, which wants an older greenlet than the tests do.
What is expected is what httpbin's own page says that the endpoint does.

Last figures: 20 of 20, httpbin 0.10.4 (2026-11-29).
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio

from murmur.http import Client, Options

ANY = range(1000)
Case = Callable[[Client], Awaitable[tuple[object, object]]]
CASES: list[Case] = []


def case(ask: Case) -> Case:
    """Keep a case: it returns what was found, and what should have been."""
    CASES.append(ask)
    return ask


@case
async def methods(http: Client) -> tuple[object, object]:
    found = []
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = await http.request(method, f"/{method.lower()}", params={"a": [1, 2], "b": "ä b"})
        found.append((answer.status, answer.json()["args"]))
    return found, [(200, {"a": ["1", "2"], "b": "ä b"})] * 5


@case
async def bodies(http: Client) -> tuple[object, object]:
    form = await http.post("/post", form={"a": "1 2", "b": ["x", "y"]})
    json = await http.put("/put", json={"ä": [1, None]})
    text = await http.patch("/patch", data="grüße")
    chunks = await http.post("/anything", data=[b"one ", b"two"], headers={"X": "y"})
    return (
        form.json()["form"], json.json()["json"], text.json()["data"], chunks.json()["data"],
    ), ({"a": "1 2", "b": ["x", "y"]}, {"ä": [1, None]}, "grüße", "one two")  # fmt: skip


@case
async def files(http: Client) -> tuple[object, object]:
    answer = await http.post(
        "/post",
        form={"who": "Ann"},
        files={"a": ("ä.txt", b"text", "text/plain"), "b": b"\x00\xff"},
    )
    said = answer.json()
    return (said["form"], said["files"]["a"], said["files"]["b"][:5]), (
        {"who": "Ann"}, "text", "data:",
    )  # fmt: skip


@case
async def fields(http: Client) -> tuple[object, object]:
    said = await http.get("/headers", headers={"X-Empty": "", "X-Word": "one, two"})
    agent = await http.get("/user-agent", headers={"User-Agent": "tests"})
    back = await http.get("/response-headers", params={"X-A": ["1", "2"], "X-B": "c"})
    return (
        said.json()["headers"]["X-Word"], agent.json(), back.headers["x-b"],
        back.headers.all_of("X-A"),
    ), ("one, two", {"user-agent": "tests"}, "c", ["1", "2"])  # fmt: skip


@case
async def codings(http: Client) -> tuple[object, object]:
    found = []
    for coding, flag in (("gzip", "gzipped"), ("deflate", "deflated"), ("brotli", "brotli")):
        found.append((await http.get(f"/{coding}")).json()[flag])
    text = (await http.get("/encoding/utf8")).text
    return (found, "∮ E⋅da = Q" in text), ([True] * 3, True)


@case
async def statuses(http: Client) -> tuple[object, object]:
    codes = [200, 201, 202, 204, 205, 206, 300, 304, 400, 401, 404, 405, 410, 418, 429, 500, 503]
    found = []
    for code in codes:
        for method in ("GET", "POST"):
            answer = await http.request(method, f"/status/{code}", expect=ANY)
            found.append(answer.status if not answer.error else answer.failure)
    return found, [code for code in codes for _ in range(2)]


@case
async def judged(http: Client) -> tuple[object, object]:
    good = (await http.get("/status/399")).ok
    bad = await http.get("/status/400")
    wanted = await http.get("/status/418", expect=418)
    return (good, bad.failure, wanted.ok), (True, "HTTP 400", True)


@case
async def redirects(http: Client) -> tuple[object, object]:
    found = []
    for path in ("/redirect/3", "/relative-redirect/3", "/absolute-redirect/3"):
        answer = await http.get(path)
        found.append((answer.status, answer.redirects, answer.url.endswith("/get")))
    found.append((await http.get("/redirect/11")).failure)
    return found, [(200, 3, True)] * 3 + ["more than 10 redirects"]


@case
async def redirected_methods(http: Client) -> tuple[object, object]:
    found = []
    for status in (301, 302, 303, 307, 308):
        for method in ("POST", "PUT"):
            answer = await http.request(
                method, "/redirect-to", data=b"body",
                params={"url": "/anything", "status_code": status},
            )  # fmt: skip
            said = answer.json()
            found.append((status, said["method"], said["data"]))
    return found, [
        (301, "GET", ""), (301, "PUT", "body"), (302, "GET", ""), (302, "PUT", "body"),
        (303, "GET", ""), (303, "GET", ""), (307, "POST", "body"), (307, "PUT", "body"),
        (308, "POST", "body"), (308, "PUT", "body"),
    ]  # fmt: skip


@case
async def secrets_stay(http: Client) -> tuple[object, object]:
    """Follow a redirect to what is another origin: the same server by its other name."""
    other = http.options_used.base_url.replace("127.0.0.1", "localhost")
    own = {"Authorization": "Bearer t", "Cookie": "a=b", "X-Kept": "yes"}
    url = f"{other}/headers"
    said = (await http.get("/redirect-to", params={"url": url}, headers=own)).json()["headers"]
    return (said.get("Authorization"), said.get("Cookie"), said["X-Kept"]), (None, None, "yes")


@case
async def cookies(http: Client) -> tuple[object, object]:
    first = (await http.get("/cookies/set", params={"a": "1", "b": "x y"})).json()
    await http.get("/cookies/set/c/3")
    second = (await http.get("/cookies/delete", params={"a": ""})).json()
    http.cookies.clear()
    third = (await http.get("/cookies")).json()
    return [each["cookies"] for each in (first, second, third)], [
        {"a": "1", "b": "x y"}, {"b": "x y", "c": "3"}, {},
    ]  # fmt: skip


@case
async def logins(http: Client) -> tuple[object, object]:
    base = http.options_used.base_url
    with_login = base.replace("//", "//ann:p%40ss@")
    found = [
        (await http.get(f"{with_login}/basic-auth/ann/p@ss")).status,
        (await http.get("/basic-auth/ann/p@ss", expect=401)).status,
        (await http.get(f"{with_login}/hidden-basic-auth/ann/p@ss")).status,
        (await http.get("/bearer", headers={"Authorization": "Bearer abc"})).json()["token"],
        (await http.get("/bearer")).failure,
        (await http.get("/digest-auth/auth/ann/secret")).failure,
    ]
    return found, [200, 401, 200, "abc", "HTTP 401", "HTTP 401"]


@case
async def streams(http: Client) -> tuple[object, object]:
    async with http.get("/stream/20", stream=True) as answer:
        lines = [line async for line in answer.lines()]
    async with http.get("/stream-bytes/100000?seed=1&chunk_size=7", stream=True) as answer:
        size = sum([len(part) async for part in answer.iter_bytes()])
    whole = await http.get("/stream-bytes/100000?seed=1&chunk_size=7")
    return (len(lines), size, len(whole.content)), (20, 100_000, 100_000)


@case
async def drips(http: Client) -> tuple[object, object]:
    whole = await http.get("/drip?numbytes=10&duration=1&delay=0&code=201")
    late = await http.get("/drip?numbytes=10&duration=5&delay=0", timeout=0.5)
    return (whole.status, whole.content, late.failure), (
        201, b"*" * 10, "no complete answer within 0.5 s",
    )  # fmt: skip


@case
async def delays(http: Client) -> tuple[object, object]:
    late = await http.get("/delay/3", timeout=0.5)
    there = await http.get("/delay/1")
    return (late.failure, there.status), ("no answer within 0.5 s", 200)


@case
async def ranges(http: Client) -> tuple[object, object]:
    part = await http.get("/range/1024", headers={"Range": "bytes=5-9"})
    none = await http.get("/range/1024", headers={"Range": "bytes=5000-"})
    slow = await http.get("/range/26?duration=1&chunk_size=5")
    return (part.status, part.text, none.failure, slow.text), (
        206, "fghij", "HTTP 416", "abcdefghijklmnopqrstuvwxyz",
    )  # fmt: skip


@case
async def caches(http: Client) -> tuple[object, object]:
    same = {"If-None-Match": "tag"}
    found = [
        (await http.get("/etag/tag", headers=same)).status,
        (await http.get("/etag/tag", headers={"If-Match": "other"})).status,
        (await http.get("/cache", headers=same)).status,
        (await http.get("/cache")).status,
        (await http.get("/cache/60")).headers["cache-control"],
    ]
    return found, [304, 412, 304, 200, "public, max-age=60"]


@case
async def contents(http: Client) -> tuple[object, object]:
    found: list[object] = []
    images = ["image/png", "image/jpeg", "image/webp", "image/svg+xml"]
    for path in (
        "json",
        "xml",
        "html",
        "robots.txt",
        "deny",
        "image/png",
        "image/jpeg",
        "image/svg",
    ):
        answer = await http.get(f"/{path}")
        found.append((answer.status, len(answer.content) == int(answer.headers["content-length"])))
    kinds = []
    for kind in images:
        answer = await http.get("/image", headers={"Accept": kind})
        kinds.append(answer.headers["content-type"])
    coded = (await http.get(f"/base64/{b64encode(b'hello').decode()}")).text
    return (found, kinds, coded), (
        [(200, True)] * 8, images, "hello",
    )  # fmt: skip


@case
async def heads(http: Client) -> tuple[object, object]:
    found = []
    for path in ("get", "bytes/100", "gzip", "status/404", "image/png"):
        answer = await http.head(f"/{path}", expect=ANY)
        found.append((answer.status, answer.content))
    offered = (await http.options("/get")).headers["allow"]
    return (found, sorted(offered.split(", "))), (
        [(200, b"")] * 3 + [(404, b""), (200, b"")], ["GET", "HEAD", "OPTIONS"],
    )  # fmt: skip


@case
async def paths(http: Client) -> tuple[object, object]:
    found, values = [], {"x": "1/2", "y": "a&b"}
    for path in ("/anything/ä b", "/anything/a%2Fb", "/anything/{x}", "/anything/a?q={y}&z=ü"):
        filled = {name: value for name, value in values.items() if f"{{{name}}}" in path}
        answer = await http.get(path, **filled)
        found.append(answer.json()["url"].partition("/anything/")[2])
    return found, ["ä%20b", "a/b", "1/2", "a?q=a%26b&z=ü"]


@contextlib.contextmanager
def httpbin(python: str) -> Iterator[str]:
    """Start httpbin, and return where it is."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [python, "-m", "gunicorn", "-k", "gthread", "--threads", "8", "--keep-alive", "2"]
    process = subprocess.Popen([*command, "-b", f"127.0.0.1:{port}", "httpbin:app"])
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


async def main(url: str) -> None:
    """Ask all, each by a client of its own, and tell what differs."""
    passed = 0
    for ask in CASES:
        async with Client(options=Options(base_url=url, timeout=20)) as http:
            found: Any
            found, wanted = await ask(http)
        passed += found == wanted
        if found != wanted:
            sys.stdout.write(f"{ask.__name__}: {found!r}, not {wanted!r}\n")
    sys.stdout.write(f"{passed} of {len(CASES)}\n")


if __name__ == "__main__":
    with httpbin(sys.argv[1]) as where:
        anyio.run(main, where, backend_options={"use_uvloop": True})
