"""Runs `murmur run` on the demo with checks that hold and checks that fail, as a CI job would.

``python .ci/check_command_line.py [COMMAND ...]``: the command is `murmur` unless given.
Looks at exit codes and at the files that are left behind.  A run that this machine was too
busy for (exit 3) is run again, twice at most.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from murmur.testing import router_process

CHAT = "murmur.demo:Chat"
SHORT = ("--users", "20", "--ramp", "1s", "--set", "messages=20", "--set", "pace=0.1")
QUICK = ("--set", "silence=0.5", "--every", "1s", "--seed", "7")


def main(command: list[str]) -> int:
    """Make the runs; return 0 if all of them are as they should be."""
    with TemporaryDirectory() as name, router_process() as router:
        folder = Path(name)
        run = [*command, "run", CHAT, *SHORT, *QUICK, "--set", f"port={router.port}"]
        good = ("--check", "users(finished) == 20", "--check", "p99(round_trip) < 2s")
        expect(0, [*run, *good, "--out", "run", "--junit", "good.xml"], folder)
        bad = ("--check", "p99(round_trip) < 1us", "--check", "p99(round_trup) < 2s", "--json")
        answer = expect(1, [*run, *bad, "--junit", "bad.xml"], folder)
        expect(2, [*run, "--set", "port=0", "--check", "p99(round_trip < 1"], folder)
        expect(0, [*command, "report", "run", "--check", "failed == 0"], folder)
        # Nothing says how much is too much, and so nothing passes.
        expect(4, [*command, "compare", "run", "run"], folder)
        assert failures(folder / "good.xml") == 0
        assert failures(folder / "bad.xml") == 2
        checks = json.loads(answer)["checks"]
        assert [check["holds"] for check in checks] == [False, False]
        assert "did you mean 'round_trip'?" in checks[1]["reason"]
        assert (folder / "run" / "manifest.json").exists()
    sys.stdout.write("the command line answers as it should\n")
    return 0


def expect(code: int, command: list[str], folder: Path) -> str:
    """Run a command that has to end with `code`; return what it printed."""
    for _ in range(3):
        done = subprocess.run(
            [*command, "--overwrite"] if "--out" in command else command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 3:
            break
    if done.returncode != code:
        sys.stderr.write(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}\n")
        raise SystemExit(f"exit code {done.returncode} where {code} was expected")
    return done.stdout


def failures(junit: Path) -> int:
    """Return how many failed tests a JUnit file tells of."""
    return int(ElementTree.parse(junit).getroot().get("failures", "-1"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["murmur"]))
