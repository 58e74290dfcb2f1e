"""Check, in an environment with murmur alone, that it runs and names what more would need.

Every feature that stands on an extra has to answer with one sentence: what needs which
package, and the command that installs it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import murmur
from murmur import exporters
from murmur.errors import MissingExtraError

ABSENT = ["altair", "click", "distributed", "httptools", "IPython", "ipywidgets", "pyarrow"]
SENTENCE = re.compile(
    r"[^\n]+ needs the package '(?!None')[\w.-]+': pip install 'murmur-load\[(\w+)\]', "
    r"or in a clone: pip install -e '\.\[\1\]'"
)


class Hello(murmur.Scenario):
    """Users say hello and go."""

    async def start(self, user: murmur.User) -> None:
        """Say hello."""
        with user.timer("hello"):
            await user.sleep(0.01)


class Fetch(murmur.Scenario):
    """A user who needs HTTP."""

    async def start(self, user: murmur.User) -> None:
        """Ask for the client."""
        await user.http.get("http://127.0.0.1:9/")


def features(
    session: murmur.Session, run: murmur.Run, folder: Path
) -> dict[str, Callable[[], object]]:
    """Return what needs an extra, by name."""
    return {
        "charts": lambda: import_module("murmur.charts"),
        "magics": lambda: import_module("murmur.jupyter"),
        "save": lambda: run.results.save(folder / "saved"),
        "report": lambda: run.results.report(folder / "report.html"),
        "panel": session.panel,
        "open": session.open,
        "join": lambda: murmur.join(folder / "ticket"),
        "http": lambda: fetch(session),
        "Prometheus": lambda: exporters.Prometheus(session),
        "OpenTelemetry": lambda: exporters.OpenTelemetry(session),
    }


def fetch(session: murmur.Session) -> None:
    """Let a user ask for its HTTP client, and raise what it said."""
    run = session.do(Fetch, 1, user_rate=float("inf"), end_when_idle=True)
    run.wait(timeout=30)
    raise MissingExtraError(*_told(str(run.results.users["reason"].iloc[0])))


def _told(reason: str) -> tuple[str, str, str]:
    found = re.search(
        r"([^\s:][^:]*) needs the package '([^']+)': pip install 'murmur-load\[(\w+)\]'", reason
    )
    if found is None:
        raise AssertionError(f"the user failed with {reason!r}")
    return found[1], found[3], found[2]


def problems(folder: Path) -> list[str]:
    """Return one sentence for each thing that is not as it should be."""
    found = [
        f"{name} is installed; this is no bare environment" for name in ABSENT if find_spec(name)
    ]
    with murmur.Session() as session:
        run = session.do(Hello, 10, user_rate=float("inf"), end_when_idle=True)
        run.wait(timeout=30)
        if len(run.results.actions) != 10:
            found.append("a run without extras has not recorded its actions")
        for name, use in features(session, run, folder).items():
            try:
                use()
            except MissingExtraError as error:
                if not SENTENCE.fullmatch(str(error)):
                    found.append(f"{name} says {str(error)!r}")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                found.append(f"{name} raises {error!r} instead of MissingExtraError")
            else:
                found.append(f"{name} works without its extra")
    return found + command_line()


def command_line() -> list[str]:
    """Return what is wrong with ``murmur`` where click is missing."""
    done = subprocess.run(
        [sys.executable, "-m", "murmur", "--help"], capture_output=True, text=True, check=False
    )
    if done.returncode == 2 and SENTENCE.fullmatch(done.stderr.strip()):
        return []
    return [f"the command line ends with {done.returncode} and {done.stderr!r}"]


if __name__ == "__main__":
    with TemporaryDirectory() as directory:
        sys.exit("\n".join(problems(Path(directory))) or 0)
