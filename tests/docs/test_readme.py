"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_scenario_and_its_cells_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scenario, cells = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {"__name__": "readme"}
    exec(scenario, names)
    try:
        exec(cells, names)
        status = names["run"].wait(timeout=60)
    finally:
        names["session"].close()
        names["router"].stop()

    assert status.state == "finished"
    assert status.users["gone"] == 150
    assert not (names["run"].results.users["outcome"] == "failed").any()
    assert "Echo" in (tmp_path / "echo.html").read_text(encoding="utf-8")


def test_its_router_leaves_jupyter_the_port_that_it_listens_at() -> None:
    assert "8888" not in README


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)

    assert [link for link in links if not (ROOT / link).exists()] == []


def test_what_its_commands_write_is_ignored_by_git() -> None:
    written = re.findall(r"--report (\S+)", README)

    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert all(f"/{name}" in ignored for name in written if name.endswith(".html"))


@pytest.mark.parametrize("page", ["README.md", "docs/tutorials/index.md"])
def test_what_tutorials_link_to_lies_below_the_folder_that_jupyter_shows(page: str) -> None:
    """A server shows nothing above the folder it was started in, or was given."""
    (folder,) = re.findall(r"jupyter lab([^`\n#]*)", (ROOT / page).read_text(encoding="utf-8"))
    root = (ROOT / folder.strip()).resolve()
    links = {
        (path.parent / link).resolve()
        for path in (ROOT / "notebooks").glob("*.ipynb")
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8"))
    }

    assert len(links) > 10
    assert [link for link in links if not link.is_relative_to(root) or not link.exists()] == []
