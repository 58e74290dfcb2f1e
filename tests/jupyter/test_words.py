"""A line becomes words: quotes hold, variables are looked up, nothing is evaluated."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from murmur.jupyter._words import split_words


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


def test_an_expression_is_not_evaluated():
    assert split_words("add {n+1} {n.real}", {"n": 1}) == ["add", "{n+1}", "{n.real}"]


def test_an_open_quotation_is_refused():
    with pytest.raises(UsageError, match="a quotation is not closed"):
        split_words("do Chat label='x", {})
