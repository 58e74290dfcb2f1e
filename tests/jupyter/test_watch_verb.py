"""The verb that shows the requests of one user, on a real session."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

import murmur
from murmur.http import Options
from murmur.jupyter import load, unload
from murmur.testing import HttpStub


class Looking(murmur.Scenario):
    """Users look at a page again and again."""

    async def init(self) -> None:
        self.http = Options(base_url="http://shop.test", transport=HttpStub(lambda request: 200))

    async def start(self, user: murmur.User) -> None:
        while True:
            await user.http.get(f"/of/{user.id}")
            await user.sleep(0.05)


def test_it_shows_the_requests_of_that_user_until_its_time_is_over(
    capsys: pytest.CaptureFixture[str], whole_shell: InteractiveShell
) -> None:
    with murmur.Session() as session:
        load(whole_shell, session)
        session.do(Looking, 2, user_rate=float("inf"))
        capsys.readouterr()
        whole_shell.run_line_magic("amoc", "watch 2 --seconds 0.5")
        lines = capsys.readouterr().out.splitlines()
        whole_shell.run_line_magic("amoc", "trace 77 --seconds 0.2")
        silent = capsys.readouterr().out
    unload(whole_shell)

    assert silent.startswith("no request of user 77 ended")
    assert lines
    assert all("user 2  GET http://shop.test/of/2  -> 200" in line for line in lines)
