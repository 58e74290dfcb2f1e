"""A URL in the place of a scenario: the shortest load test there is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from traitlets import Bunch, Float, Int, TraitError, Unicode, validate

from murmur.errors import MissingExtraError
from murmur.results.checks import read_rate
from murmur.runtime import User, throttle
from murmur.scenario import Scenario
from murmur.throttles import Throttle

_MOST = 1000
"""Users, unless somebody says how many: each has a connection of its own."""

_DURATION = "10s"

_REST = 0.1
"""Seconds that a user waits when no answer came: asking a dead server faster serves nobody."""


class Get(Scenario):
    """Users get one URL, at a rate over all of them or one request after the other."""

    url = Unicode(help="what is asked for").tag(required=True)
    rate = Float(
        math.inf, min=0, help="requests a second of all users together; inf: as fast as they can"
    ).tag(live=True)
    requests = Int(0, min=0, help="requests of each user; 0: until it is asked to leave")

    @validate("url")
    def _leads_somewhere(self, proposal: Bunch) -> str:
        try:
            parts = urlsplit(proposal.value)
            is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:  # a port that is none
            is_whole = False
        if not is_whole:
            raise TraitError("give http://host/ or http://host:port/, with a port up to 65535")
        return str(proposal.value)

    async def init(self) -> None:
        """Start the throttle that all users wait for."""
        self._pace: Throttle = await throttle("requests", rate=self.rate, interval=1)

    async def changed(self, name: str, old: object, new: float) -> None:
        """Let the throttle follow the setting."""
        if name == "rate":
            await self._pace.change_rate(rate=new, interval=1)

    async def start(self, user: User) -> None:
        """Ask again and again; a failed request is counted, and the next one is made."""
        done = 0
        while not user.leaving.is_set() and not 0 < self.requests <= done:
            await self._pace.wait()
            done += 1
            response = await user.http.get(self.url)
            if response.error is not None:  # it is in the frame of errors
                await user.sleep(_REST)


def is_url(scenario: object) -> bool:
    """Whether a URL stands where a scenario is expected."""
    return isinstance(scenario, str) and scenario.lower().startswith(("http://", "https://"))


def with_extra(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options; raise `MissingExtraError` if what a URL needs is not installed."""
    if find_spec("httptools") is None:
        raise MissingExtraError("a URL", "http", "httptools")
    return options


def as_get(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with `Get` as their scenario, and the URL as its setting."""
    settings = (f"url={options['scenario']}", *(options.get("settings") or ()))
    return {**options, "scenario": f"{__name__}:{Get.__name__}", "settings": settings}


def of_url(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of ``murmur run URL`` as those of a run of `Get`.

    ``--rate`` is of requests there, over users that keep their connections: as many as could
    wait a second each, at most 1,000, unless ``--users`` says how many.
    """
    found = as_get(options)
    settings = list(found["settings"])
    stages = options.get("stage") or ()
    if any("/" in stage for stage in stages):
        settings.append("requests=1")  # the rate is of users that come
    elif options.get("rate"):
        rate = read_rate(options["rate"], bare=False)
        found["rate"] = None
        settings.append(f"rate={rate!r}")
        if options.get("users") is None and not stages and math.isfinite(rate):
            found["users"] = max(1, min(_MOST, math.ceil(rate)))
    if not stages:
        found["duration"] = options.get("duration") or _DURATION
        if not options.get("ramp"):
            settings.append("user_rate=inf")
    return {**found, "settings": tuple(settings)}
