"""One round claims what is due as far as there is room, and queues it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, connection
from django_q.models import OrmQ

from events import enqueue
from events.enqueue import Lane, TaskCall
from events.models import Enrollment
from events.worker import rounds
from subscribers.models import OutgoingEmail
from tests import factories

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def make_due(count: int, lane: Lane = Lane.MARKETING) -> list[Enrollment]:
    """Make runs of one step that are due at noon."""
    step = factories.StepFactory.create()
    return [
        factories.EnrollmentFactory.create(version=step.version, step=step, lane=lane)
        for _ in range(count)
    ]


def fill_queue(count: int, lane: Lane = Lane.MARKETING, *, is_taken: bool = False) -> None:
    """Put tasks that no round of the test rang for."""
    enqueue.put(calls=[(lane, TaskCall("events.tasks.advance"))] * count)
    if is_taken:
        OrmQ.objects.update(lock=datetime.now(tz=UTC) + timedelta(minutes=1))


def queued() -> list[tuple[str, set[str]]]:
    """Return the tasks in the queue with the ids that they work on."""
    packages = [row.task for row in OrmQ.objects.order_by("key", "pk")]
    return [(each["func"], set(each["args"][1:])) for each in packages if each["args"]]


def test_what_is_due_is_claimed_and_queued_under_one_token() -> None:
    runs = make_due(2)
    make_due(1)[0]
    Enrollment.objects.exclude(pk__in=[run.pk for run in runs]).update(
        due_at=NOON + timedelta(seconds=1)
    )

    done = rounds.queue_due(now=NOON, processes=2)

    (row,) = OrmQ.objects.all()
    token, *ids = row.task["args"]
    assert (done.tasks, done.is_full) == (1, False)
    assert sorted(ids) == sorted(run.pk.hex for run in runs)
    claimed = Enrollment.objects.filter(lease_token=UUID(token))
    assert {run.pk for run in claimed} == {run.pk for run in runs}


def test_an_empty_round_writes_nothing() -> None:
    done = rounds.queue_due(now=NOON, processes=2)

    assert (done.tasks, done.is_full) == (0, False)
    assert not OrmQ.objects.exists()


def test_lanes_become_lanes_of_the_queue() -> None:
    marketing, transactional = make_due(1), make_due(1, Lane.TRANSACTIONAL)

    rounds.queue_due(now=NOON, processes=2)

    assert [ids for _, ids in queued()] == [{transactional[0].pk.hex}, {marketing[0].pk.hex}]


@pytest.mark.parametrize(
    ("waiting", "taken", "room"),
    [(0, 0, 4), (1, 0, 3), (2, 2, 0), (4, 0, 0), (9, 9, 0), (0, 2, 2), (0, 9, 2)],
)
def test_two_batches_for_each_process_are_outstanding(waiting: int, taken: int, room: int) -> None:
    # Nine were taken by processes of which only two can still live.
    depth = enqueue.Depth(waiting={Lane.MARKETING: waiting}, taken=taken)

    assert rounds.room_in(depth, processes=2) == room


def test_a_full_queue_is_not_filled_further_and_says_so() -> None:
    make_due(1)
    fill_queue(4)

    done = rounds.queue_due(now=datetime.now(tz=UTC), processes=2)

    assert (done.tasks, done.is_full) == (0, True)
    assert not rounds.has_room(now=datetime.now(tz=UTC), processes=2)
    assert Enrollment.objects.filter(lease_token__isnull=True).count() == 1


def test_a_confirmation_finds_a_slot_in_a_full_queue() -> None:
    make_due(1)
    (urgent,) = make_due(1, Lane.CONFIRMATION)
    fill_queue(9)

    done = rounds.queue_due(now=datetime.now(tz=UTC), processes=2)

    assert done.tasks == 1
    assert queued() == [("events.tasks.advance", {urgent.pk.hex})]
    assert Enrollment.objects.filter(lease_token__isnull=True).count() == 1


def test_mails_of_no_enrollment_are_queued_in_a_full_queue() -> None:
    email = factories.OutgoingEmailFactory.create(due_at=NOON)
    fill_queue(9)

    rounds.queue_due(now=datetime.now(tz=UTC), processes=2)

    email.refresh_from_db()
    assert email.lease_token is not None
    assert queued() == [("events.tasks.send_queued", {email.pk.hex})]
    assert OrmQ.objects.filter(key="cueline:1").count() == 1


def test_a_round_that_fails_leaves_no_claim_without_a_task() -> None:
    make_due(1)

    def refuse_the_queue(execute: object, sql: str, *rest: object) -> object:
        if sql.startswith("INSERT INTO") and "django_q_ormq" in sql:
            raise DatabaseError("full")
        return execute(sql, *rest)  # type: ignore[operator]

    with connection.execute_wrapper(refuse_the_queue), pytest.raises(DatabaseError):
        rounds.queue_due(now=NOON, processes=2)

    assert Enrollment.objects.get().lease_token is None


def test_what_dead_workers_held_is_returned_in_one_go() -> None:
    long_ago = datetime.now(tz=UTC) - timedelta(hours=1)
    (run,) = make_due(1)
    Enrollment.objects.update(lease_token=UUID(int=1), lease_expires_at=long_ago)
    sending = factories.OutgoingEmailFactory.create(
        status=OutgoingEmail.Status.SENDING, lease_expires_at=long_ago
    )
    queued = factories.OutgoingEmailFactory.create(
        due_at=NOON, lease_token=UUID(int=2), lease_expires_at=long_ago
    )

    returned = rounds.return_expired()

    for row in (run, sending, queued):
        row.refresh_from_db()
    assert returned == 3
    assert (run.lease_token, queued.lease_token) == (None, None)
    assert sending.status == OutgoingEmail.Status.UNKNOWN
