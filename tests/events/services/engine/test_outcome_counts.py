"""Mails, enrollments and webhook calls are counted by how they ended, for all hosts together."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from pytest_django.fixtures import Settings

from events.models import Enrollment, Sequence
from events.services.counts import endings
from subscribers.models import OutcomeCount, Workspace
from subscribers.services.storage import outcomes
from subscribers.services.storage.outcomes import Subject
from tests import factories
from tests.support.engine_running import enrollment_of
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.smtp_server import SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
Status = Enrollment.Status


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """Forget what other tests left in the memory of this process."""
    outcomes._counted.clear()


def counters(client: Client) -> dict[str, float]:
    text = client.get("/metrics", HTTP_HOST="127.0.0.1:8000").content.decode()
    pairs = [line.rsplit(" ", 1) for line in text.splitlines() if "_total{outcome" in line]
    return {name: float(value) for name, value in pairs if "cueline_events" not in name}


def test_mails_and_enrollments_are_counted_by_outcome_and_reason(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel, client: Client
) -> None:
    for name in ("ada", "bob", "cyd"):
        enrollment_of(sequence, name)
    gone = enrollment_of(sequence, "dan")
    gone.subscriber.status = "unsubscribed"
    gone.subscriber.save()
    server.next(Stage.RCPT, "550 5.1.1 No such user", "451 Later")

    travel.run_for(timedelta(minutes=1))
    outcomes.flush()
    endings.roll_up(now=travel.now)
    endings.roll_up(now=travel.now)

    assert counters(client) == {
        'cueline_mails_total{outcome="sent",reason=""}': 2,
        'cueline_mails_total{outcome="refused",reason="bad_recipient"}': 1,
        'cueline_mails_total{outcome="deferred",reason="mail_deferred"}': 1,
        'cueline_mails_total{outcome="skipped",reason="subscriber_unsubscribed"}': 1,
        'cueline_enrollments_ended_total{outcome="completed",reason=""}': 3,
        'cueline_enrollments_ended_total{outcome="stopped",reason="suppressed"}': 1,
    }
    assert set(OutcomeCount.objects.values_list("sequence_id", flat=True)) == {sequence.pk}


def test_a_webhook_that_nobody_answers_is_counted(
    workspace: Workspace, travel: TimeTravel, client: Client, settings: Settings
) -> None:
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    sequence = make_sequence(workspace, {"type": "webhook", "url": "https://127.0.0.1:9/x"})
    enrollment_of(sequence)

    travel.tick()
    outcomes.flush()

    (only,) = counters(client)
    assert only.startswith('cueline_webhook_calls_total{outcome="failed",reason="no_answer"')


def test_a_mail_that_cannot_be_made_is_counted(
    workspace: Workspace, travel: TimeTravel, client: Client
) -> None:
    sequence = make_sequence(workspace, MAIL)
    sequence.versions.update(from_email="")
    enrollment_of(sequence)

    travel.tick()
    outcomes.flush()

    assert counters(client) == {'cueline_mails_total{outcome="failed",reason="no_sender"}': 1}


def test_counters_never_fall(client: Client, db: None) -> None:
    ended = factories.EnrollmentFactory.create(
        status=Status.COMPLETED, ended_at=NOON, due_at=None, step=None
    )
    outcomes.count(Subject.MAIL, outcome="sent", now=NOON)
    outcomes.flush()
    endings.roll_up(now=NOON)
    before = counters(client)

    ended.delete()
    endings.roll_up(now=NOON + HOUR)
    outcomes.add_up(before=NOON + 2 * HOUR)
    outcomes.add_up(before=NOON + 2 * HOUR)

    assert counters(client) == before
    assert len(before) == 2
    assert set(OutcomeCount.objects.values_list("starts_at", flat=True)) == {outcomes.BEGINNING}


def test_hours_without_a_worker_are_counted_later(client: Client, db: None) -> None:
    for hours in (0, 5, 20):
        factories.EnrollmentFactory.create(
            status=Status.FAILED, reason="gave_up: x", ended_at=NOON + hours * HOUR, due_at=None
        )
    endings.roll_up(now=NOON)

    endings.roll_up(now=NOON + 21 * HOUR)

    name = 'cueline_enrollments_ended_total{outcome="failed",reason="gave_up"}'
    assert counters(client) == {name: 3}


def test_counts_wait_for_a_database_that_is_away(client: Client, db: None) -> None:
    def refuse(*args: object) -> None:
        raise DatabaseError("gone")

    outcomes.count(Subject.MAIL, outcome="sent", now=NOON)
    with connection.execute_wrapper(refuse), pytest.raises(DatabaseError):
        outcomes.flush()

    outcomes.flush()
    outcomes.flush()

    assert counters(client) == {'cueline_mails_total{outcome="sent",reason=""}': 1}
