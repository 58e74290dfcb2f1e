"""What has to hold after the tutorial on nodes."""


def users_of_the_dead_kernel_are_lost(run, FRIENDS, *, after="cell-18"):  # noqa: N803
    users, actions = run.results.users, run.results.actions

    assert users["user_id"].tolist() == list(range(1, FRIENDS + 5))
    assert set(users["outcome"]) == {"lost", "left"}
    assert set(users[users["node"] == "one"]["outcome"]) == {"lost"}
    assert set(actions["node"]) == {"one", "two"}
    assert (actions["response_time"] < 1).mean() > 0.9


def the_verdict_counts_the_lost(run, *, after="verdict"):
    assert run.results.verdict.state in {"suspect", "invalid"}
