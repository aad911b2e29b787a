"""One reminder; then confirmations and the enrollments that waited for them expire."""

from datetime import datetime, timedelta

import pytest
from django.db.models import F

from events.models import Enrollment, Sequence
from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import deadlines, suppressions
from subscribers.services.consent.suppressions import SuppressionSource
from tests import factories
from tests.support.asking_people import ask, confirm, make_pending, question_of
from tests.support.sequence_making import NOON, make_sequence

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    workspace.from_email = "news@example.com"
    workspace.reminder_hours = 20
    workspace.give_up_days = 30
    workspace.save()
    return workspace


def let_all_leave(*, after: timedelta = timedelta(0)) -> None:
    """Mark the queued emails as sent, some time after they were queued."""
    queued = OutgoingEmail.objects.filter(status="queued")
    queued.update(status="sent", due_at=None, sent_at=F("created_at") + after)


def remind(now: datetime) -> int:
    return deadlines.remind_due(now=now)


def give_up(now: datetime) -> int:
    return deadlines.give_up_due(now=now)


def test_one_reminder_leaves_after_the_workspace_s_hours(workspace: Workspace) -> None:
    person = make_pending(workspace)
    ask(person)
    let_all_leave()

    queued = [remind(NOON + each * HOUR) for each in (19, 20, 21, 200)]

    mails = OutgoingEmail.objects.order_by("id")
    question = question_of(person)
    assert queued == [0, 1, 0, 0]
    assert [each.due_at for each in mails] == [None, NOON + 20 * HOUR]
    assert [each.cause[-2:] for each in mails] == [":1", ":2"]
    assert (question.mails, question.reminded_at) == (2, NOON + 20 * HOUR)
    assert question.asked_at == NOON
    assert list(ConsentRecord.objects.order_by("id").values_list("kind", flat=True)) == [
        "asked", "reminded"
    ]  # fmt: skip


def test_a_mail_that_was_put_off_is_reminded_of_so_many_hours_after_it_left(
    workspace: Workspace,
) -> None:
    ask(make_pending(workspace))

    queued = [remind(NOON + 30 * HOUR)]
    let_all_leave(after=30 * HOUR)
    queued += [remind(NOON + each * HOUR) for each in (31, 49, 50)]

    assert queued == [0, 0, 0, 1]


def test_nobody_is_reminded_who_answered_was_not_asked_or_gets_no_mail(
    workspace: Workspace,
) -> None:
    answered, refused, suppressed, left = (
        make_pending(workspace, f"{name}@example.com") for name in ("a", "a+2", "c", "d")
    )
    for person in (answered, refused, suppressed, left):
        ask(person)
    confirm(answered)
    suppressions.suppress(
        workspace=workspace,
        address="c@example.com",
        reason=suppressions.Reason.MANUAL,
        source=SuppressionSource.ADMIN,
        now=NOON,
    )
    Subscriber.objects.filter(pk=left.pk).update(status="unsubscribed")
    let_all_leave()
    before = OutgoingEmail.objects.count()

    queued = remind(NOON + 2 * DAY)

    assert queued == 0
    assert OutgoingEmail.objects.count() == before == 3


def test_a_reminder_is_never_the_fourth_mail_and_is_not_tried_for_ever(
    workspace: Workspace,
) -> None:
    person = make_pending(workspace)
    for number in range(3):
        ask(person, now=NOON + number * DAY)
    let_all_leave()

    queued = [remind(NOON + 3 * DAY) for _ in range(2)]

    assert queued == [0, 0]
    assert OutgoingEmail.objects.count() == 3
    assert question_of(person).reminded_at == NOON + 3 * DAY


def test_a_workspace_without_the_setting_reminds_and_gives_up_nobody(
    workspace: Workspace,
) -> None:
    Workspace.objects.update(reminder_hours=0, give_up_days=0)
    person = make_pending(workspace)
    ask(person)

    assert (remind(NOON + 400 * DAY), give_up(NOON + 400 * DAY)) == (0, 0)

    assert question_of(person).closed_at is None


def test_a_reminder_is_bounded_and_the_next_round_goes_on(workspace: Workspace) -> None:
    for number in range(5):
        ask(make_pending(workspace, f"p{number}@example.com"))
    let_all_leave()

    queued = [deadlines.remind_due(now=NOON + 2 * DAY, limit=2) for _ in range(4)]

    assert queued == [2, 2, 1, 0]


@pytest.mark.parametrize("mode", list(Sequence.Mode))
def test_giving_up_lets_the_waiting_enrollments_expire_and_frees_their_slot(
    workspace: Workspace, mode: str
) -> None:
    person = make_pending(workspace)
    ask(person)
    sequence = make_sequence(workspace, {"type": "delay", "hours": 1})
    Sequence.objects.update(enrollment_mode=mode)
    version = sequence.current_version
    assert version is not None
    columns = {"version": version, "subscriber": person, "step": version.steps.first()}
    waiting = factories.EnrollmentFactory.create(
        **columns, status="waiting_confirmation", due_at=None
    )
    held = factories.EnrollmentFactory.create(
        **columns,
        status="paused",
        status_before_pause="waiting_confirmation",
        due_at=None,
        entry_slot="x",
    )

    given_up = [give_up(NOON + each) for each in (30 * DAY - HOUR, 30 * DAY, 31 * DAY)]

    assert given_up == [0, 1, 0]
    for enrollment in (waiting, held):
        enrollment.refresh_from_db()
        assert (enrollment.status, enrollment.reason, enrollment.entry_slot) == (
            "expired",
            "not_confirmed",
            None,
        )
        assert (enrollment.ended_at, enrollment.due_at) == (NOON + 30 * DAY, None)
    person.refresh_from_db()
    assert person.status == "pending"
    assert question_of(person).closed_at == NOON + 30 * DAY
    assert ConsentRecord.objects.order_by("id").last().kind == "given_up"  # type: ignore[union-attr]


def test_who_was_given_up_can_be_asked_and_confirm_later(workspace: Workspace) -> None:
    person = make_pending(workspace)
    ask(person)
    give_up(NOON + 30 * DAY)

    asked = ask(person, now=NOON + 40 * DAY)

    assert asked.is_queued
    assert confirm(person, now=NOON + 40 * DAY)
    assert person.confirmations.count() == 2


def test_being_asked_again_puts_the_end_off(workspace: Workspace) -> None:
    person = make_pending(workspace)
    ask(person)
    ask(person, now=NOON + 29 * DAY)

    assert give_up(NOON + 31 * DAY) == 0
    assert give_up(NOON + 59 * DAY) == 1


def test_who_was_refused_from_the_start_is_given_up_too(workspace: Workspace) -> None:
    ask(make_pending(workspace, "a+1@example.com"))
    refused = make_pending(workspace, "a+2@example.com")
    ask(refused)

    assert give_up(NOON + 30 * DAY) == 2

    assert question_of(refused).closed_at == NOON + 30 * DAY


def test_giving_up_ends_nothing_of_who_left_and_asked_to_come_back(workspace: Workspace) -> None:
    enrollment = factories.EnrollmentFactory.create(workspace=workspace)
    person = enrollment.subscriber
    Subscriber.objects.update(status="unsubscribed")
    ask(person)

    assert give_up(NOON + 30 * DAY) == 1

    enrollment.refresh_from_db()
    assert enrollment.status == Enrollment.Status.ACTIVE
