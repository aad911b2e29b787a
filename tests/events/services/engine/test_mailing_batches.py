"""Batches of mails: what is tried alone, the rate, and mails that cannot be stored."""

from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from events.models import Enrollment, Sequence, Step, StepRun
from events.services import engine
from events.services.engine import claiming
from subscribers.models import LeasedWindow, OutgoingEmail, Workspace
from subscribers.services.storage import leased_bucket
from tests import factories
from tests.faults.test_event_faults import refusing
from tests.support.beside import beside
from tests.support.engine_running import advance_claimed, enrollment_of, outcomes
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.smtp_server import Fault, SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
Status = Enrollment.Status
SECOND = timedelta(seconds=1)


def test_runs_to_be_tried_alone_outlast_a_server_that_is_away(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel, settings: Settings
) -> None:
    settings.STEP_ATTEMPTS = 3
    for name in ("ada", "bob"):
        enrollment_of(sequence, name, last_error=claiming.WORKER_ENDED)
    server.always(Stage.GREETING, Fault.CLOSE)

    travel.run_for(timedelta(hours=1))
    attempts = set(Enrollment.objects.values_list("status", "attempts"))
    server.behave()
    travel.run_for(timedelta(minutes=10))

    assert attempts == {(Status.ACTIVE, 0)}
    assert sorted(server.recipients) == ["ada@example.com", "bob@example.com"]
    assert set(StepRun.objects.values_list("attempts", flat=True)) == {0}


def test_runs_to_be_tried_alone_outlast_the_rate(
    sequence: Sequence, server: SmtpServer, settings: Settings
) -> None:
    leased_bucket.forget_leases()
    settings.MAIL_RATE = settings.STEP_ATTEMPTS = 1
    travel = TimeTravel(NOON + timedelta(milliseconds=999))
    for name in ("ada", "bob"):
        enrollment_of(sequence, name, last_error=claiming.WORKER_ENDED)

    for _ in range(3):
        advance_claimed(travel)
    recipients_in_the_second = list(server.recipients)
    (waiting,) = Enrollment.objects.exclude(status=Status.COMPLETED)
    travel.now += SECOND
    advance_claimed(travel)

    assert recipients_in_the_second == ["ada@example.com"]
    assert (waiting.attempts, waiting.lease_token, waiting.status) == (0, None, Status.ACTIVE)
    assert server.recipients == ["ada@example.com", "bob@example.com"]
    assert LeasedWindow.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_somebody_else_made_meanwhile_is_followed_and_the_rest_leaves(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel
) -> None:
    enrollments = [enrollment_of(sequence, name) for name in ("ada", "bob", "cyd")]
    hold = server.hold(Stage.MESSAGE)
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)

    with beside(lambda: engine.advance(token=batch.token, ids=batch.ids, clock=travel.clock)):
        hold.wait_until_reached()
        # As when the same task runs twice.
        factories.OutgoingEmailFactory.create(
            subscriber=enrollments[1].subscriber, cause=enrollments[1].mail_cause, status="unknown"
        )
        hold.release()

    assert server.recipients == ["ada@example.com", "cyd@example.com"]
    assert [outcomes(enrollment) for enrollment in enrollments] == [
        [{"email": "sent"}],
        [{"email": "unknown"}],
        [{"email": "sent"}],
    ]


def test_a_mail_that_the_database_refuses_fails_its_enrollment_alone(
    workspace: Workspace, server: SmtpServer, travel: TimeTravel
) -> None:
    odd = enrollment_of(make_sequence(workspace, MAIL), "ada")
    healthy = enrollment_of(make_sequence(workspace, MAIL), "bob")

    with refusing("subscribers_outgoingemail", when="NEW.recipient LIKE 'ada@%'"):
        advance_claimed(travel)
        odd.refresh_from_db()
        first_attempt = (odd.status, odd.attempts, odd.due_at)
        healthy.refresh_from_db()
        travel.run_for(timedelta(hours=1))

    assert first_attempt == (Status.ACTIVE, 1, NOON + 10 * SECOND)
    assert healthy.status == Status.COMPLETED
    odd.refresh_from_db()
    assert odd.status == Status.FAILED
    assert "refused by the test" in odd.last_error
    assert server.recipients == ["bob@example.com"]


@pytest.mark.django_db(transaction=True)
def test_a_mail_is_recorded_as_sent_even_when_its_enrollment_cannot_go_on(
    workspace: Workspace, server: SmtpServer, travel: TimeTravel
) -> None:
    later = {"type": "delay", "days": 1}
    broken, healthy = (
        enrollment_of(make_sequence(workspace, MAIL, later), "ada"),
        enrollment_of(make_sequence(workspace, MAIL), "bob"),
    )
    hold = server.hold(Stage.MESSAGE)
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)

    with beside(lambda: engine.advance(token=batch.token, ids=batch.ids, clock=travel.clock)):
        hold.wait_until_reached()
        # The database refuses an enrollment at a step that is not there.
        Step.objects.get(version=broken.version_id, position=1).delete()
        hold.release()

    broken.refresh_from_db()
    healthy.refresh_from_db()
    assert OutgoingEmail.objects.get(subscriber=broken.subscriber_id).status == "sent"
    assert (broken.status, broken.attempts, broken.step) == (
        Status.ACTIVE, 1, Step.objects.get(version=broken.version_id),
    )  # fmt: skip
    assert broken.last_error != ""
    assert outcomes(broken) == [{"email": "sent"}]
    assert healthy.status == Status.COMPLETED
    travel.run_for(timedelta(hours=1))
    broken.refresh_from_db()
    assert broken.status == Status.FAILED
    assert server.recipients == ["ada@example.com", "bob@example.com"]
