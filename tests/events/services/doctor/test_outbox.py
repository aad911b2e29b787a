"""Faults between mails and enrollments, planted one at a time."""

import pytest

from events.models import Enrollment
from events.services.doctor.outbox import visit_of
from subscribers.models import OutgoingEmail
from subscribers.services.audits.audits import Level
from tests import factories
from tests.support.examining import found, levels

pytestmark = pytest.mark.django_db
Status = OutgoingEmail.Status


def make_mail(enrollment: Enrollment, status: Status) -> OutgoingEmail:
    """Return the mail of the step that an enrollment stands at."""
    assert enrollment.step
    return factories.OutgoingEmailFactory.create(
        subscriber=enrollment.subscriber,
        status=status,
        cause=f"step:{enrollment.pk.hex}:{enrollment.step.pk.hex}:1",
    )


def test_a_mail_that_its_step_tells_of_is_no_fault() -> None:
    enrollment = factories.EnrollmentFactory.create()
    factories.StepRunFactory.create(enrollment=enrollment, email=make_mail(enrollment, Status.SENT))

    assert found() == []


def test_a_mail_that_no_step_tells_of_is_found() -> None:
    make_mail(factories.EnrollmentFactory.create(), Status.SENT)

    assert found() == ["Outbox, causes"]


def test_a_mail_without_a_cause_is_found() -> None:
    factories.OutgoingEmailFactory.create(status=Status.SENT, cause="because")

    assert found() == ["Outbox, causes"]


def test_a_queued_mail_of_an_enrollment_that_is_over_is_a_warning() -> None:
    enrollment = factories.EnrollmentFactory.create(
        status=Enrollment.Status.STOPPED, due_at=None, entry_slot=None
    )
    make_mail(enrollment, Status.QUEUED)

    assert levels() == {"Outbox, left": Level.WARNING}


@pytest.mark.parametrize("cause", ["", "step:1:2:3", "confirmation:a:1", "step:::"])
def test_a_cause_that_is_none_of_a_step_is_no_visit(cause: str) -> None:
    assert visit_of(cause) is None
