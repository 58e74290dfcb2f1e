"""The log that nginx wrote of one run is the plan of the next, over nodes as well."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from traitlets import Float, Unicode

import murmur
from murmur.results import Results

COMBINED = """
log_format whole '$remote_addr - $http_x_user [$time_local] "$request" $status $body_bytes_sent '
                 '"$http_referer" "$http_user_agent"';
"""
PATHS = ["/a.json", "/b.json?q=%7B1%7D", '/c.json?q="x"', "/missing"]


class First(murmur.Scenario):
    """Three users with a name ask for a few things, half a second apart."""

    base_url = Unicode(help="server to test").tag(required=True)
    day = murmur.Timetable().every(0.5, "ask", count=len(PATHS))

    async def start(self, user: murmur.User) -> None:
        async for event in self.day.follow(user):
            path = PATHS[event.number]
            await user.http.get(path, headers={"x-user": f"user{user.id}"}, expect={200, 404})


class Again(murmur.Scenario):
    """Users of the log come again."""

    base_url = Unicode(help="server to test").tag(required=True)
    user_rate = Float(math.inf, min=0, help="users a minute").tag(live=True)
    log = murmur.AccessLog(help="what was asked for")
    speed = Float(2.0, help="how many times as fast")

    async def start(self, user: murmur.User) -> None:
        async for row in self.log.follow(user, speed=self.speed):
            await user.http.get(row["path"], name=row["name"], expect=row["status"])


@pytest.mark.parametrize("nodes", [0, 2])
def test_what_nginx_logged_is_asked_again(start_nginx, nodes):
    nginx = start_nginx(
        "listen 127.0.0.1:{port}; access_log {root}/whole.log whole;", settings=COMBINED
    )
    for name in "abc":
        (nginx.root / "files" / f"{name}.json").write_text("{}", encoding="utf-8")
    log = nginx.root / "whole.log"
    with murmur.Session() as session:
        session.do(First, 3, base_url=nginx.url, user_rate=math.inf, end_when_idle=True).wait(60)
        first = log.read_text(encoding="utf-8").splitlines()
        plan = Path(nginx.root / "plan.log")
        plan.write_text("\n".join(first), encoding="utf-8")
        if nodes:
            session.open()
            session.spawn_nodes(nodes)
            session.wait_for_nodes(nodes)
        run = session.do(Again, 3, base_url=nginx.url, log=plan, end_when_idle=True)
        run.wait(timeout=60)
        results: Results = run.results

    asked = log.read_text(encoding="utf-8").splitlines()[len(first) :]
    assert sorted(map(target, asked)) == sorted(map(target, first))
    assert len(results.actions) == 3 * len(PATHS)
    assert results.actions["ok"].all()
    planned = Again(base_url=nginx.url, log=plan).log
    moments = sorted(row["time"] / 2 for user in (1, 2, 3) for row in planned.of(user))
    assert sorted(results.actions["due_at"] - 1.0) == pytest.approx(moments, abs=0.02)
    assert not any("not made" in reason for reason in results.summary().verdict.reasons)


def target(line: str) -> str:
    """Return what a line of the log says was asked for."""
    return line.split('"')[1]
