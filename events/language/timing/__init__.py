"""Delays and sending windows: their values, the wire form, and their moments. Reads no clock:
moments are passed in, and all are aware.
"""

from events.language.timing.delays import (
    ATTRIBUTE_MARK,
    LATEST,
    Action,
    Delay,
    Due,
    Duration,
    Missing,
    PastDue,
    Source,
    UntilDate,
    UntilWeekday,
    after,
    attribute_of,
    awaited,
    mark_of,
    resolve,
)
from events.language.timing.parsing import (
    WORDS,
    has_own_delay,
    parse_delay,
    parse_length,
    parse_sending_window,
)
from events.language.timing.windows import Day, SendingWindow, next_open, zone_for, zone_of
from events.language.timing.wire import delay_as_wire, length_as_wire, window_as_wire

__all__ = [
    "ATTRIBUTE_MARK", "LATEST", "WORDS", "Action", "Day", "Delay", "Due", "Duration", "Missing",
    "PastDue", "SendingWindow", "Source", "UntilDate", "UntilWeekday", "after", "attribute_of",
    "awaited", "delay_as_wire", "has_own_delay", "length_as_wire", "mark_of", "next_open",
    "parse_delay", "parse_length", "parse_sending_window", "resolve", "window_as_wire", "zone_for",
    "zone_of",
]  # fmt: skip
