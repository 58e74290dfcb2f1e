"""What has to hold after the tutorial on coordinators."""


def one_of_twenty_one_finds_no_partner(run, *, after="cell-05"):
    results = run.results

    assert results.users["outcome"].tolist() == ["finished"] * 21
    assert results.counters.query("name == 'alone'")["value"].sum() == 1


def rooms_hold_three_to_six(run, rooms, *, after="cell-13"):
    reported = run.results.counters.query("name == 'users in rooms'")

    assert rooms["count"].between(3, 6).all(), rooms
    assert reported["value"].sum() == 200


def all_groups_bid(spread, *, after="cell-19"):
    assert len(spread) == 4, spread
