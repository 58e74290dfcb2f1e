"""Files that no person wrote are refused in a sentence, and none is waited for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import murmur
from murmur.errors import UnknownScenarioError
from murmur.scenario import find

DEEP = "it is nested too deeply"
NO_FILE = "it is no regular file"


def code(source: object) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": source}]})


TEXTS = {
    "cells that are none": ("a.ipynb", json.dumps({"cells": [1, None, "a", []]}), "no scenario"),
    "a source of a number": ("a.ipynb", code(5), "no scenario"),
    "a source of null": ("a.ipynb", code(None), "no scenario"),
    "lines that are none": ("a.ipynb", code([1, None, {}]), "no scenario"),
    "a number of 5,000 digits": ("a.ipynb", '{"nbformat": ' + "9" * 5000 + "}", "digits"),
    "lists in lists": ("a.ipynb", "[" * 100_000, DEEP),
    "signs before signs": ("a.py", "x = " + "-" * 50_000 + "1", DEEP),
    "a sum without end": ("a.py", "x = 1" + "+1" * 20_000, DEEP),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_file_is_described_or_refused_with_(what: str, tmp_path: Path) -> None:
    name, text, reason = TEXTS[what]
    (tmp_path / name).write_text(text)

    with pytest.raises(UnknownScenarioError, match=reason):
        murmur.describe(tmp_path / name)


def test_a_cell_beside_odd_ones_is_read(tmp_path: Path) -> None:
    scenario = "import murmur\nclass A(murmur.Scenario):\n    async def start(self, user): ...\n"
    cells = [7, {"cell_type": "code", "source": 7}, {"cell_type": "code", "source": [scenario]}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))

    assert murmur.describe(tmp_path / "a.ipynb").name == "A"


@pytest.mark.parametrize("ending", ["py", "ipynb"])
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null", ""])
def test_what_is_no_regular_file_is_not_waited_for(
    device: str, ending: str, tmp_path: Path
) -> None:
    file = tmp_path / f"a.{ending}"
    if device:
        file.symlink_to(device)
    else:
        os.mkfifo(file)  # nobody writes into it

    with pytest.raises(UnknownScenarioError, match=NO_FILE):
        murmur.describe(file)
    if ending == "py":
        with pytest.raises(UnknownScenarioError, match=f"{NO_FILE}|not a Python file"):
            find(str(file), {})


@pytest.mark.parametrize("ending", ["py", "ipynb"])
def test_a_file_of_gigabytes_is_not_read(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"a.{ending}"
    with file.open("wb") as opened:
        opened.truncate(3 << 30)  # a hole: it takes no room

    with pytest.raises(UnknownScenarioError, match="larger than 64 MB"):
        murmur.describe(file)
