"""Labels get small numbers, and no more of them than allowed."""

from __future__ import annotations

import enum
import threading
import weakref

import numpy as np

from murmur.telemetry import OTHER, Codes, Labels, Names


def test_a_label_keeps_its_code():
    codes = Codes(10, OTHER)

    assert [codes["echo"], codes["login"], codes["echo"]] == [1, 2, 1]
    assert codes.labels() == (OTHER, "echo", "login")


def test_beyond_the_limit_labels_share_the_code_of_the_others():
    codes = Codes(2, OTHER)

    assert [codes[f"name {number}"] for number in range(5)] == [1, 2, 0, 0, 0]
    assert len(codes) == 3


class _Page(str, enum.Enum):  # noqa: UP042 - a StrEnum would print as its value
    HOME = "home"


def test_a_name_is_text_whatever_was_given():
    names = Names(10, OTHER)

    given = [1, True, 1.0, None, "None", _Page.HOME, "home", "caf\u00e9", "\ud800"]
    assert [names[name] for name in given] == [1, 2, 3, 4, 4, 5, 5, 6, 7]
    labels = names.labels()
    assert labels == (OTHER, "1", "True", "1.0", "None", "home", "caf\u00e9", "\\ud800")
    assert {type(label) for label in labels} == {str}


def test_names_hold_on_to_no_object():
    class Thing:
        def __str__(self) -> str:
            return "gone"

    names = Names(10, OTHER)
    thing = Thing()
    gone = weakref.ref(thing)
    assert names[thing] == names["gone"] == 1

    del thing
    assert gone() is None


def test_threads_that_meet_the_same_labels_agree_on_their_codes():
    codes = Codes(5000, OTHER)
    answers: list[list[int]] = [[], [], []]
    barrier = threading.Barrier(3)

    def look_up(answer: list[int]) -> None:
        barrier.wait()
        answer.extend(codes[str(number)] for number in range(1000))

    threads = [threading.Thread(target=look_up, args=(answer,)) for answer in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers[0] == answers[1] == answers[2]
    labels = codes.labels()
    assert [labels[code] for code in answers[0]] == [str(number) for number in range(1000)]


def test_a_column_keeps_only_the_labels_it_uses():
    column = Labels.used(np.array([3, -1, 1, 3]), ["a", "b", "c", "d"])

    assert column.labels == ("b", "d")
    assert column.codes.tolist() == [1, -1, 0, 1]
    assert column.decode() == ["d", None, "b", "d"]


def test_an_empty_column_has_no_labels():
    column = Labels.used(np.empty(0, np.int16), ["a"])

    assert (len(column), column.labels, column.decode()) == (0, (), [])
