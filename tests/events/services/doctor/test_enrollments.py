"""Faults of enrollments, planted one at a time."""

from datetime import timedelta
from uuid import uuid4

import pytest

from events.models import Enrollment, Sequence
from events.services.sequences import parked_enrollments
from subscribers.models import Subscriber
from subscribers.services.audits.audits import Level
from tests import factories
from tests.support.examining import NOON, found, levels

pytestmark = pytest.mark.django_db
Status = Enrollment.Status


def test_an_enrollment_under_way_is_no_fault() -> None:
    factories.EnrollmentFactory.create()

    assert found() == []


def test_an_enrollment_that_waits_for_somebody_pending_is_no_fault() -> None:
    factories.EnrollmentFactory.create(
        status=Status.WAITING_CONFIRMATION,
        due_at=None,
        subscriber__status=Subscriber.Status.PENDING,
    )

    assert found() == []


def test_an_enrollment_that_waits_for_the_confirmation_of_somebody_active_is_found() -> None:
    factories.EnrollmentFactory.create(status=Status.WAITING_CONFIRMATION, due_at=None)

    assert found() == ["Enrollments, confirmed"]


def test_an_enrollment_under_way_without_its_place_is_found() -> None:
    factories.EnrollmentFactory.create(entry_slot=None)

    assert found() == ["Enrollments, places"]


def test_an_ended_enrollment_that_keeps_the_person_out_is_found() -> None:
    factories.EnrollmentFactory.create(status=Status.COMPLETED, due_at=None, entry_slot="")

    assert found() == ["Enrollments, left places"]


def test_an_ended_enrollment_of_a_sequence_entered_once_keeps_its_place() -> None:
    once = factories.SequenceFactory.create(enrollment_mode=Sequence.Mode.ONE_TIME)
    version = factories.SequenceVersionFactory.create(sequence=once)
    factories.EnrollmentFactory.create(
        version=version, status=Status.COMPLETED, due_at=None, entry_slot=""
    )

    assert found() == []


def test_an_ended_enrollment_of_a_sequence_entered_once_without_its_place_is_a_warning() -> None:
    once = factories.SequenceFactory.create(enrollment_mode=Sequence.Mode.ONE_TIME)
    version = factories.SequenceVersionFactory.create(sequence=once)
    factories.EnrollmentFactory.create(
        version=version, status=Status.STOPPED, due_at=None, entry_slot=None
    )

    assert levels() == {"Enrollments, once": Level.WARNING}


def test_an_enrollment_that_is_never_due_is_found() -> None:
    factories.EnrollmentFactory.create(status=Status.WAITING, due_at=None)

    assert found() == ["Enrollments, due"]


def test_an_ended_enrollment_that_is_due_is_found() -> None:
    factories.EnrollmentFactory.create(status=Status.COMPLETED, entry_slot=None)

    assert found() == ["Enrollments, held"]


def test_a_claim_without_an_end_is_found() -> None:
    factories.EnrollmentFactory.create(lease_token=uuid4())

    assert found() == ["Enrollments, leases"]


def test_a_claim_without_an_owner_is_found() -> None:
    factories.EnrollmentFactory.create(lease_expires_at=NOON + timedelta(minutes=1))

    assert found() == ["Enrollments, leases"]


def test_a_claim_that_nobody_gave_back_is_found() -> None:
    late = NOON - timedelta(minutes=10)
    factories.EnrollmentFactory.create(lease_token=uuid4(), lease_expires_at=late)

    assert found() == ["Enrollments, late leases"]


def test_an_enrollment_at_a_step_of_another_version_is_found() -> None:
    factories.EnrollmentFactory.create(step=factories.StepFactory.create())

    assert found() == ["Enrollments, steps"]


def test_an_enrollment_at_no_step_is_found() -> None:
    factories.EnrollmentFactory.create(step=None)

    assert found() == ["Enrollments, steps"]


def test_an_enrollment_of_another_workspace_is_found() -> None:
    factories.EnrollmentFactory.create(subscriber=factories.SubscriberFactory.create())

    assert found() == ["Enrollments, workspaces"]


def test_an_enrollment_that_was_forgotten_after_a_pause_is_found() -> None:
    sequence = factories.SequenceFactory.create()
    version = factories.SequenceVersionFactory.create(sequence=sequence)
    factories.EnrollmentFactory.create(
        version=version, status=Status.PAUSED, due_at=None, reason=parked_enrollments.REASON
    )
    Sequence.objects.update(status=Sequence.Status.ACTIVE, current_version=version)

    assert found() == ["Enrollments, parked"]


def test_an_enrollment_without_its_person_is_found() -> None:
    enrollment = factories.EnrollmentFactory.create()
    Enrollment.objects.update(subscriber_id=uuid4())

    looked = found()

    Enrollment.objects.update(subscriber_id=enrollment.subscriber_id)
    assert looked == ["Enrollments, orphans"]
