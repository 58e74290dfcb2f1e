"""The scripts of the page need no network and fit the Altair that writes the charts."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib import resources

import pytest

from murmur import _vega
from murmur.jupyter.panel import _view, specs


def test_every_part_of_the_script_is_in_it():
    folder = resources.files("murmur.jupyter.panel") / "front"
    parts = {path.name for path in folder.iterdir() if path.name.endswith(".js")}

    assert parts == set(_view.SCRIPTS)
    assert _view.script().count("export default") == 1


def test_the_script_is_one_that_a_browser_can_read(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; the browser's tests read the script as well")
    path = tmp_path / "panel.mjs"
    path.write_text(_view.script(), encoding="utf-8")

    done = subprocess.run([node, "--check", path], capture_output=True, text=True, check=False)

    assert done.stderr == ""


@pytest.mark.parametrize("text", [_view.script, _view.style])
def test_nothing_is_asked_of_other_machines(text):
    namespace = "http://www.w3.org/2000/svg"

    assert re.findall(r"https?://[^\s\"')]+", text().replace(namespace, "")) == []


def test_the_library_is_of_the_version_that_the_charts_are_written_for():
    written_for = {spec["$schema"] for spec in specs().values()}

    assert [re.search(r"/v(\d+)\.", address)[1] for address in written_for] == [
        _vega.vega_lite_version().partition(".")[0]
    ]
