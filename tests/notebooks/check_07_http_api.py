"""What has to hold after the tutorial on HTTP."""


def a_request_that_fails_says_why(item, missing, *, after="cell-05"):
    assert item.ok
    assert missing.failure == "HTTP 404"


def items_that_are_not_sold_are_the_only_error(run, *, after="cell-11"):
    assert run.results.errors["error"].tolist() == ["StatusError: HTTP 404"]


def the_shop_counts_the_same(statuses, run, shop, by_hand, *, after="cell-13"):
    assert statuses.sum() == len(run.results.actions) == shop.counters().requests - by_hand


def each_customer_has_one_connection(counters, *, after="cell-15"):
    assert counters["http.connections"] == 40


def the_till_sells_two_hundred(checkout, *, after="cell-23"):
    sold = checkout["rate"].iloc[1:-1].max()

    assert 150 < sold < 220


def few_customers_hide_the_freeze(paid, *, after="cell-28"):
    slow = {n: each["response_time"].quantile(0.9) for n, each in paid.items()}

    assert slow[300] > 0.5 > slow[10], slow


def the_feed_is_read_without_a_failure(run, *, after="cell-31"):
    assert run.results.actions["ok"].all()
    lines = run.results.actions["name"].value_counts()
    # Ten users read twenty feeds each, of twenty lines.
    assert (lines["first line"], lines["next line"]) == (200, 3_800)


def nothing_is_left_open(shop, *, after="cell-33"):
    assert shop.stop().open == 0
