"""Nine in New York is nine before, on and after the days on which the clock changes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from events.models import Enrollment
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from tests import factories
from tests.support.engine_running import begin
from tests.support.sequence_making import MAIL, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
NEW_YORK = ZoneInfo("America/New_York")
# Eight on the Saturday before the clock leaps forward, and before it falls back.
SATURDAYS = (
    datetime(2026, 3, 7, 8, tzinfo=NEW_YORK),
    datetime(2026, 10, 31, 8, tzinfo=NEW_YORK),
)
OFFSETS = {3: ["-0500", "-0400", "-0400"], 10: ["-0400", "-0500", "-0500"]}


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace)


def local_times(since: datetime) -> list[str]:
    """Return when the mails left, as a clock in New York showed it."""
    sent = OutgoingEmail.objects.filter(created_at__gte=since).order_by("id")
    return [
        each.sent_at.astimezone(NEW_YORK).strftime("%a %H:%M %z") for each in sent if each.sent_at
    ]


@pytest.mark.parametrize("saturday", SATURDAYS)
@pytest.mark.parametrize("whose", ["window", "subscriber", "workspace"])
def test_a_window_opens_at_nine_on_both_sides_of_both_changes(
    person: Subscriber, saturday: datetime, whose: str
) -> None:
    window: dict[str, Any] = {"enabled": True, "startTime": "09:00", "endTime": "17:00"}
    if whose == "window":
        window["timezone"] = NEW_YORK.key
    elif whose == "subscriber":
        Subscriber.objects.update(timezone=NEW_YORK.key)
    else:
        Workspace.objects.update(timezone=NEW_YORK.key)
    night = {"type": "delay", "hours": 20}
    sequence = make_sequence(person.workspace, MAIL, night, MAIL, night, MAIL, sendingWindow=window)
    start = saturday.astimezone(UTC)
    enrollment = begin(sequence, person, entered_at=start, step_since=start, due_at=start)
    travel = TimeTravel(start)

    travel.run_for(timedelta(days=4))

    enrollment.refresh_from_db()
    days = zip(("Sat", "Sun", "Mon"), OFFSETS[saturday.month], strict=True)
    assert local_times(start) == [f"{day} 09:00 {offset}" for day, offset in days]
    assert enrollment.status == Enrollment.Status.COMPLETED


@pytest.mark.parametrize("saturday", SATURDAYS)
def test_a_delay_until_a_weekday_ends_at_nine_on_both_sides_of_both_changes(
    person: Subscriber, saturday: datetime
) -> None:
    def until(day: str) -> dict[str, Any]:
        hours = {"startTime": "09:00", "endTime": "10:00", "timezone": NEW_YORK.key}
        return {"type": "delay", "mode": "until_weekday", "days": [day], **hours}

    sequence = make_sequence(
        person.workspace, until("saturday"), MAIL, until("sunday"), MAIL, until("monday"), MAIL
    )
    start = saturday.astimezone(UTC)
    begin(sequence, person, entered_at=start, step_since=start, due_at=start)
    travel = TimeTravel(start)

    travel.run_for(timedelta(days=4))

    days = zip(("Sat", "Sun", "Mon"), OFFSETS[saturday.month], strict=True)
    assert local_times(start) == [f"{day} 09:00 {offset}" for day, offset in days]


@pytest.mark.parametrize("saturday", SATURDAYS)
def test_days_keep_the_time_of_the_clock_and_hours_do_not(
    person: Subscriber, saturday: datetime
) -> None:
    Subscriber.objects.update(timezone=NEW_YORK.key)
    day, hours = {"type": "delay", "days": 1}, {"type": "delay", "hours": 24}
    start = saturday.astimezone(UTC)
    for delay in (day, hours):
        sequence = make_sequence(person.workspace, delay, MAIL)
        begin(sequence, person, entered_at=start, step_since=start, due_at=start)

    TimeTravel(start).run_for(timedelta(days=2))

    before, after = OFFSETS[saturday.month][:2]
    moved = {"-0500": "09:00", "-0400": "07:00"}[before]
    assert sorted(local_times(start)) == sorted([f"Sun 08:00 {after}", f"Sun {moved} {after}"])
