"""The reference of charts shows a picture of each, and the pictures can be drawn anew."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from murmur import charts

DOCS = Path(__file__).parents[2] / "docs"
NOT_DRAWN = {"CHARTS", "draw", "plain", "together"}


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    source = DOCS / "extensions" / "pictures.py"
    specification = importlib.util.spec_from_file_location("pictures", source)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_chart_has_its_picture_under_its_heading() -> None:
    page = (DOCS / "reference" / "charts.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE))

    for name in set(charts.__all__) - NOT_DRAWN:
        assert f"](../images/charts/{name}.png)" in sections[name], name
        assert (DOCS / "images" / "charts" / f"{name}.png").exists(), name


@pytest.mark.slow
def test_the_pictures_are_of_the_charts_there_are(pictures: ModuleType) -> None:
    """Their pixels are not compared: fonts differ.  That each has its data is what matters."""
    drawn = pictures.pictures()

    assert set(drawn) == set(charts.__all__) - NOT_DRAWN
    assert {path.stem for path in pictures.FOLDER.glob("*.png")} == set(drawn)
    for name, chart in drawn.items():
        rows = max(map(len, chart.to_dict()["datasets"].values()))
        assert rows > 2, name
