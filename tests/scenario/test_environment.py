"""Text becomes values by the setting's own trait, and never in silence by nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import (
    Any,
    Bool,
    Bytes,
    Dict,
    Enum,
    Float,
    Int,
    List,
    Set,
    TraitType,
    Tuple,
    Unicode,
    Union,
)

from murmur.errors import InvalidSettingError, UnknownSettingError
from murmur.scenario import EnvironmentWarning, Scenario, parse_settings, read_text, resolve

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
)
TERMS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


class Chat(Scenario):
    host = Unicode("localhost", help="host to connect to")
    port = Int(8888, min=1, max=65535, help="port to connect to")
    token = Unicode("", help="password").tag(secret=True)
    key = Int(0, help="secret number").tag(secret=True)

    async def start(self, user): ...


def values_of(environment: dict[str, str], **given: object) -> dict[str, object]:
    return resolve(Chat, given, environment=environment).values


@given(TERMS)
def test_env_1_a_printed_term_is_read_back(term):
    """ENV-1."""
    assert read_text(Any(), repr(term)) == term


@given(st.text())
def test_env_1_text_may_stand_in_quotes(text):
    """ENV-1."""
    assert read_text(Unicode(), repr(text)) == text


@given(st.text(min_size=1).filter(lambda text: text[0] not in {"'", '"', "~"}))
def test_env_1_text_needs_no_quotes(text):
    """ENV-1; in amoc a forgotten inner quote gives an atom (section 6.11)."""
    assert read_text(Unicode(), text) == text


@given(st.integers())
def test_env_1_an_integer_is_read_back(number):
    """ENV-1."""
    assert read_text(Int(), str(number)) == number


@given(st.floats(allow_nan=False))
def test_env_1_a_float_is_read_back_also_an_infinite_one(number):
    """ENV-1."""
    assert read_text(Float(), repr(number)) == number


@pytest.mark.parametrize(
    ("trait", "text", "value"),
    [
        (Int(), "0x10", 16),
        (Int(), "1e3", 1000.0),
        (Float(), "inf", math.inf),
        (Bool(), "True", True),
        (Bool(), "0", False),
        (Unicode(), "it's", "it's"),
        (Unicode(), "'a' and 'b'", "'a' and 'b'"),
        (Unicode(), "8888", "8888"),
        (Unicode(), '"', '"'),
        (Unicode(allow_none=True), "None", None),
        (Bytes(), "plain", b"plain"),
        (Bytes(), "b'\\x00'", b"\x00"),
        (Any(), "[1, 2]", [1, 2]),
        (Any(), "neither literal nor quoted", "neither literal nor quoted"),
        (List(Int()), "[1, 2]", [1, 2]),
        (Tuple(), "(1, 'a')", (1, "a")),
        (Set(), "{1}", {1}),
        (Dict(), "{'a': 1}", {"a": 1}),
        (Enum(["a", 2]), "a", "a"),
        (Enum(["a", 2]), "2", 2),
        (Union([Int(), Unicode()]), "12", 12),
        (Union([Int(), Unicode()]), "twelve", "twelve"),
    ],
)
def test_the_trait_reads_the_text_and_else_it_is_a_literal(trait, text, value):
    assert read_text(trait, text) == value


@pytest.mark.parametrize(
    ("trait", "text"),
    [(Int(), "12x"), (Float(), "__import__('os')"), (Bool(), "perhaps"), (List(), "[1, 2")],
)
def test_text_that_is_nothing_of_the_kind_is_an_error(trait, text):
    with pytest.raises(ValueError, match="expected "):
        read_text(trait, text)


def test_a_trait_of_the_users_own_reads_and_complains_in_its_own_words():
    class Even(TraitType):
        def from_string(self, s):
            return int(s) * 2

    assert read_text(Even(), "4") == 8


def test_env_2_a_variable_that_is_set_wins_over_the_default():
    """ENV-2."""
    assert values_of({"AMOC_PORT": "80", "AMOC_HOST": "example.org"})["port"] == 80


@pytest.mark.parametrize("environment", [{}, {"AMOC_PORT": ""}])
def test_env_2_unset_and_empty_are_the_same(environment):
    """ENV-2."""
    assert values_of(environment)["port"] == 8888


def test_env_3_a_parser_of_ones_own_is_called_once_with_the_raw_text():
    """ENV-3."""
    asked = []

    def parse(text: str) -> object:
        asked.append(text)
        return 7

    environment = {"AMOC_PORT": " seven ", "AMOC_HOST": ""}
    values = resolve(Chat, {}, environment=environment, parse=parse).values

    assert (values["port"], asked) == (7, [" seven "])


def test_env_3_an_error_of_the_parser_falls_back_to_the_default_and_is_told():
    """ENV-3, CFG-3."""

    def parse(text: str) -> object:
        raise RuntimeError("no such number: " + text)

    resolved = resolve(Chat, {}, environment={"AMOC_PORT": "seven"}, parse=parse)

    assert (resolved.values["port"], resolved.sources["port"]) == (8888, "default")
    assert [str(warning) for warning in resolved.warnings] == [
        "AMOC_PORT='seven' is not usable (no such number: seven); setting 'port' keeps its default"
    ]


def test_env_3_a_value_of_the_parser_that_does_not_fit_is_never_ignored():
    """ENV-3."""
    with pytest.raises(InvalidSettingError, match="AMOC_PORT"):
        resolve(Chat, {}, environment={"AMOC_PORT": "7"}, parse=str)


@pytest.mark.parametrize(("text", "warnings"), [("80", 1), ("", 0), (None, 0)])
def test_env_4_a_parser_that_is_none_falls_back_to_the_defaults(text, warnings):
    """ENV-4."""
    environment = {} if text is None else {"AMOC_PORT": text}
    resolved = resolve(Chat, {}, environment=environment, parse="no such parser")

    assert resolved.values["port"] == 8888
    assert len(resolved.warnings) == warnings


def test_text_that_cannot_be_read_gives_the_default_and_a_warning():
    """Section 6.11; amoc tells it in an event only."""
    resolved = resolve(Chat, {}, environment={"AMOC_PORT": "80a"})
    (warning,) = resolved.warnings

    assert resolved.values["port"] == 8888
    assert (warning.name, warning.variable) == ("port", "AMOC_PORT")
    assert (warning.text, warning.error) == ("80a", "expected an int")
    with pytest.warns(EnvironmentWarning, match="AMOC_PORT='80a'"):
        warn(warning)


def warn(warning: EnvironmentWarning) -> None:
    import warnings

    warnings.warn(warning, stacklevel=2)


def test_a_value_out_of_range_is_refused_by_the_name_of_its_variable():
    with pytest.raises(InvalidSettingError) as caught:
        values_of({"AMOC_PORT": "0"})

    assert str(caught.value) == (
        "setting 'port' does not accept 0: (from AMOC_PORT) expected an int from 1 to 65535"
    )


def test_a_variable_that_an_argument_overrules_is_not_even_read():
    resolved = resolve(Chat, {"port": 1}, environment={"AMOC_PORT": "nonsense"})

    assert (resolved.values["port"], resolved.warnings) == (1, ())


def test_the_text_of_a_secret_is_in_no_warning():
    resolved = resolve(Chat, {}, environment={"AMOC_KEY": "hunter2"})

    assert "hunter2" not in repr(resolved.warnings)
    assert "hunter2" not in str(resolved.warnings[0])


def test_scn_4_a_variable_nobody_declares_is_no_setting():
    """SCN-4."""
    assert "undeclared" not in values_of({"AMOC_UNDECLARED": "1"})


def test_settings_typed_as_text_are_read_alike():
    assert parse_settings(Chat, {"port": "80", "host": "", "user_rate": "inf"}) == {
        "port": 80,
        "host": "",
        "user_rate": math.inf,
    }


def test_settings_typed_as_text_are_refused_all_at_once():
    texts = {"prot": "80", "port": "eighty", "key": "hunter2"}
    with pytest.raises(UnknownSettingError) as caught:
        parse_settings(Chat, texts)

    assert isinstance(caught.value, InvalidSettingError)
    assert caught.value.problems == (
        "unknown setting 'prot'; did you mean 'port'?",
        "setting 'port' does not accept 'eighty': expected an int",
        "setting 'key' does not accept '***': the text cannot be read",
    )
