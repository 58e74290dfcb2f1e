"""What has to hold after the tutorial on results."""


def the_freeze_is_found(slow, *, after="cell-12"):
    assert len(slow) > 100
    assert slow["response_time"].max() > 0.8


def the_server_stood_still_when_users_waited(joined, began, *, after="cell-15"):
    lowest = joined.loc[joined["forwarded_per_s"].idxmin()]

    assert abs(lowest["window_at"] - began) < 2.5, joined


def both_sides_count_the_same(counters, counts, *, after="cell-17"):
    assert counters["received"] == counts.forwarded


def the_slower_release_is_not_called_faster(row, *, after="cell-22"):
    assert row["outcome"] in {"higher", "too little"}, row
