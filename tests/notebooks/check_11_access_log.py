"""What has to hold after the tutorial on access logs."""


def every_request_of_the_log_is_made_once(run, planned, *, after="cell-09"):
    assert len(run.results.actions) == len(planned), run.results.summary()


def nothing_is_asked_in_the_silence(asked, *, after="cell-09"):
    """From second 20 to 28 of the log, but for the tail of the rush; a tenth of that here."""
    late = asked[(asked > 2.3) & (asked < 2.75)]

    assert late.empty, late
