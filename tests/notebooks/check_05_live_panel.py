"""What has to hold after the tutorial on the panel."""

import time


def _shows(panel, **expected):
    """Wait until the panel shows some numbers of users."""
    deadline = time.monotonic() + 60
    while any(panel.state["users"][name] != number for name, number in expected.items()):
        assert time.monotonic() < deadline, panel.state["users"]
        time.sleep(0.05)


def the_panel_shows_what_cells_did(panel, *, after="panel-10"):
    _shows(panel, running=80, target=80)
    changes = [change["what"] for change in panel.state["changes"]]

    assert panel.state["scenario"] == "Shop"
    assert changes == ["users", "pace", "throttle orders"]


def what_is_frozen_has_the_actions(panel, *, after="panel-14"):
    assert "order" in repr(panel.freeze())


def the_dashboard_shows_and_steers(running, rate, session, *, after="dashboard"):
    deadline = time.monotonic() + 60
    while running.value != 80 or rate.value != 60:
        assert time.monotonic() < deadline, (running.value, rate.value)
        time.sleep(0.05)
    rate.value = 90
    while session.throttles["orders"].statistics().rate != 90:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def nobody_is_left(panel, *, after="panel-16"):
    _shows(panel, running=0)
