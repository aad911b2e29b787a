"""What happens between the claim of an enrollment, the fence of its mail, DATA and the record of
it.

Each way of taking an enrollment from the engine is tried at each moment: held at the SMTP server,
or by a lock in a second connection. Every mail that the server took is recorded, none is taken
twice, and no mail leaves whose enrollment was taken away before the fence's last look.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from events.models import Enrollment, Sequence, StepRun
from events.services import engine
from events.services.engine import claiming
from events.services.engine.claiming import ClaimedBatch
from events.services.enrollments import by_operator
from events.services.sequences import sequences
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.consent import unsubscribing
from subscribers.services.workspaces import workspaces
from tests import factories
from tests.conftest import new_caller
from tests.support import smtp_server
from tests.support.beside import beside, uncommitted, wait_until_somebody_waits_for_a_lock
from tests.support.engine_running import begin
from tests.support.sequence_making import NOON, make_sequence
from tests.support.smtp_server import SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db(transaction=True)
Status = Enrollment.Status
FIRST = {"type": "email", "subject": "First", "text": "."}
SECOND = {"type": "email", "subject": "Second", "text": "."}
Take = Callable[[Enrollment], object]


@pytest.fixture
def server(settings: Settings) -> Iterator[SmtpServer]:
    with smtp_server.receiving(settings) as server:
        yield server


@pytest.fixture
def sequence(db: None) -> Sequence:
    condition = {"type": "event_received", "value": "cancelled"}
    return make_sequence(
        workspaces.create(name="Acme"), FIRST, SECOND, stopCondition=condition, name="Welcome"
    )


def enrollment_of(sequence: Sequence, email: str = "a@example.com") -> Enrollment:
    person = factories.SubscriberFactory.create(workspace=sequence.workspace, email=email)
    return begin(sequence, person)


def claim() -> ClaimedBatch:
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)
    return batch


def advance(batch: ClaimedBatch) -> None:
    engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON).clock)


def advance_while(server: SmtpServer, stage: Stage, happens: Callable[[], object]) -> None:
    """Advance what is due; something happens while the server holds its mail at a stage."""
    hold = server.hold(stage)
    batch = claim()
    with beside(lambda: advance(batch)):
        hold.wait_until_reached()
        happens()
        hold.release()


def advance_into(server: SmtpServer, change: Callable[[], object]) -> None:
    """Advance what is due; what comes after its mail waits for the lock of an open change."""
    hold = server.hold(Stage.MESSAGE)
    batch = claim()
    with beside(lambda: advance(batch)):
        hold.wait_until_reached()
        with uncommitted(change) as changing:
            hold.release()
            wait_until_somebody_waits_for_a_lock()
            changing.commit()


def stop(enrollment: Enrollment) -> None:
    reply = new_caller(enrollment.workspace).bulk(
        {"name": "cancelled"}, email=enrollment.subscriber.email
    )
    assert reply.status == 200


def unsubscribe(enrollment: Enrollment) -> None:
    unsubscribing.leave(subscriber_ids=[enrollment.subscriber_id], now=NOON, method="page")


def pause(enrollment: Enrollment) -> None:
    by_operator.pause(enrollment=Enrollment.objects.get(pk=enrollment.pk), now=NOON)


def cancel(enrollment: Enrollment) -> None:
    by_operator.cancel(enrollment=Enrollment.objects.get(pk=enrollment.pk), now=NOON)


def switch_off(enrollment: Enrollment) -> None:
    sequences.pause(sequence=Sequence.objects.get(pk=enrollment.sequence_id), now=NOON)


def time_out(enrollment: Enrollment) -> None:
    """Let the claim run out, as the reaper does when a worker takes too long."""
    held = Enrollment.objects.filter(pk=enrollment.pk)
    assert held.update(lease_expires_at=Now() - timedelta(seconds=1))
    assert claiming.return_expired() == 1


ENDING = {stop: "stop_condition", unsubscribe: "unsubscribed", cancel: "cancelled_by_hand"}
HOLDING = {pause: "paused_by_hand", switch_off: "sequence_paused"}
TAKING = [*ENDING, *HOLDING, time_out]


def assert_lawful(enrollment: Enrollment, take: Take) -> None:
    """The process that took the enrollment keeps it, whatever the engine did meanwhile."""
    enrollment.refresh_from_db()
    assert enrollment.lease_token is None
    assert enrollment.lease_expires_at is None
    if take in ENDING:
        assert enrollment.status in {Status.STOPPED, Status.CANCELLED}
        assert (enrollment.reason, enrollment.due_at, enrollment.entry_slot) == (
            ENDING[take],
            None,
            None,
        )
        assert enrollment.ended_at is not None
    elif take in HOLDING:
        assert (enrollment.status, enrollment.reason, enrollment.due_at) == (
            Status.PAUSED,
            HOLDING[take],
            None,
        )
    else:
        assert enrollment.is_under_way
        assert enrollment.due_at is not None
    assert not OutgoingEmail.objects.filter(status="sending").exists()


def let_it_all_go_on(enrollment: Enrollment) -> None:
    """Switch on and resume what waits, and let time pass until claims of mails are over."""
    current = Sequence.objects.get(pk=enrollment.sequence_id)
    if current.status == Sequence.Status.PAUSED:
        sequences.activate(sequence=current, now=NOON)
    enrollment.refresh_from_db()
    if enrollment.status == Status.PAUSED:
        by_operator.resume(enrollment=enrollment, now=NOON)
    TimeTravel(NOON).run_until(max(NOON, datetime.now(tz=UTC)) + timedelta(hours=1))
    enrollment.refresh_from_db()


def assert_ends_well(
    enrollment: Enrollment, take: Take, server: SmtpServer, *, was_sent: bool
) -> None:
    """What was taken away stays so; what was only held goes on. Each mail leaves once."""
    let_it_all_go_on(enrollment)
    subjects = ["First"] * (was_sent or take not in ENDING) + ["Second"] * (take not in ENDING)
    rows = OutgoingEmail.objects.filter(subscriber=enrollment.subscriber_id).order_by("id")
    assert [(each.subject, each.status) for each in rows] == [(each, "sent") for each in subjects]
    assert [server.count[each.message_id, each.recipient] for each in rows] == [1] * len(rows)
    assert server.recipients.count(enrollment.subscriber.email) == len(rows)
    done = StepRun.objects.filter(enrollment=enrollment).order_by("step__position")
    assert [each.email for each in done] == list(rows)
    assert all(each.outcome == {"email": "sent"} for each in done)
    assert take in ENDING or enrollment.status == Status.COMPLETED


@pytest.mark.parametrize("take", TAKING)
def test_taken_after_the_claim_no_mail_leaves(
    sequence: Sequence, server: SmtpServer, take: Take
) -> None:
    enrollment = enrollment_of(sequence)
    batch = claim()
    take(enrollment)

    advance(batch)

    assert server.taken == []
    assert not OutgoingEmail.objects.exists()
    assert_lawful(enrollment, take)
    assert_ends_well(enrollment, take, server, was_sent=False)


@pytest.mark.postgresql
@pytest.mark.parametrize("take", [stop, unsubscribe, pause, cancel])
def test_taken_while_the_engine_waits_for_the_person_no_mail_leaves(
    sequence: Sequence, server: SmtpServer, take: Take
) -> None:
    enrollment = enrollment_of(sequence)
    batch = claim()

    with uncommitted(lambda: take(enrollment)) as taking, beside(lambda: advance(batch)):
        wait_until_somebody_waits_for_a_lock()
        taking.commit()

    assert server.taken == []
    assert not OutgoingEmail.objects.exists()
    assert_lawful(enrollment, take)
    assert_ends_well(enrollment, take, server, was_sent=False)


@pytest.mark.postgresql
@pytest.mark.parametrize("take", [stop, unsubscribe, pause, cancel])
def test_taken_while_the_fence_waits_for_the_person_its_mail_does_not_leave(
    sequence: Sequence, server: SmtpServer, take: Take
) -> None:
    earlier, enrollment = (
        enrollment_of(sequence, "first@example.com"),
        enrollment_of(sequence, "later@example.com"),
    )

    # The engine records the mail before, and looks whether this one may leave.
    advance_into(server, lambda: take(enrollment))

    assert server.recipients == ["first@example.com"]
    assert_lawful(enrollment, take)
    assert_ends_well(enrollment, take, server, was_sent=False)
    earlier.refresh_from_db()
    assert earlier.status == Status.COMPLETED


@pytest.mark.parametrize("take", TAKING)
@pytest.mark.parametrize("stage", list(Stage))
def test_taken_behind_the_fence_the_mail_that_left_is_recorded_and_nothing_follows_it(
    sequence: Sequence, server: SmtpServer, stage: Stage, take: Take
) -> None:
    enrollment = enrollment_of(sequence)

    advance_while(server, stage, lambda: take(enrollment))

    assert server.recipients == ["a@example.com"]
    assert_lawful(enrollment, take)
    assert_ends_well(enrollment, take, server, was_sent=True)


@pytest.mark.postgresql
@pytest.mark.parametrize("take", [stop, unsubscribe, pause, cancel])
def test_taken_while_the_record_waits_for_the_person_the_mail_is_recorded(
    sequence: Sequence, server: SmtpServer, take: Take
) -> None:
    enrollment = enrollment_of(sequence)

    advance_into(server, lambda: take(enrollment))

    assert server.recipients == ["a@example.com"]
    assert_lawful(enrollment, take)
    assert_ends_well(enrollment, take, server, was_sent=True)


@pytest.mark.parametrize(
    ("reply", "status", "reason"),
    [("550 No", "failed", ""), ("451 Later", "skipped", "enrollment_ended")],
)
@pytest.mark.parametrize("take", list(ENDING))
def test_ended_while_the_server_refuses_its_mail_is_not_tried_again(
    sequence: Sequence, server: SmtpServer, reply: str, status: str, reason: str, take: Take
) -> None:
    enrollment = enrollment_of(sequence)
    server.next(Stage.DATA, reply)

    advance_while(server, Stage.RCPT, lambda: take(enrollment))

    assert_lawful(enrollment, take)
    let_it_all_go_on(enrollment)
    assert server.taken == []
    email = OutgoingEmail.objects.get()
    assert (email.status, email.reason) == (status, reason)


@pytest.mark.parametrize("take", list(HOLDING))
def test_held_while_the_server_puts_its_mail_off_it_leaves_when_the_enrollment_goes_on(
    sequence: Sequence, server: SmtpServer, take: Take
) -> None:
    enrollment = enrollment_of(sequence)
    server.next(Stage.DATA, "451 Later")

    advance_while(server, Stage.RCPT, lambda: take(enrollment))

    assert OutgoingEmail.objects.get().status == "queued"
    assert_lawful(enrollment, take)
    assert_ends_well(enrollment, take, server, was_sent=False)


def test_a_second_worker_waits_until_the_first_ones_mail_is_settled(
    sequence: Sequence, server: SmtpServer
) -> None:
    enrollment = enrollment_of(sequence)
    taken_by_then: list[str] = []

    def let_another_work() -> None:
        time_out(enrollment)
        advance(claim())
        taken_by_then.extend(server.recipients)

    advance_while(server, Stage.MESSAGE, let_another_work)

    assert taken_by_then == ["a@example.com"]
    assert_ends_well(enrollment, time_out, server, was_sent=True)


def test_a_person_erased_behind_the_fence_leaves_nothing_and_harms_nobody(
    sequence: Sequence, server: SmtpServer
) -> None:
    enrollment, other = (
        enrollment_of(sequence, "gone@example.com"),
        enrollment_of(sequence, "stays@example.com"),
    )
    person = Subscriber.objects.get(pk=enrollment.subscriber_id)

    advance_while(server, Stage.MESSAGE, person.delete)

    assert not OutgoingEmail.objects.filter(recipient="gone@example.com").exists()
    assert_ends_well(other, time_out, server, was_sent=True)
