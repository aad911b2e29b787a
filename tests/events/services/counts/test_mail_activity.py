"""What became of mails, counted by step: each mail once, at its first time."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.models import StepRun, TouchedHour
from events.services.counts import mail_activity, step_roll_ups
from events.services.counts.mail_activity import MailFact
from subscribers.models import MailActivity
from subscribers.models.outcome_count import NO_SEQUENCE
from tests import factories
from tests.factories.sequences import NOON

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MIDNIGHT = datetime(NOON.year, NOON.month, NOON.day, tzinfo=UTC)
Kind, Quality = MailActivity.Kind, MailActivity.Quality


def note(run: StepRun, kind: str, at: datetime = NOON, **columns: Any) -> None:
    assert run.email is not None
    factories.MailActivityFactory.create(email=run.email, kind=kind, at=at, **columns)


def run_with_mail() -> StepRun:
    return factories.StepRunFactory.create(email=factories.OutgoingEmailFactory.create(sent=True))


def run_of_twin(run: StepRun) -> StepRun:
    """Return the run of another person's mail at the same step."""
    assert run.email is not None
    person = factories.SubscriberFactory.create(workspace=run.email.workspace)
    enrollment = factories.EnrollmentFactory.create(
        version=run.enrollment.version, step=run.step, subscriber=person
    )
    email = factories.OutgoingEmailFactory.create(sent=True, subscriber=person)
    return factories.StepRunFactory.create(step=run.step, enrollment=enrollment, email=email)


def of_day(midnight: datetime) -> Counter[MailFact]:
    return mail_activity.counts(since=midnight, until=midnight + DAY)


def fact(run: StepRun, kind: str, quality: str = "") -> MailFact:
    assert run.email is not None
    sequence_id = run.enrollment.sequence_id
    return MailFact(run.email.workspace_id, sequence_id, run.step.key, kind, quality)


def test_each_mail_counts_once_for_each_kind_and_quality() -> None:
    first, second = run_with_mail(), run_with_mail()
    human, machine = Quality.HUMAN, Quality.MACHINE
    for number in range(3):
        note(first, Kind.CLICKED, quality=human, url_hash=str(number))
    note(first, Kind.CLICKED, quality=machine, url_hash="0")
    note(first, Kind.DELIVERED)
    note(second, Kind.BOUNCED, bounce_type="soft")
    note(second, Kind.BOUNCED, bounce_type="hard")

    assert of_day(MIDNIGHT) == {
        fact(first, Kind.CLICKED, human): 1,
        fact(first, Kind.CLICKED, machine): 1,
        fact(first, Kind.DELIVERED): 1,
        fact(second, Kind.BOUNCED, "soft"): 1,
        fact(second, Kind.BOUNCED, "hard"): 1,
    }


def test_mails_of_one_step_are_added_up() -> None:
    run = run_with_mail()
    for each in (run, run_of_twin(run)):
        note(each, Kind.OPENED, quality=Quality.UNKNOWN)

    assert of_day(MIDNIGHT) == {fact(run, Kind.OPENED, Quality.UNKNOWN): 2}


def test_a_mail_counts_on_the_day_of_its_first() -> None:
    run = run_with_mail()
    note(run, Kind.CLICKED, NOON, quality=Quality.HUMAN, url_hash="1")
    note(run, Kind.CLICKED, NOON + DAY, quality=Quality.HUMAN, url_hash="2")

    assert of_day(MIDNIGHT).total() == 1
    assert of_day(MIDNIGHT + DAY).total() == 0


def test_mails_that_no_step_sent_count_by_their_kind() -> None:
    email = factories.OutgoingEmailFactory.create(
        sent=True, kind="confirmation", cause="confirmation:1"
    )
    factories.MailActivityFactory.create(email=email)
    # Its step's run is not written yet.
    factories.MailActivityFactory.create()

    assert of_day(MIDNIGHT) == {
        MailFact(email.workspace_id, NO_SEQUENCE, "confirmation", "delivered", ""): 1
    }


def test_late_reports_name_the_hours_to_count_again() -> None:
    began = datetime.now(tz=UTC) - timedelta(minutes=1)
    late = MIDNIGHT + timedelta(hours=23, minutes=5)
    run = run_with_mail()
    for days in (3, 1):
        note(run, Kind.OPENED, late - days * DAY, url_hash=str(days))
        note(run_with_mail(), Kind.OPENED, late - days * DAY)

    hours = [MIDNIGHT + timedelta(hours=23) - days * DAY for days in (3, 1)]
    assert mail_activity.touched_hours(since=began, until=NOON) == hours
    assert mail_activity.touched_hours(since=began, until=hours[1]) == hours[:1]
    assert mail_activity.touched_hours(since=datetime.now(tz=UTC) + DAY, until=NOON) == []


def test_what_has_changed_is_counted_again_bit_by_bit_at_one_moment() -> None:
    now = datetime.now(tz=UTC)
    step_roll_ups.roll_up(now=now)
    for hours in (5, 30, 60):
        note(run_with_mail(), Kind.OPENED, now - timedelta(hours=hours))
    step_roll_ups.roll_up(now=now, seconds=0)

    turns = 0
    while TouchedHour.objects.exists():
        step_roll_ups.recount(now=now, seconds=0)
        turns += 1

    assert 0 < turns <= 3
