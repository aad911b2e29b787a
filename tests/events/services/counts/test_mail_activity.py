"""What became of mails, counted by step: each mail once, at its first time."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.models import StepRun
from events.services.counts import mail_activity
from events.services.counts.mail_activity import Fact
from subscribers.models import MailActivity
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


def of_day(midnight: datetime) -> Counter[Fact]:
    return mail_activity.counts(since=midnight, until=midnight + DAY)


def fact(run: StepRun, kind: str, quality: str = "") -> Fact:
    return Fact(run.enrollment.sequence_id, run.step_id, kind, quality)


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
    twin = run_with_mail()
    StepRun.objects.filter(pk=twin.pk).update(step=run.step_id)
    twin.enrollment.sequence = run.enrollment.sequence
    twin.enrollment.save(update_fields=["sequence"])
    for each in (run, twin):
        note(each, Kind.OPENED, quality=Quality.UNKNOWN)

    assert of_day(MIDNIGHT) == {fact(run, Kind.OPENED, Quality.UNKNOWN): 2}


def test_a_mail_counts_on_the_day_of_its_first() -> None:
    run = run_with_mail()
    note(run, Kind.CLICKED, NOON, quality=Quality.HUMAN, url_hash="1")
    note(run, Kind.CLICKED, NOON + DAY, quality=Quality.HUMAN, url_hash="2")

    assert of_day(MIDNIGHT).total() == 1
    assert of_day(MIDNIGHT + DAY).total() == 0


def test_mails_that_no_step_sent_do_not_count() -> None:
    factories.MailActivityFactory.create()

    assert of_day(MIDNIGHT).total() == 0


def test_late_reports_name_the_days_to_count_again() -> None:
    began = datetime.now(tz=UTC) - timedelta(minutes=1)
    run = run_with_mail()
    for days in (3, 1, 1):
        note(run, Kind.OPENED, MIDNIGHT - days * DAY + timedelta(hours=23), url_hash=str(days * 7))
        run = run_with_mail()

    assert mail_activity.touched_days(since=began) == [MIDNIGHT - 3 * DAY, MIDNIGHT - DAY]
    assert mail_activity.touched_days(since=datetime.now(tz=UTC) + DAY) == []
