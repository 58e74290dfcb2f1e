"""What has to hold after the tutorial on language models."""


def the_model_is_measured_as_it_was_told_to_be(quiet, *, after="cell-05"):
    medians = quiet.spans.groupby("name", observed=True)["p50"].median()

    assert medians["answer.first_event"] >= 0.099
    assert medians["answer.event_gap"] >= 0.0198
    assert medians["answer.first_event"] > 2 * medians["answer.event_gap"]


def tokens_follow_the_questions_up_to_what_the_model_makes(loads, *, after="cell-09"):
    least, most = loads.iloc[0], loads.iloc[-1]

    assert 60 < least["tokens"] < 90  # 4 questions of 20 tokens
    assert least["in time"] > 0.8 * least["tokens"]  # all of them, if nothing else is on
    assert least["tokens"] < most["tokens"] < 345  # 8 answers at a time, each of 0.48 s
    assert most["in time"] < most["tokens"] / 2
    assert most["first token"] > max(0.5, 2 * least["first token"])
