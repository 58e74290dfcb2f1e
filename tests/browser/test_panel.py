"""A person steers and watches a run from the panel, in a real front end."""

from __future__ import annotations


def test_a_run_from_start_to_stop(open_notebook, picture, until):
    notebook = open_notebook("session.panel()")
    notebook.run(1)
    notebook.panel.wait_for()
    notebook.fill("Users", "80")
    notebook.fill("Arrivals", "6000")
    notebook.button("Start").click()
    until(lambda: notebook.state == "running", story=lambda: notebook.said)
    until(lambda: notebook.figure("Users running") == 80)
    until(lambda: notebook.figure("Throughput") > 100)
    notebook.page.wait_for_timeout(6000)
    picture("running")
    assert notebook.page.errors == []
