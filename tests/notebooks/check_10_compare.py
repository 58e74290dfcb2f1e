"""What has to hold after the tutorial on comparing runs."""


def the_slower_version_does_not_pass(frame, *, after="cell-07"):
    assert frame.attrs["answer"] in {"fail", "cannot tell"}, frame.attrs


def the_archive_keeps_what_was_done(calls, *, after="cell-11"):
    assert [call["verb"] for call in calls] == ["update", "stop"]
