"""A line of any colour of the palette stands out from a light page and from a dark one."""

from __future__ import annotations

import pytest

from murmur.charts import _theme as theme

PAGES = {"light": "#FFFFFF", "dark": "#111111"}


def luminance(colour: str) -> float:
    """Return the relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_is_that_of_the_standard():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("colour", [*theme.PALETTE, theme.GREY])
def test_every_colour_has_three_to_one(colour, page):
    assert contrast(colour, PAGES[page]) >= 3
