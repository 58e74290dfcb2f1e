"""What has to hold after the tutorial on throttles."""


def users_stand_in_line_above_the_rate(busy, *, after="cell-06"):
    assert busy.waiting > 20, busy
    assert busy.granted < busy.requested, busy


def a_pause_grants_nothing_and_keeps_the_line(paused, *, after="cell-31"):
    assert paused.paused
    assert paused.waiting == 50, paused


def no_window_holds_more_than_the_rate(granted, *, after="cell-34"):
    over = granted[granted["in window"] > granted["allowed"]]

    assert over.empty, over
    assert len(granted) > 300


def permits_are_on_time(granted, *, after="cell-38"):
    assert granted["lateness"].median() < 0.05
