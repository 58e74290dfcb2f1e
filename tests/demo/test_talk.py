"""What a user of the chat says, hears and records."""

from __future__ import annotations

import pytest

from murmur.demo import Talk


@pytest.fixture
def user(make_user):
    return make_user(5)


@pytest.fixture
def talk(user) -> Talk:
    return Talk(user, neighbours=2, messages=10)


def message(**fields: object) -> dict[str, object]:
    return {"from": "4", "to": "5", "id": 1, "stamp": "of 4", "text": "hello", **fields}


def recipients(talk: Talk) -> set[str]:
    return {talk.write(0.0, 0.0)["to"] for _ in range(200)}


def test_it_writes_to_every_neighbour_and_never_to_itself(talk):
    assert recipients(talk) == {"3", "4", "6", "7"}


def test_there_is_no_neighbour_below_the_first_user(make_user):
    assert recipients(Talk(make_user(2), neighbours=3, messages=1)) == {"1", "3", "4", "5"}


def test_a_message_says_who_sent_it_and_bears_a_stamp(talk):
    written = talk.write(due_at=99.0, now=100.0)

    assert (written["from"], written["stamp"]) == ("5", "delivery of 5")
    assert len(written["text"]) == 20


def test_its_messages_have_different_numbers(talk):
    assert [talk.write(0.0, 0.0)["id"] for _ in range(3)] == [1, 2, 3]


def test_it_answers_who_wrote_and_names_the_message(talk):
    answer = talk.hear(message(id=42), now=101.0)

    assert (answer["from"], answer["to"], answer["answers"]) == ("5", "4", 42)


def test_it_does_not_answer_an_answer(talk):
    assert talk.hear(message(answers=7), now=101.0) is None


def test_it_does_not_answer_when_it_has_sent_all(make_user):
    assert Talk(make_user(5), neighbours=2, messages=0).hear(message(), now=101.0) is None


def test_answers_count_among_its_messages(talk, user):
    talk.write(0.0, 0.0)
    talk.hear(message(), now=101.0)

    assert talk.left == 8
    assert user.counted == {"sent": 2, "received": 1}


def test_the_stamp_of_what_is_heard_has_arrived(talk, user):
    talk.hear(message(stamp="delivery of 4"), now=100.25)

    assert user.arrivals == ["delivery of 4"]


def test_a_round_trip_counts_from_when_the_message_was_due(talk, user):
    written = talk.write(due_at=99.0, now=100.0)
    talk.hear(message(answers=written["id"]), now=101.0)

    assert user.recorded == [("round_trip", 2.0)]


def test_a_message_that_leaves_early_was_due_when_it_left(talk, user):
    written = talk.write(due_at=100.001, now=100.0)
    talk.hear(message(answers=written["id"]), now=100.0005)

    assert user.recorded == [("round_trip", 0.0005)]


def test_a_second_answer_to_one_message_is_no_round_trip(talk, user):
    written = talk.write(due_at=100.0, now=100.0)
    for _ in range(2):
        talk.hear(message(answers=written["id"]), now=101.0)

    assert [name for name, _ in user.recorded].count("round_trip") == 1


def test_it_counts_what_nobody_answered(talk, user):
    answered = talk.write(0.0, 0.0)
    talk.write(0.0, 0.0)
    talk.hear(message(answers=answered["id"]), now=101.0)
    talk.end()

    assert user.counted["unanswered"] == 1


def test_the_word_of_the_router_is_no_message(talk, user):
    assert talk.hear({"connected": "5"}, now=101.0) is None
    assert not user.counted
