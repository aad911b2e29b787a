"""When a delay is over and a sending window opens, across changes of the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given

from events.language import timing
from events.language.timing import (
    Delay,
    Due,
    Duration,
    Missing,
    PastDue,
    SendingWindow,
    UntilDate,
    UntilWeekday,
    delay_as_wire,
    parse_delay,
    parse_sending_window,
    resolve,
    window_as_wire,
)
from subscribers.wire.payloads import InvalidRequest
from tests.support.drawn import DELAYS, WINDOWS

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
UTC_ZONE = ZoneInfo("UTC")
SINCE = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = 3_600_000
DAY = 24 * HOUR


def utc(text: str) -> datetime:
    """Return a moment written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def outcome(delay: Delay, zone: ZoneInfo = BERLIN, **attributes: Any) -> Due | PastDue | Missing:
    """Resolve a delay against attributes and an event of noon."""
    event = {"at": "2026-02-01T12:00:00Z"}
    return resolve(delay, since=SINCE, zone=zone, event_properties=event, attributes=attributes)


def faults_of(raw: dict[str, Any]) -> dict[str, str]:
    """Return the faults of a delay by path."""
    with pytest.raises(InvalidRequest) as caught:
        parse_delay(raw, path="steps[3]")
    return {fault.path: fault.message for fault in caught.value.faults}


def test_a_duration_counts_from_the_moment_passed_in() -> None:
    assert outcome(Duration(2 * DAY + 1)) == Due(SINCE + timedelta(days=2, milliseconds=1))
    assert outcome(Duration(0)) == Due(SINCE)


def test_a_date_comes_from_the_event_or_the_subscriber() -> None:
    of_event = UntilDate("at", offset_milliseconds=-HOUR)
    of_person = UntilDate("trial.ends", source="subscriber", offset_milliseconds=HOUR)

    assert outcome(of_event) == Due(utc("2026-02-01 11:00"))
    assert outcome(of_person, trial={"ends": "2026-02-02T10:00:00+02:00"}) == Due(
        utc("2026-02-02 09:00")
    )


def test_a_plain_date_is_midnight_in_the_zone_and_its_offset_keeps_to_the_clock() -> None:
    plain = UntilDate("day", source="subscriber")
    day_before = UntilDate("day", source="subscriber", offset_milliseconds=-DAY)

    assert outcome(plain, day="2026-03-30") == Due(utc("2026-03-29 22:00"))
    # Midnight of the 29th is before the change to summer time, so 23 hours earlier.
    assert outcome(day_before, day="2026-03-30") == Due(utc("2026-03-28 23:00"))


def test_a_date_that_is_over_and_one_that_is_not_there_have_their_actions() -> None:
    delay = UntilDate("day", source="subscriber", missing_action="exit", past_action="skip")

    assert outcome(delay, day="2026-01-31") == PastDue("skip")
    assert outcome(delay, day="2026-01-31T12:00:00Z") == Due(SINCE)
    assert outcome(delay) == Missing("exit")


@pytest.mark.parametrize(
    "value",
    [None, "", "soon", 99_999_999, 10**13, "24.12.2026", True, {}, [], "2026-02-30",
     "2026-W05-01", "20260301", "2026-03-01T10:00:00", "0001-01-01", "9999-12-31",
     "9999-12-31T23:59:59Z"],
)  # fmt: skip
def test_what_is_no_date_is_missing(value: Any) -> None:
    far = 365 if str(value).startswith("9999") else -365
    delay = UntilDate("day", source="subscriber", offset_days=far, missing_action="skip")

    assert outcome(delay, day=value) == Missing("skip", is_unreadable=value not in (None, ""))


@pytest.mark.parametrize("at", [1_798_131_600, 1_798_131_600_000, "1798131600"])
def test_unix_times_are_dates(at: Any) -> None:
    assert outcome(UntilDate("at", source="subscriber"), at=at) == Due(utc("2026-12-24 17:00"))


@pytest.mark.parametrize("before", ["2026-03-28 09:30", "2026-10-24 09:30"])
def test_days_keep_the_time_of_the_clock_and_hours_are_hours(before: str) -> None:
    since = datetime.fromisoformat(before).replace(tzinfo=BERLIN).astimezone(UTC)

    def end_of(**length: int) -> str:
        delay = parse_delay(length, path="d")
        found = resolve(delay, since=since, zone=BERLIN, event_properties={}, attributes={})
        assert isinstance(found, Due)
        return found.at.astimezone(BERLIN).strftime("%H:%M")

    is_spring = since.month == 3
    assert end_of(days=1) == "09:30"
    assert end_of(days=1, hours=2) == "11:30"
    assert end_of(hours=24) == end_of(delayMs=DAY) == ("10:30" if is_spring else "08:30")


def test_the_days_of_an_offset_keep_the_time_of_the_clock() -> None:
    delay = UntilDate("at", source="subscriber", offset_days=-1)

    assert outcome(delay, at="2026-03-29T07:30:00Z") == Due(utc("2026-03-28 08:30"))


@pytest.mark.parametrize(
    ("born", "returns"),
    [
        ("1990-12-24", "2026-12-23 23:00"),
        ("1990-01-30", "2027-01-29 23:00"),
        ("1992-02-29", "2026-02-27 23:00"),
        ("2028-02-29", "2028-02-28 23:00"),
        ("1990-12-24T18:30:00Z", "2026-12-24 18:30"),
    ],
)
def test_an_anniversary_is_the_next_return_of_the_date(born: str, returns: str) -> None:
    delay = UntilDate("born", source="subscriber", anniversary=True)

    assert outcome(delay, born=born) == Due(utc(returns))


def test_an_offset_moves_an_anniversary() -> None:
    delay = UntilDate("born", source="subscriber", offset_days=-7, anniversary=True)

    # The week before the return of this year is over.
    assert outcome(delay, born="1990-02-03") == Due(utc("2027-01-26 23:00"))
    assert outcome(delay, born="1990-02-10") == Due(utc("2026-02-02 23:00"))


def test_a_weekday_with_a_start_alone_is_a_moment() -> None:
    monday = UntilWeekday(days=("monday",), start="09:00", end="", timezone="Europe/Berlin")

    def ends(since: str) -> Due | PastDue | Missing:
        return resolve(monday, since=utc(since), zone=UTC_ZONE, event_properties={}, attributes={})

    assert ends("2026-02-02 14:00") == Due(utc("2026-02-09 08:00"))
    assert ends("2026-02-02 08:00") == Due(utc("2026-02-02 08:00"))
    assert ends("2026-03-23 08:01") == Due(utc("2026-03-30 07:00"))


def test_until_a_weekday_is_at_once_within_its_hours() -> None:
    saturday_noon = UntilWeekday(days=("saturday",), start="13:00", end="14:00")
    monday = UntilWeekday(days=("monday",), start="09:00", timezone="America/New_York")

    assert outcome(saturday_noon) == Due(SINCE)
    assert outcome(monday) == Due(utc("2026-02-02 14:00"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"days": 3}, Duration(days=3)),
        ({"days": 1, "hours": 2.0, "minutes": 1}, Duration(2 * HOUR + 60_000, days=1)),
        ({"delayMs": 1500}, Duration(1500)),
        ({"mode": "duration", "minutes": 0}, Duration(0)),
        ({"delay": {"days": 365}}, Duration(days=365)),
        ({"delay": None, "hours": 1}, Duration(HOUR)),
        (
            {"mode": "until_date", "field": "at", "source": "subscriber", "offset": -5,
             "missingAction": "exit", "pastAction": "skip"},
            UntilDate("at", "subscriber", -5, "exit", "skip"),
        ),
        (
            {"delay": {"mode": "until_date", "untilDateField": "a.b", "days": 1, "hours": 1,
                       "untilDateSource": "event", "untilOffsetDirection": "before",
                       "untilMissingAction": "skip", "untilPastAction": "exit"}},
            UntilDate("a.b", "event", -HOUR, "skip", "exit", offset_days=-1),
        ),
        ({"delay": {"untilDateField": "at"}}, UntilDate("at")),
        (
            {"waitUntil": {"field": "at", "direction": "before", "offset": {"days": 2}}},
            UntilDate("at", offset_days=-2),
        ),
        (
            {"waitUntil": {"field": "at", "direction": "after", "offset": 10}},
            UntilDate("at", "event", 10),
        ),
        (
            {"mode": "until_weekday", "days": ["Friday", "monday", "monday"],
             "startTime": "9:00", "endTime": "24:00", "timezone": "Europe/Berlin"},
            UntilWeekday(("monday", "friday"), "09:00", "00:00", "Europe/Berlin"),
        ),
        ({"days": ["sunday"]}, UntilWeekday(("sunday",))),
        ({"untilDays": ["sunday"], "untilStartTime": "09:00"},
         UntilWeekday(("sunday",), "09:00", "")),
        (
            {"waitUntil": {"field": "born", "source": "attribute", "anniversary": True}},
            UntilDate("born", "subscriber", anniversary=True),
        ),
        (
            {"waitUntilWeekday": {"timezoneSource": "fixed", "timezone": "Asia/Tokyo"}},
            UntilWeekday(timezone="Asia/Tokyo"),
        ),
        (
            {"delay": {"untilDays": ["sunday"], "untilStartTime": "10:00:00",
                       "untilEndTime": "11:30", "untilTimezone": "Asia/Tokyo",
                       "untilTimezoneSource": "custom"}},
            UntilWeekday(("sunday",), "10:00", "11:30", "Asia/Tokyo"),
        ),
        (
            {"waitUntilWeekday": {"timezoneSource": "workspace", "timezone": "Asia/Tokyo"}},
            UntilWeekday(timezone="workspace"),
        ),
        (
            {"waitUntilWeekday": {"timezoneSource": "subscriber", "timezone": "Asia/Tokyo"}},
            UntilWeekday(),
        ),
    ],
)  # fmt: skip
def test_every_spelling_of_a_delay_is_understood(raw: dict[str, Any], expected: Delay) -> None:
    assert parse_delay(raw, path="steps[0]") == expected


def test_the_fault_of_a_delay_names_the_field_and_the_limit() -> None:
    assert faults_of({"delay": {"days": 366, "hours": -1, "minutes": 1.5}}) == {
        "steps[3].delay.days": "must be a whole number from 0 to 365.",
        "steps[3].delay.hours": "must be a whole number from 0 to 8760.",
        "steps[3].delay.minutes": "must be a whole number from 0 to 525600.",
    }
    assert faults_of({"delayMs": True}) == {
        "steps[3].delayMs": "must be a whole number from 0 to 31536000000."
    }


@pytest.mark.parametrize(
    ("raw", "paths"),
    [
        ({}, ["steps[3]"]),
        ({"delay": {}}, ["steps[3].delay"]),
        ({"delay": 5}, ["steps[3].delay"]),
        ({"days": 365, "minutes": 1}, ["steps[3]"]),
        ({"delayMs": 1, "delay": {"days": 1}}, ["steps[3]"]),
        ({"mode": "later"}, ["steps[3].mode"]),
        ({"mode": "until_date"}, ["steps[3].field"]),
        ({"waitUntil": {"field": "a..b", "source": "x", "direction": "up"}},
         ["steps[3].waitUntil.field", "steps[3].waitUntil.source", "steps[3].waitUntil.direction"]),
        ({"waitUntil": {"field": "a", "offset": -1, "direction": "after"}},
         ["steps[3].waitUntil.offset"]),
        ({"waitUntil": {"field": "a", "offset": {"days": 400}}},
         ["steps[3].waitUntil.offset.days"]),
        ({"waitUntil": {"field": "a", "offset": 365 * DAY + 1}}, ["steps[3].waitUntil.offset"]),
        ({"waitUntil": {"field": "a", "pastAction": "stop", "missingAction": []}},
         ["steps[3].waitUntil.missingAction", "steps[3].waitUntil.pastAction"]),
        ({"waitUntilWeekday": {"days": ["mon"], "startTime": "25:00", "endTime": 9}},
         ["steps[3].waitUntilWeekday.days[0]", "steps[3].waitUntilWeekday.startTime",
          "steps[3].waitUntilWeekday.endTime"]),
        ({"waitUntilWeekday": {"days": [], "timezone": "Mars/Olympus"}},
         ["steps[3].waitUntilWeekday.days", "steps[3].waitUntilWeekday.timezone"]),
        ({"waitUntilWeekday": {"timezoneSource": "custom"}},
         ["steps[3].waitUntilWeekday.timezone"]),
    ],
)  # fmt: skip
def test_every_fault_of_a_delay_is_told(raw: dict[str, Any], paths: list[str]) -> None:
    assert sorted(faults_of(raw)) == sorted(paths)


def test_a_sending_window_may_be_off() -> None:
    assert parse_sending_window(None, path="w") is None
    assert parse_sending_window({"enabled": False, "days": "wrong"}, path="w") is None
    assert parse_sending_window({"days": ["monday"], "startTime": "09:00"}, path="w") == (
        SendingWindow(("monday",), "09:00", "00:00")
    )


@pytest.mark.parametrize("raw", [[], "on", {"enabled": "yes"}, {"startTime": "9"}, {"days": ["x"]}])
def test_a_bad_sending_window_is_refused(raw: Any) -> None:
    with pytest.raises(InvalidRequest):
        parse_sending_window(raw, path="sendingWindow")


@given(window=WINDOWS)
def test_a_window_comes_back_from_the_wire_and_from_storage(window: SendingWindow) -> None:
    assert parse_sending_window(window_as_wire(window), path="w") == window
    assert msgspec.convert(msgspec.to_builtins(window), SendingWindow) == window


@given(delay=DELAYS)
def test_a_delay_comes_back_from_the_wire_and_from_storage(delay: Delay) -> None:
    assert parse_delay(delay_as_wire(delay), path="d") == delay
    assert msgspec.json.decode(msgspec.json.encode(delay), type=timing.Delay) == delay


def test_a_length_is_written_in_the_largest_units_that_come_out_even() -> None:
    assert delay_as_wire(Duration(26 * HOUR, days=1)) == {"days": 1, "hours": 26}
    assert delay_as_wire(Duration(90_001)) == {"delayMs": 90_001}
    assert delay_as_wire(Duration(0)) == {"minutes": 0}
