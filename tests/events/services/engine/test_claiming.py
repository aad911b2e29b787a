"""Claims: each enrollment at most once, in turn, with care for those that failed."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from events.models import Enrollment, Step
from events.services.engine import claiming
from events.services.engine.claiming import WORKER_ENDED, ClaimedBatch
from subscribers.models import Workspace
from tests import factories
from tests.support.beside import uncommitted
from tests.support.sequence_making import NOON

pytestmark = pytest.mark.django_db
Lane = Enrollment.Lane
SECOND = timedelta(seconds=1)


@pytest.fixture
def step(workspace: Workspace) -> Step:
    version = factories.SequenceVersionFactory.create(
        sequence__workspace=workspace, workspace=workspace
    )
    return factories.StepFactory.create(version=version)


def make_enrollments(step: Step, count: int = 1, **columns: object) -> list[Enrollment]:
    """Return enrollments that became due one after the other, a second apart, until noon."""
    return [
        factories.EnrollmentFactory.create(
            version=step.version,
            step=step,
            **{"due_at": NOON - (count - 1 - number) * SECOND, **columns},
        )
        for number in range(count)
    ]


def ids_of(batches: list[ClaimedBatch]) -> list[UUID]:
    return [enrollment_id for batch in batches for enrollment_id in batch.ids]


def expire_claims() -> None:
    held = Enrollment.objects.filter(lease_token__isnull=False)
    held.update(lease_expires_at=Now() - SECOND)


def test_what_is_due_is_claimed_under_one_token(step: Step, settings: Settings) -> None:
    settings.LEASE_SECONDS = 90
    enrollments = make_enrollments(step, 3)

    (batch,) = claiming.claim_due(now=NOON, most_batches=2)

    assert set(batch.ids) == {enrollment.pk for enrollment in enrollments}
    claimed = Enrollment.objects.all()
    assert {enrollment.lease_token for enrollment in claimed} == {batch.token}
    for enrollment in claimed:
        assert enrollment.lease_expires_at is not None
        # The lease counts by the database's clock, not by the time that was passed in.
        assert abs(enrollment.lease_expires_at - datetime.now(tz=UTC) - 90 * SECOND) < 30 * SECOND


def test_what_is_not_due_or_claimed_already_is_left(step: Step) -> None:
    make_enrollments(step, due_at=NOON + timedelta(microseconds=1))
    make_enrollments(step, due_at=None)
    make_enrollments(step, lease_token=uuid4())

    assert claiming.claim_due(now=NOON, most_batches=9) == []


def test_lanes_come_in_order_and_within_one_the_longest_due(step: Step) -> None:
    newsletters = make_enrollments(step, 2, lane=Lane.MARKETING, due_at=NOON - 60 * SECOND)
    late, early = (
        make_enrollments(step, lane=Lane.TRANSACTIONAL, due_at=NOON - age * SECOND)[0]
        for age in (1, 2)
    )
    confirmation = make_enrollments(step, lane=Lane.CONFIRMATION)[0]

    batches = claiming.claim_due(now=NOON, most_batches=9, most_rows=2)
    rest = claiming.claim_due(now=NOON, most_batches=9)

    assert [(batch.lane, batch.ids) for batch in batches] == [
        (Lane.CONFIRMATION, (confirmation.pk,)),
        (Lane.TRANSACTIONAL, (early.pk,)),
    ]
    assert [batch.lane for batch in rest] == [Lane.TRANSACTIONAL, Lane.MARKETING]
    assert ids_of(rest) == [late.pk, *sorted(enrollment.pk for enrollment in newsletters)]


def test_lanes_below_the_lowest_that_has_room_are_left(step: Step) -> None:
    make_enrollments(step, lane=Lane.MARKETING)
    (confirmation,) = make_enrollments(step, lane=Lane.CONFIRMATION)

    batches = claiming.claim_due(now=NOON, most_batches=9, lowest_lane=Lane.CONFIRMATION)

    assert ids_of(batches) == [confirmation.pk]


def test_a_batch_has_100_enrollments_at_most(step: Step) -> None:
    enrollments = make_enrollments(step, 203)

    two = claiming.claim_due(now=NOON, most_batches=2)
    rest = claiming.claim_due(now=NOON, most_batches=2)

    assert [len(batch.ids) for batch in [*two, *rest]] == [100, 100, 3]
    assert len({batch.token for batch in [*two, *rest]}) == 3
    assert ids_of([*two, *rest]) == [enrollment.pk for enrollment in enrollments]


@pytest.mark.parametrize("columns", [{"attempts": 1}, {"last_error": WORKER_ENDED}])
def test_an_enrollment_that_failed_before_is_claimed_alone(
    step: Step, columns: dict[str, object]
) -> None:
    enrollments = make_enrollments(step, 3, **columns)
    healthy = make_enrollments(step, 2)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_enrollment")

    batches = claiming.claim_due(now=NOON, most_batches=9)

    assert [len(batch.ids) for batch in batches] == [2, 1, 1, 1]
    assert set(batches[0].ids) == {enrollment.pk for enrollment in healthy}
    assert ids_of(batches[1:]) == [enrollment.pk for enrollment in enrollments]
    assert len({batch.token for batch in batches}) == 4


def test_enrollments_that_are_given_back_can_be_claimed_again(step: Step) -> None:
    enrollments = make_enrollments(step, 2)
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)

    given = claiming.give_back(token=batch.token, ids=[enrollments[0].pk])

    assert given == 1
    again = claiming.claim_due(now=NOON, most_batches=1)
    assert ids_of(again) == [enrollments[0].pk]
    assert again[0].token != batch.token


def test_runs_can_be_given_back_for_later_with_the_reason(step: Step) -> None:
    (enrollment,) = make_enrollments(step)
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)
    later = NOON + timedelta(minutes=5)

    claiming.give_back(token=batch.token, ids=batch.ids, due_at=later, reason="mail_server_away")

    enrollment.refresh_from_db()
    assert (enrollment.due_at, enrollment.reason, enrollment.lease_token) == (
        later,
        "mail_server_away",
        None,
    )


def test_only_the_holder_gives_back(step: Step) -> None:
    (enrollment,) = make_enrollments(step)
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)

    given = claiming.give_back(token=uuid4(), ids=batch.ids)

    enrollment.refresh_from_db()
    assert given == 0
    assert enrollment.lease_token == batch.token


def test_an_attempt_that_was_counted_is_taken_back_with_the_enrollment(step: Step) -> None:
    alone, fresh = make_enrollments(step, attempts=2)[0], make_enrollments(step)[0]
    for batch in claiming.claim_due(now=NOON, most_batches=2):
        if alone.pk in batch.ids:
            claiming.count_attempt(token=batch.token, enrollment_id=alone.pk)
        claiming.give_back(token=batch.token, ids=batch.ids)

    alone.refresh_from_db()
    fresh.refresh_from_db()
    assert (alone.attempts, fresh.attempts) == (2, 0)


def test_an_attempt_counts_only_for_the_holder(step: Step) -> None:
    (enrollment,) = make_enrollments(step, attempts=1)
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)

    counted = claiming.count_attempt(token=batch.token, enrollment_id=enrollment.pk)
    refused = claiming.count_attempt(token=uuid4(), enrollment_id=enrollment.pk)

    enrollment.refresh_from_db()
    assert (counted, refused, enrollment.attempts) == (2, None, 2)


def test_claims_that_ran_out_are_given_back_to_be_tried_alone(step: Step) -> None:
    enrollments = make_enrollments(step, 2)
    make_enrollments(step, last_error="It answered 500.", attempts=1)
    claiming.claim_due(now=NOON, most_batches=9)
    expire_claims()

    returned = claiming.return_expired()

    assert returned == 3
    rows = Enrollment.objects.order_by("pk")
    assert [(row.lease_token, row.attempts, row.last_error) for row in rows] == [
        (None, 0, WORKER_ENDED),
        (None, 0, WORKER_ENDED),
        (None, 1, "It answered 500."),
    ]
    again = claiming.claim_due(now=NOON, most_batches=9)
    assert [len(batch.ids) for batch in again] == [1, 1, 1]
    assert {enrollment.pk for enrollment in enrollments} < set(ids_of(again))


def test_claims_that_still_hold_are_left(step: Step) -> None:
    make_enrollments(step)
    claiming.claim_due(now=NOON, most_batches=1)

    assert claiming.return_expired() == 0


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_eight_that_claim_at_once_never_share_an_enrollment(step: Step) -> None:
    enrollments = make_enrollments(step, 350)
    alone = make_enrollments(step, 20, attempts=1)
    barrier = threading.Barrier(8)
    batches: list[ClaimedBatch] = []

    def claim_until_nothing_is_left() -> None:
        try:
            barrier.wait(timeout=30)
            while found := claiming.claim_due(now=NOON, most_batches=2, most_rows=30):
                batches.extend(found)
        finally:
            connection.close()

    workers = [threading.Thread(target=claim_until_nothing_is_left) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)

    assert Counter(ids_of(batches)) == Counter(
        enrollment.pk for enrollment in [*enrollments, *alone]
    )
    token_of = {enrollment_id: batch.token for batch in batches for enrollment_id in batch.ids}
    assert dict(Enrollment.objects.values_list("pk", "lease_token")) == token_of


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_an_enrollment_that_somebody_holds_locked_is_skipped_not_waited_for(step: Step) -> None:
    locked, free = make_enrollments(step, 2)

    def lock() -> None:
        Enrollment.objects.select_for_update().get(pk=locked.pk)

    with uncommitted(lock):
        batches = claiming.claim_due(now=NOON, most_batches=1)

    assert ids_of(batches) == [free.pk]


@pytest.mark.postgresql
def test_no_plan_of_the_database_claims_more_than_one_that_is_to_be_alone(step: Step) -> None:
    enrollments = make_enrollments(step, 3, attempts=1)
    with connection.cursor() as cursor:
        for name in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
            cursor.execute(f"SET LOCAL enable_{name} = off")

    batches = claiming.claim_due(now=NOON, most_batches=9)

    assert [batch.ids for batch in batches] == [(enrollment.pk,) for enrollment in enrollments]


def test_a_claim_is_undone_with_the_callers_transaction(step: Step) -> None:
    make_enrollments(step)

    with transaction.atomic():
        claiming.claim_due(now=NOON, most_batches=1)
        transaction.set_rollback(True)

    assert not Enrollment.objects.filter(lease_token__isnull=False).exists()


def test_an_empty_look_costs_one_statement(step: Step) -> None:
    make_enrollments(step, due_at=NOON + SECOND)

    with CaptureQueriesContext(connection) as statements:
        claiming.claim_due(now=NOON, most_batches=4)

    looks = [each["sql"] for each in statements if "events_enrollment" in each["sql"]]
    assert len(looks) == 1
