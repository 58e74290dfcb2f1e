"""A line becomes words: quotes hold, variables are looked up, nothing is evaluated."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from murmur.jupyter import split_words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("add 50", ["add", "50"]),
        ("  do   Chat\t100 ", ["do", "Chat", "100"]),
        ("do Chat url='http://a b/'", ["do", "Chat", "url=http://a b/"]),
        ('do Chat label="it\'s"', ["do", "Chat", "label=it's"]),
        ("do Chat label=''", ["do", "Chat", "label="]),
        ("add 50  # fifty more", ["add", "50"]),
        ("add 50 # it's fifty", ["add", "50"]),
        ("do Chat url=http://a/#top", ["do", "Chat", "url=http://a/#top"]),
        (r"describe C:\load\chat.py", ["describe", r"C:\load\chat.py"]),
        ("", []),
    ],
)
def test_splits_at_blanks_outside_quotations(line, words):
    assert split_words(line, {}) == words


def test_variables_stand_for_their_text():
    names = {"n": 50, "host": "a b"}

    assert split_words("add $n", names) == ["add", "50"]
    assert split_words("add {n}", names) == ["add", "50"]
    assert split_words("url=http://$host/{n}", names) == ["url=http://a b/50"]


def test_unknown_variables_and_doubled_dollars_stay():
    assert split_words("a=$nobody b={nobody} c=$$n", {"n": 1}) == [
        "a=$nobody",
        "b={nobody}",
        "c=$n",
    ]


def test_an_expression_stands_for_its_value_in_one_word():
    words = split_words("do Chat {2 * n} label={' '.join(parts)}", {"n": 3, "parts": ["a", "'b"]})

    assert words == ["do", "Chat", "6", "label=a 'b"]


def test_what_is_no_expression_stays():
    words = split_words("""do {gone} a="{'x': 1}" b={}""", {})

    assert words == ["do", "{gone}", "a={'x': 1}", "b={}"]


def test_a_placeholder_in_the_name_of_an_action_is_no_builtin_of_python():
    line = 'check "p99(GET /items/{id}/{type}) < 1s"'

    assert split_words(line, {}) == ["check", "p99(GET /items/{id}/{type}) < 1s"]
    assert split_words(line, {"id": 7})[1] == "p99(GET /items/7/{type}) < 1s"


def test_nothing_is_evaluated_without_names():
    assert split_words("add {1+1}", None) == ["add", "{1+1}"]


def test_an_open_quotation_is_refused():
    with pytest.raises(UsageError, match="a quotation is not closed"):
        split_words("do Chat label='x", {})
