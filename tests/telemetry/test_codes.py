"""Labels get small numbers, and no more of them than allowed."""

from __future__ import annotations

import threading

import numpy as np

from murmur.telemetry import Labels
from murmur.telemetry._codes import OTHER, Codes


def test_a_label_keeps_its_code():
    codes = Codes(10, OTHER)

    assert [codes["echo"], codes["login"], codes["echo"]] == [1, 2, 1]
    assert codes.labels() == (OTHER, "echo", "login")


def test_beyond_the_limit_labels_share_the_code_of_the_others():
    codes = Codes(2, OTHER)

    assert [codes[f"name {number}"] for number in range(5)] == [1, 2, 0, 0, 0]
    assert len(codes) == 3


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
