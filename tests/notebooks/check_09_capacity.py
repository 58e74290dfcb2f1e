"""What has to hold after the tutorial on capacity."""


def the_search_has_taken_steps(capacity, *, after="cell-05"):
    assert len(capacity.steps) >= 1  # on a busy machine the first may be the last
    assert {"load", "answer", "goodput"} <= set(capacity.steps.columns)
