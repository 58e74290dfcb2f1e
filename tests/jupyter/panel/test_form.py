"""The form is made of the traits, and what is typed is read by them."""

from __future__ import annotations

import pytest

from murmur.errors import InvalidSettingError, ReadOnlySettingError, combine
from murmur.jupyter.panel import fields, problems, read


@pytest.fixture
def form(chat):
    return {field["name"]: field for field in fields(chat)}


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("port", "slider", "8888"),
        ("pace", "number", "1"),
        ("tone", "select", "polite"),
        ("tls", "checkbox", "false"),
        ("password", "password", ""),
        ("host", "text", ""),
        ("grace", "number", "2"),
    ],
)
def test_a_setting_has_the_input_of_its_kind(form, name, kind, text):
    assert (form[name]["kind"], form[name]["text"]) == (kind, text)


def test_the_rate_of_arrivals_has_an_input_of_its_own(form):
    assert "user_rate" not in form


def test_a_slider_of_real_numbers_stops_at_round_ones(form):
    assert (form["share"]["min"], form["share"]["max"], form["share"]["step"]) == (0, 1, 0.001)


def test_a_dropdown_has_the_allowed_values(form):
    assert form["tone"]["choices"] == ["polite", "loud"]


def test_what_may_change_and_what_is_needed_is_marked(form):
    assert [name for name, field in form.items() if field["live"]] == ["pace", "share", "tone"]
    assert [name for name, field in form.items() if field["required"]] == ["host"]


def test_the_environment_is_what_a_start_would_use(chat, monkeypatch):
    monkeypatch.setenv("AMOC_PORT", "80")

    assert fields(chat)[0]["text"] == "80"


def test_values_in_force_are_shown_and_a_secret_never_is(chat):
    shown = {
        field["name"]: field["text"] for field in fields(chat, {"pace": 0.25, "password": "x"})
    }

    assert (shown["pace"], shown["password"]) == ("0.25", "")


def test_texts_are_read_by_the_traits(chat):
    typed = {"port": "80", "pace": "inf", "tone": "loud", "tls": "true", "host": "'a'"}

    assert read(chat, typed) == {
        "port": 80,
        "pace": float("inf"),
        "tone": "loud",
        "tls": True,
        "host": "'a'",  # text is text, quotes and all
    }


def test_what_cannot_be_read_is_left_for_the_session_to_refuse(chat):
    assert read(chat, {"port": "soon", "pace": "2"}) == {"port": "soon", "pace": 2.0}


def test_problems_are_told_by_setting():
    invalid = InvalidSettingError([("port", 0, "too small"), ("pace", -1, "negative")])
    locked = ReadOnlySettingError(["host"])

    assert problems(combine([invalid, locked])) == {
        "host": "it may not change while the run is on",
        "port": "too small",
        "pace": "negative",
    }
