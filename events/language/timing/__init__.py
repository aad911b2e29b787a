"""When: delays and sending windows, under one name.

They are in `delays` and `windows`; what callers send is in `timing_parsing` and `timing_wire`.
No clock is read here: moments are passed in, and every moment is aware.
"""

from events.language.timing.delays import (
    Action,
    Delay,
    Due,
    Duration,
    Missing,
    PastDue,
    Source,
    UntilDate,
    UntilWeekday,
    resolve,
)
from events.language.timing.parsing import (
    has_own_delay,
    parse_delay,
    parse_length,
    parse_sending_window,
)
from events.language.timing.windows import Day, SendingWindow, next_open, zone_for, zone_of
from events.language.timing.wire import delay_as_wire, length_as_wire, window_as_wire

__all__ = [
    "Action", "Day", "Delay", "Due", "Duration", "Missing", "PastDue", "SendingWindow", "Source",
    "UntilDate", "UntilWeekday", "delay_as_wire", "has_own_delay", "length_as_wire", "next_open",
    "parse_delay", "parse_length", "parse_sending_window", "resolve", "window_as_wire", "zone_for",
    "zone_of",
]  # fmt: skip
