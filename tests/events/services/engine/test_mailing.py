"""Mails of enrollments at a real SMTP server that takes, refuses, hangs and closes."""

from datetime import timedelta

import pytest

from config import retries
from events.models import Enrollment, Sequence, StepRun
from subscribers.models import OutgoingEmail, Workspace
from tests.support.engine_running import enrollment_of, outcomes
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.smtp_server import Action, Fault, SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
Status = Enrollment.Status
SECOND = timedelta(seconds=1)


def test_many_mails_leave_over_one_connection(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel
) -> None:
    enrollments = [enrollment_of(sequence, name) for name in ("ada", "bob", "cyd")]

    travel.tick()

    assert server.connections == 1
    assert server.recipients == ["ada@example.com", "bob@example.com", "cyd@example.com"]
    for enrollment in enrollments:
        mail = OutgoingEmail.objects.get(subscriber=enrollment.subscriber_id)
        assert (mail.status, mail.attempts, mail.sent_at) == ("sent", 1, NOON)
        assert server.count[mail.message_id, mail.recipient] == 1
        assert outcomes(enrollment) == [{"email": "sent"}]


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        (Stage.RCPT, "550 5.7.1 Not from you"),
        (Stage.DATA, "554 Not from you"),
        (Stage.MESSAGE, "552 Too large"),
        (Stage.MESSAGE, "550 Spam"),
    ],
)
def test_a_mail_that_is_refused_for_good_fails_its_enrollment_and_no_other(
    workspace: Workspace, server: SmtpServer, travel: TimeTravel, stage: Stage, reply: str
) -> None:
    sequence = make_sequence(workspace, {**MAIL, "onFailure": "end"})
    refused, healthy = enrollment_of(sequence, "ada"), enrollment_of(sequence, "bob")
    server.next(stage, reply)

    travel.run_for(timedelta(days=1))

    refused.refresh_from_db()
    healthy.refresh_from_db()
    mail = OutgoingEmail.objects.get(subscriber=refused.subscriber_id)
    assert (mail.status, mail.attempts, mail.last_error) == ("failed", 1, reply)
    assert (refused.status, refused.reason, refused.due_at) == (Status.FAILED, "gave_up", None)
    assert refused.last_error == reply
    assert (refused.entry_slot, refused.lease_token) == (None, None)
    (step_run,) = refused.step_runs.all()
    assert (step_run.status, step_run.error) == ("failed", reply)
    assert healthy.status == Status.COMPLETED
    assert server.recipients == ["bob@example.com"]


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        (Stage.MAIL, "451 Later"),
        (Stage.RCPT, "451 Greylisted"),
        (Stage.RCPT, "421 Busy"),
        (Stage.DATA, "452 Full"),
        (Stage.MESSAGE, "451 Later"),
    ],
)
def test_a_deferred_mail_leaves_later_with_the_same_message_id(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel, stage: Stage, reply: str
) -> None:
    enrollment, other = enrollment_of(sequence, "ada"), enrollment_of(sequence, "bob")
    server.next(stage, reply)

    travel.tick()
    enrollment.refresh_from_db()
    deferred = OutgoingEmail.objects.get(subscriber=enrollment.subscriber_id)
    other.refresh_from_db()
    travel.run_for(timedelta(minutes=1))

    assert (deferred.status, deferred.last_error, deferred.due_at) == ("queued", reply, None)
    assert (enrollment.status, enrollment.attempts, enrollment.last_error) == (
        Status.ACTIVE,
        0,
        reply,
    )
    assert (enrollment.due_at, enrollment.lease_token) == (NOON + 20 * SECOND, None)
    assert enrollment.reason == "mail_deferred"
    assert other.status == Status.COMPLETED
    mail = OutgoingEmail.objects.get(subscriber=enrollment.subscriber_id)
    assert (mail.status, mail.attempts, mail.message_id) == ("sent", 2, deferred.message_id)
    assert server.count[mail.message_id, mail.recipient] == 1
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.attempts, enrollment.last_error) == (
        Status.COMPLETED,
        0,
        "",
    )


QUOTA = "451 4.3.0 The maximum of mails within a 24-hours period is reached"


@pytest.mark.parametrize(
    ("on_failure", "end"),
    [
        ("continue", (Status.COMPLETED, "", 0)),
        ("end", (Status.FAILED, QUOTA, 1)),
    ],
)
def test_attempts_of_a_mail_grow_apart_for_three_days(
    workspace: Workspace,
    server: SmtpServer,
    travel: TimeTravel,
    on_failure: str,
    end: tuple[str, str, int],
) -> None:
    enrollment = enrollment_of(make_sequence(workspace, {**MAIL, "onFailure": on_failure}))
    server.always(Stage.RCPT, QUOTA)

    pauses: list[timedelta] = []
    while enrollment.due_at is not None:
        pauses.append(enrollment.due_at - travel.now)
        travel.run_until(enrollment.due_at)
        travel.tick()
        enrollment.refresh_from_db()

    minute, longest = 60 * SECOND, retries.MAILS.longest
    assert pauses[1:6] == [20 * SECOND, minute, 3 * minute, 9 * minute, 27 * minute]
    assert pauses[8:11] == [longest, longest, longest]
    assert travel.now == NOON + timedelta(hours=72)
    assert (enrollment.status, enrollment.last_error, enrollment.attempts) == end
    mail = OutgoingEmail.objects.get()
    assert (mail.status, mail.last_error, mail.deferred_since) == ("failed", QUOTA, NOON)
    step_run = StepRun.objects.get(enrollment=enrollment)
    assert (step_run.status, step_run.error) == ("failed", QUOTA)
    assert server.taken == []


def test_a_refusal_of_one_mail_does_not_keep_the_others_back(
    workspace: Workspace, server: SmtpServer, travel: TimeTravel
) -> None:
    day = {"type": "delay", "days": 7}
    lessons = [{**MAIL, "subject": f"Lesson {number}"} for number in (1, 2, 3)]
    tag = {"type": "update_tags", "add": ["graduate"]}
    enrollment = enrollment_of(
        make_sequence(workspace, lessons[0], day, lessons[1], day, lessons[2], tag)
    )

    travel.tick()
    server.next(Stage.DATA, "552 5.2.2 The mailbox is over quota")
    travel.run_for(timedelta(days=14, hours=1))

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.reason) == (Status.COMPLETED, "")
    mails = OutgoingEmail.objects.order_by("pk")
    assert [(mail.subject, mail.status) for mail in mails] == [
        ("Lesson 1", "sent"),
        ("Lesson 2", "failed"),
        ("Lesson 3", "sent"),
    ]
    assert "over quota" in mails[1].last_error
    failed = StepRun.objects.get(enrollment=enrollment, status="failed")
    assert failed.error == mails[1].last_error
    assert failed.outcome == {"email": "failed", "action": "continue"}
    assert enrollment.subscriber.tag_links.get().tag.name == "graduate"


@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.MAIL, Stage.RCPT, Stage.DATA])
@pytest.mark.parametrize("fault", list(Fault))
def test_a_server_that_is_away_is_let_be_and_no_attempt_is_counted(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel, stage: Stage, fault: Action
) -> None:
    enrollments = [enrollment_of(sequence, name) for name in ("ada", "bob", "cyd")]
    server.always(stage, fault)

    travel.tick()
    rows = list(Enrollment.objects.order_by("pk"))
    server.behave()
    travel.run_for(timedelta(minutes=1))

    # One was tried; the others were given back.
    assert server.connections <= 3
    for row in rows:
        assert (row.status, row.reason) == (Status.ACTIVE, "mail_server_away")
        assert (row.attempts, row.last_error, row.lease_token) == (0, "", None)
        assert row.due_at == NOON + 5 * SECOND
    assert len(server.taken) == len(enrollments)
    assert set(server.count.values()) == {1}
    assert [enrollment.status for enrollment in Enrollment.objects.all()] == [Status.COMPLETED] * 3


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("530 Log in first", "mail_login_refused"),
        ("535 Wrong password", "mail_login_refused"),
        ("503 Not now", "mail_server_away"),
    ],
)
def test_an_answer_about_our_account_is_for_the_operator_and_no_enrollment_fails_of_it(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel, reply: str, reason: str
) -> None:
    for name in ("ada", "bob"):
        enrollment_of(sequence, name)
    server.always(Stage.MAIL, reply)

    travel.run_for(timedelta(hours=1))
    enrollments = list(Enrollment.objects.all())
    errors = set(OutgoingEmail.objects.values_list("status", "last_error"))
    server.behave()
    travel.run_for(timedelta(minutes=10))

    assert {
        (enrollment.status, enrollment.reason, enrollment.attempts) for enrollment in enrollments
    } == {(Status.ACTIVE, reason, 0)}
    assert errors == {("queued", reply)}
    assert sorted(server.recipients) == ["ada@example.com", "bob@example.com"]


@pytest.mark.parametrize("fault", list(Fault))
def test_no_answer_to_a_message_is_unknown_and_the_enrollment_goes_on(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel, fault: Action
) -> None:
    enrollments = [enrollment_of(sequence, name) for name in ("ada", "bob", "cyd")]
    server.next(Stage.MESSAGE, fault)

    travel.tick()
    first, *others = Enrollment.objects.order_by("pk")
    server.behave()
    travel.run_for(timedelta(minutes=1))

    # A server that never answers makes every mail unknown: nothing is sent after one.
    assert first.status == Status.COMPLETED
    assert outcomes(first) == [{"email": "unknown"}]
    assert {(enrollment.reason, enrollment.due_at) for enrollment in others} == {
        ("mail_server_away", NOON + 30 * SECOND)
    }
    mails = OutgoingEmail.objects.order_by("id")
    assert [mail.status for mail in mails] == ["unknown", "sent", "sent"]
    assert mails[0].last_error.startswith("No answer came to the message")
    assert len(server.taken) == len(enrollments)
    assert set(server.count.values()) == {1}


def test_the_pauses_of_a_server_that_stays_away_grow_and_end_with_its_return(
    sequence: Sequence, server: SmtpServer, travel: TimeTravel
) -> None:
    enrollment = enrollment_of(sequence)
    server.always(Stage.GREETING, Fault.CLOSE)

    pauses = []
    for _ in range(8):
        travel.run_until(enrollment.due_at or travel.now)
        travel.tick()
        enrollment.refresh_from_db()
        assert enrollment.due_at is not None
        pauses.append(round((enrollment.due_at - travel.now).total_seconds()))
    server.behave()
    travel.run_for(timedelta(minutes=10))

    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]
    assert server.recipients == ["ada@example.com"]
    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.attempts) == (Status.COMPLETED, 0)
