"""Names of spans, counters and one event that murmur itself records."""

CUT_SHORT = "cut_short"
"""The span of an action that its user did not bring to an end, since it was due."""

NEVER_CAME = "never_came"
"""The span of a part of an action that began and did not end, such as the first event."""

ROWS_DONE = "log.rows"
"""The counter of requests of an access log that users took in hand."""

ROWS_GIVEN, ROWS_MISSED = "feeder.rows: ", "feeder.missed: "
"""Beginnings of the counters of rows that a feeder gave, and of users that it had none for and
that left, each with the name of the setting."""

EVENTS_LISTED, EVENTS_DUE = "timetable.listed: ", "timetable.due: "
"""Beginnings of the counters of events that a user of the node follows, and of those that came
due for one; each is counted once on a node, because nothing tells of what never came."""

OWN_COUNTERS = (ROWS_GIVEN, ROWS_MISSED, EVENTS_LISTED, EVENTS_DUE)
"""What the verdict's remarks are made of, and what no frame or exporter shows."""

STANDSTILL = "amoc.health.standstill"
"""The event that tells of a standstill that is over."""
