"""The image of Binder gets what the project allows, in versions that are written down."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = (BINDER / "requirements.txt").read_text(encoding="utf-8")


def wanted(extras: list[str]) -> list[Requirement]:
    """Return what the project asks for with `extras`, those that an extra names included."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    requirements = [Requirement(line) for line in lines]
    inner = [e for it in requirements if it.name == PROJECT["name"] for e in it.extras]
    ours = [it for it in requirements if it.name != PROJECT["name"]]
    return ours + (wanted(inner) if inner else [])


def test_every_package_that_is_asked_for_is_pinned_to_a_version_that_is_allowed() -> None:
    lines = (BINDER / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    named = re.search(r"^\.\[(.*)\]$", REQUIREMENTS, re.MULTILINE)
    assert named is not None

    for requirement in wanted(named[1].split(",")):
        version = pins[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, requirement


def test_it_installs_the_project_itself_with_the_constraints() -> None:
    assert "\n-c constraints.txt\n" in REQUIREMENTS
    assert re.search(r"^\.\[.*lab.*\]$", REQUIREMENTS, re.MULTILINE)


def test_it_runs_a_python_that_the_project_supports() -> None:
    name, _, version = (BINDER / "runtime.txt").read_text(encoding="utf-8").strip().partition("-")

    assert name == "python"
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_its_script_can_be_executed() -> None:
    assert os.access(BINDER / "postBuild", os.X_OK)


def test_it_opens_at_a_page_whose_links_and_picture_are_there() -> None:
    badge = (BINDER / "badge.md").read_text(encoding="utf-8")
    (opened,) = re.findall(r"urlpath=lab/tree/([\w./]+)\)", badge)
    page = ROOT / opened
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)

    assert "![" in text
    assert [link for link in links if not (page.parent / link).is_file()] == []


def test_the_place_for_the_name_of_the_repository_is_in_one_file() -> None:
    holders = [
        path.name
        for path in [ROOT / "README.md", *BINDER.iterdir(), *(ROOT / "docs").rglob("*.md")]
        if "OWNER/REPOSITORY" in path.read_text(encoding="utf-8")
    ]

    assert holders == ["badge.md"]


def test_its_settings_go_where_jupyter_reads_them(tmp_path: Path) -> None:
    lines = (BINDER / "postBuild").read_text(encoding="utf-8").splitlines()
    installs = "\n".join(line for line in lines if line.startswith("install "))

    subprocess.run(["bash", "-euc", f"prefix={tmp_path}\n{installs}"], cwd=ROOT, check=True)

    settings = json.loads((tmp_path / "share/jupyter/lab/settings/overrides.json").read_text())
    assert "@jupyterlab/docmanager-extension:plugin" in settings
