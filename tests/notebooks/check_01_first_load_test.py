"""What has to hold after the first load test."""


def what_the_router_drops_is_counted(counts, *, after="cell-07"):
    assert (counts.forwarded, counts.spoofed, counts.absent) == (1, 1, 1), counts


def every_user_of_six_finishes(run, *, after="cell-13"):
    outcomes = run.results.users["outcome"].tolist()

    assert outcomes == ["finished"] * 6


def users_come_and_go_as_asked(run, *, after="cell-25"):
    outcomes = run.results.users["outcome"].value_counts()

    assert outcomes["left"] == 150, outcomes
    assert run.results.changes["what"].tolist()[:3] == ["users", "pace", "users"]


def every_user_of_five_thousand_finishes(run, *, after="cell-32"):
    outcomes = run.results.users["outcome"].value_counts()

    assert outcomes["finished"] == 5_000, outcomes


def both_sides_count_the_same(totals, forwarded, *, after="cell-39"):
    assert totals["received"] == forwarded
