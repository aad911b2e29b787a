"""What failed is counted by step and reason, and retried as a whole without sending twice."""

from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from msgspec.structs import replace
from pytest_django.fixtures import Settings

from config import mail_env
from config.admin_base import view_url
from events import tasks
from events.models import Enrollment, Event, Sequence
from events.services.doctor import sequences as checks
from events.services.engine import mail_breaker
from events.services.enrollments import retrying
from events.services.sequences import sequences
from subscribers.admin import alarms
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from subscribers.services.audits.audits import Audit
from tests import factories
from tests.support.engine_running import enrollment_of
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.smtp_server import SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
Status = Enrollment.Status
LOOP = {"type": "email", "subject": "S", "text": "{% for a in event.items %}{{ a }}{% endfor %}"}
OVER_QUOTA = "552 5.2.2 Over quota"


def failing(sequence: Sequence, name: str, items: int) -> Enrollment:
    event: Event = factories.EventFactory.create(
        subscriber__workspace=sequence.workspace, properties={"items": [1] * items}
    )
    return enrollment_of(sequence, name, started_by=event)


def said(loss: retrying.Loss) -> tuple[str, int, str, int]:
    return (loss.sequence.name, loss.step_position, loss.reason, loss.count)


def losses(travel: TimeTravel) -> list[retrying.Loss]:
    """Return all losses, after a check that a sequence's page would offer to retry them."""
    found = retrying.losses(now=travel.now)
    lost = {each.sequence.pk for each in found}
    for row in Sequence.objects.all():
        assert retrying.has_losses(sequence=row, now=travel.now) is (row.pk in lost)
    return found


def test_template_faults_are_one_loss_and_are_retried_together(
    workspace: Workspace, travel: TimeTravel
) -> None:
    sequence = make_sequence(workspace, {"type": "delay", "minutes": 1}, LOOP, name="Welcome")
    lost = [failing(sequence, name, items=2001) for name in ("ada", "bob")]
    well = failing(sequence, "cyd", items=2)
    travel.run_for(timedelta(minutes=5))

    (loss,) = losses(travel)
    (finding,) = checks.lost(Audit(now=travel.now))
    texts = [each.text for each in alarms.needs(workspace=None, now=travel.now)]

    assert said(loss) == ("Welcome", 1, "template_error", 2)
    assert loss.error.startswith("Line 1: ")
    assert any("Welcome: 2 failed since" in text and "step 2" in text for text in texts)
    assert (finding.count, finding.level) == (2, "warning")
    assert f"retry_failed --workspace {workspace.slug} --sequence welcome" in finding.remedy
    Event.objects.update(properties={"items": [1]})
    done = retrying.retry_all(sequence=sequence, now=travel.now, spread=timedelta(minutes=10))
    again = retrying.retry_all(sequence=sequence, now=travel.now)
    first, second = Enrollment.objects.filter(due_at__isnull=False).order_by("due_at")
    travel.run_for(timedelta(minutes=20))

    assert (done, again) == (retrying.Retried(2, 0), retrying.Retried(0, 0))
    assert first.due_at is not None
    assert second.due_at is not None
    assert second.due_at - first.due_at == timedelta(minutes=5)
    for enrollment in (*lost, well):
        enrollment.refresh_from_db()
        assert enrollment.status == Status.COMPLETED
        sent = OutgoingEmail.objects.filter(subscriber=enrollment.subscriber_id, status="sent")
        assert sent.count() == 1
    assert losses(travel) == []


def test_the_log_warns_of_a_sequence_that_fails_once_an_hour(
    workspace: Workspace, travel: TimeTravel, caplog: pytest.LogCaptureFixture
) -> None:
    sequence = make_sequence(workspace, LOOP, name="Welcome")

    def warnings() -> int:
        caplog.clear()
        with time_machine.travel(travel.now, tick=False):
            tasks.warn_of_losses()
        return len(caplog.records)

    failing(sequence, "ada", items=2001)
    travel.tick()
    assert warnings() == 1
    assert "Welcome: 1 failed since" in caplog.text
    assert f"retry_failed --workspace {workspace.slug} --sequence welcome" in caplog.text
    assert "Line 1: " in caplog.text
    travel.run_for(timedelta(minutes=1))
    failing(sequence, "bob", items=2001)
    travel.run_for(timedelta(minutes=30))
    assert warnings() == 0, "said a moment ago"
    travel.run_for(timedelta(minutes=30))
    assert warnings() == 1, "it goes on failing"
    travel.run_for(timedelta(hours=2))
    assert warnings() == 0, "nothing more has failed"


def test_the_gauge_of_losses_has_every_reason(workspace: Workspace, travel: TimeTravel) -> None:
    failing(make_sequence(workspace, LOOP, name="Welcome"), "ada", items=2001)
    travel.tick()

    counts = retrying.count_by_reason(now=travel.now)

    assert counts == {
        "template_error": 1, "mail_failed": 0, "webhook_failed": 0, "gave_up": 0
    }  # fmt: skip


def test_a_template_fault_is_told_while_the_mail_server_is_away(
    workspace: Workspace, travel: TimeTravel, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = mail_env.SMTP_BACKEND
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    plain = enrollment_of(make_sequence(workspace, MAIL, name="Plain"), "bob")
    lost = failing(make_sequence(workspace, LOOP, name="Welcome"), "ada", items=2001)

    travel.tick()

    (loss,) = losses(travel)
    mail_breaker.reset()
    assert said(loss) == ("Welcome", 0, "template_error", 1)
    lost.refresh_from_db()
    plain.refresh_from_db()
    assert (lost.status, plain.status, plain.reason) == (
        Status.FAILED,
        Status.ACTIVE,
        "mail_server_away",
    )


def test_a_corrected_template_is_what_a_retry_sends(
    workspace: Workspace, travel: TimeTravel
) -> None:
    sequence = make_sequence(workspace, {**LOOP, "id": "hello"}, name="Welcome")
    lost = failing(sequence, "ada", items=2001)
    travel.tick()
    spec = sequences.spec_of(sequence)
    (step,) = spec.steps
    corrected = replace(spec, steps=(replace(step, text="{{event.items | size}}"),))
    sequences.edit(sequence=sequence, spec=corrected, now=travel.now)

    retrying.retry_all(sequence=sequence, now=travel.now)
    travel.run_for(timedelta(hours=1))

    lost.refresh_from_db()
    assert (lost.status, lost.version_id) == (Status.COMPLETED, sequence.current_version_id)
    assert OutgoingEmail.objects.get(status="sent").text.startswith("2001")


def test_a_mail_that_failed_while_its_enrollment_went_on_is_sent_alone(
    workspace: Workspace, server: SmtpServer, travel: TimeTravel
) -> None:
    last = {"type": "email", "subject": "Second", "text": "."}
    sequence = make_sequence(workspace, MAIL, {"type": "delay", "days": 1}, last)
    enrollment = enrollment_of(sequence)
    server.next(Stage.MESSAGE, OVER_QUOTA)
    travel.run_for(timedelta(days=2))
    enrollment.refresh_from_db()
    ended = (enrollment.status, enrollment.ended_at)

    (loss,) = losses(travel)
    retrying.retry_all(sequence=sequence, now=travel.now)
    travel.run_for(timedelta(hours=1))

    assert said(loss)[1:] == (0, "mail_failed", 1)
    assert loss.error == OVER_QUOTA
    assert server.recipients == ["ada@example.com"] * 2
    assert set(server.count.values()) == {1}
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.ended_at) == ended
    assert losses(travel) == []


def test_a_refused_mail_that_ended_its_enrollment_leaves_once_when_retried(
    workspace: Workspace, server: SmtpServer, travel: TimeTravel
) -> None:
    sequence = make_sequence(workspace, {**MAIL, "onFailure": "end"})
    enrollment = enrollment_of(sequence)
    server.next(Stage.MESSAGE, OVER_QUOTA)
    travel.tick()

    (loss,) = retrying.losses(now=travel.now, workspace=workspace)
    retrying.retry_all(sequence=sequence, now=travel.now, reason="mail_failed")
    travel.run_for(timedelta(hours=1))

    assert said(loss)[1:] == (0, "mail_failed", 1)
    enrollment.refresh_from_db()
    assert enrollment.status == Status.COMPLETED
    assert server.recipients == ["ada@example.com"]


def test_people_out_of_reach_and_unknown_deliveries_are_no_loss_to_retry(
    workspace: Workspace, server: SmtpServer, travel: TimeTravel
) -> None:
    sequence = make_sequence(workspace, MAIL)
    enrollment_of(sequence, "dead")
    server.next(Stage.RCPT, "550 5.1.1 No such user")
    travel.tick()

    assert Subscriber.objects.get().status == "bounced"
    assert losses(travel) == []


def test_later_mails_to_people_out_of_reach_hide_no_loss(
    workspace: Workspace, server: SmtpServer, travel: TimeTravel
) -> None:
    sequence = make_sequence(workspace, MAIL)
    for name, answer in (("ada", OVER_QUOTA), ("bo", "550 5.1.1 No"), ("cy", "550 5.1.1 No")):
        enrollment_of(sequence, name)
        server.next(Stage.RCPT, answer)
        travel.tick()

    (loss,) = retrying.losses(now=travel.now, most=2)
    (only_some,) = retrying.losses(now=travel.now, most=1)

    assert (loss.count, loss.is_at_least) == (1, False)
    assert (only_some.count, only_some.is_at_least) == (1, True)


def test_the_page_counts_first_and_the_button_is_logged(
    workspace: Workspace, travel: TimeTravel, admin_client: Client
) -> None:
    sequence = make_sequence(workspace, LOOP, name="Welcome")
    failing(sequence, "ada", items=2001)
    travel.tick()
    Enrollment.objects.update(ended_at=timezone.now())

    page = admin_client.get(view_url(sequence, "retrying")).content.decode()
    odd = admin_client.post(view_url(sequence, "retry-failed"), {"minutes": "x"}, follow=True)
    admin_client.post(view_url(sequence, "retry-failed"), {"minutes": "5", "reason": ""})

    assert "Welcome: 1 failed since" in page
    assert "Minutes must be a whole number" in odd.content.decode()
    assert Enrollment.objects.get().status == Status.ACTIVE
    assert LogEntry.objects.get().get_change_message() == "Retried 1 that failed within 5 minutes"


def test_the_command_counts_and_retries(workspace: Workspace, travel: TimeTravel) -> None:
    sequence = make_sequence(workspace, LOOP, name="Welcome")
    failing(sequence, "ada", items=2001)
    travel.tick()
    chosen = {"workspace": workspace.slug, "sequence": sequence.key}
    out = StringIO()

    call_command("retry_failed", **chosen, dry_run=True, stdout=out)
    call_command("retry_failed", **chosen, reason="webhook_failed", stdout=out)
    call_command("retry_failed", **chosen, since=f"{NOON - timedelta(days=1):%FT%TZ}", stdout=out)
    call_command("retry_failed", **chosen, dry_run=True, stdout=out)

    assert out.getvalue().splitlines() == [
        "Would retry 1 of Welcome.",
        "Retried 0 of Welcome; 0 could not be retried.",
        "Retried 1 of Welcome; 0 could not be retried.",
        "Would retry 0 of Welcome.",
    ]
