"""When a sending window opens, across changes of the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.language.timing import SendingWindow, next_open, zone_for, zone_of
from tests.support.drawn import DAY_SETS, TIMES, WEEK, WINDOWS, ZONES

NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")
UTC_ZONE = ZoneInfo("UTC")
SINCE = datetime(2026, 1, 31, 12, tzinfo=UTC)


def utc(text: str) -> datetime:
    """Return a moment written in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def opens(start: str, end: str, at: str, *days: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    """Return when a window opens next."""
    window = msgspec.convert({"days": days or WEEK, "start": start, "end": end}, SendingWindow)
    return next_open(window, at=utc(at), zone=zone)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-07 12:00", "2026-03-07 14:00"),  # Saturday, EST
        ("2026-03-07 15:00", "2026-03-08 13:00"),  # Sunday, EDT
        ("2026-10-31 12:00", "2026-10-31 13:00"),  # Saturday, EDT
        ("2026-10-31 14:00", "2026-11-01 14:00"),  # Sunday, EST
    ],
)
def test_nine_in_new_york_is_nine_on_both_sides_of_the_changes(at: str, expected: str) -> None:
    assert opens("09:00", "10:00", at) == utc(expected)


def test_a_window_is_open_from_its_start_until_before_its_end() -> None:
    start, last = utc("2026-06-01 13:00"), utc("2026-06-01 13:59:59.999999")

    assert opens("09:00", "10:00", "2026-06-01 13:00") == start
    assert opens("09:00", "10:00", "2026-06-01 13:59:59.999999") == last
    assert opens("09:00", "10:00", "2026-06-01 14:00") == utc("2026-06-02 13:00")


def test_the_moment_itself_is_returned_while_the_window_is_open() -> None:
    at = datetime(2026, 6, 1, 9, 30, tzinfo=NEW_YORK)

    assert next_open(SendingWindow(start="09:00", end="10:00"), at=at, zone=NEW_YORK) is at


def test_a_start_that_the_clock_leaps_over_is_the_first_moment_after_it() -> None:
    assert opens("02:30", "05:00", "2026-03-08 05:00") == utc("2026-03-08 07:00")


def test_hours_that_the_clock_leaps_over_wholly_do_not_open_that_day() -> None:
    assert opens("02:10", "02:50", "2026-03-08 05:00") == utc("2026-03-09 06:10")
    assert opens("02:10", "02:50", "2026-03-08 05:00", "sunday") == utc("2026-03-15 06:10")


def test_a_start_that_exists_twice_opens_at_the_first() -> None:
    assert opens("01:30", "03:00", "2026-11-01 05:00") == utc("2026-11-01 05:30")


def test_an_end_that_exists_twice_closes_at_the_first() -> None:
    assert opens("00:30", "01:30", "2026-11-01 05:30") == utc("2026-11-02 05:30")


def test_a_leap_of_half_an_hour_and_one_at_midnight() -> None:
    lord_howe, sao_paulo = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/Sao_Paulo")

    # 2026-10-04 02:00 +10:30 becomes 02:30 +11:00; 2018-11-04 00:00 -03:00 becomes 01:00 -02:00.
    half = opens("02:15", "06:00", "2026-10-03 14:00", zone=lord_howe)
    midnight = opens("00:00", "06:00", "2018-11-03 23:00", "sunday", zone=sao_paulo)

    assert half == utc("2026-10-03 15:30")
    assert midnight == utc("2018-11-04 03:00")


def test_hours_over_midnight_belong_to_the_day_on_which_they_start() -> None:
    friday_night = ("22:00", "02:00")

    inside = opens(*friday_night, "2026-06-06 00:30", "friday", zone=UTC_ZONE)
    after = opens(*friday_night, "2026-06-06 02:00", "friday", zone=UTC_ZONE)
    evening_before = opens(*friday_night, "2026-06-05 01:00", "friday", zone=UTC_ZONE)

    assert inside == utc("2026-06-06 00:30")
    assert after == utc("2026-06-12 22:00")
    assert evening_before == utc("2026-06-05 22:00")


def test_equal_start_and_end_are_the_whole_day() -> None:
    assert opens("00:00", "00:00", "2026-06-06 13:00", "saturday") == utc("2026-06-06 13:00")
    assert opens("00:00", "00:00", "2026-06-07 13:00", "saturday") == utc("2026-06-13 04:00")
    assert opens("00:00", "00:00", "2026-11-01 05:59") == utc("2026-11-01 05:59")


def test_a_window_without_hours_or_days_is_always_open() -> None:
    assert next_open(SendingWindow(), at=SINCE, zone=BERLIN) is SINCE


def test_the_zone_of_the_window_goes_before_the_one_passed_in() -> None:
    window = SendingWindow(start="09:00", end="10:00", timezone="Europe/Berlin")

    assert next_open(window, at=SINCE, zone=NEW_YORK) == utc("2026-02-01 08:00")


@given(
    window=WINDOWS,
    at=st.datetimes(
        min_value=datetime(2011, 12, 20),  # noqa: DTZ001 - made aware below
        max_value=datetime(2030, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    )
    | st.integers(0, 60 * 72).map(lambda n: utc("2026-03-07 00:00") + timedelta(minutes=n))
    | st.integers(0, 60 * 72).map(lambda n: utc("2026-10-31 00:00") + timedelta(minutes=n)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    part=st.floats(0, 1, exclude_max=True),
)
def test_the_next_opening_is_open_and_nothing_before_it_is(
    window: SendingWindow, at: datetime, zone: ZoneInfo, part: float
) -> None:
    opening = next_open(window, at=at, zone=zone)

    assert opening >= at
    assert next_open(window, at=opening, zone=zone) is opening
    between = at + (opening - at) * part
    assert next_open(window, at=between, zone=zone) == opening


@given(at=st.integers(0, 60 * 24 * 400), hours=st.tuples(TIMES, TIMES), days=DAY_SETS)
def test_without_changes_of_the_clock_a_window_is_open_by_what_the_clock_shows(
    at: int, hours: tuple[str, str], days: Any
) -> None:
    moment = utc("2026-01-01 00:00") + timedelta(minutes=at)
    start, end = hours
    today, yesterday = WEEK[moment.weekday()], WEEK[moment.weekday() - 1]
    shown = f"{moment:%H:%M}"
    if start < end:
        is_open = today in days and start <= shown < end
    else:
        is_open = (today in days and shown >= start) or (yesterday in days and shown < end)

    opening = next_open(SendingWindow(days=days, start=start, end=end), at=moment, zone=UTC_ZONE)

    assert (opening == moment) is is_open


def test_the_first_usable_zone_counts() -> None:
    assert (
        zone_of("", None, "Mars/Olympus", "../etc/passwd", "Europe/Berlin").key == "Europe/Berlin"
    )
    assert zone_of("Europe", "\x00", "x" * 5000).key == "UTC"
    assert zone_of().key == "UTC"


def test_the_zone_for_a_person_is_the_own_one_then_theirs_then_the_workspaces() -> None:
    people = {"subscriber": "Asia/Tokyo", "workspace": "Europe/Berlin"}

    assert zone_for("America/New_York", **people).key == "America/New_York"
    assert zone_for("", **people).key == "Asia/Tokyo"
    assert zone_for("workspace", **people).key == "Europe/Berlin"
    assert zone_for("", subscriber="", workspace="Europe/Berlin").key == "Europe/Berlin"
