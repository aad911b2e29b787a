"""Queued mails whose enrollment has ended are skipped."""

import pytest

from events.models import Enrollment
from events.services.engine.leftover_mails import skip_left
from subscribers.models import OutgoingEmail
from tests.factories import EnrollmentFactory, OutgoingEmailFactory
from tests.support.sequence_making import NOON

pytestmark = pytest.mark.django_db


def mail_of(enrollment: Enrollment, **columns: object) -> OutgoingEmail:
    cause = f"step:{enrollment.pk.hex}:{enrollment.pk.hex}:1"
    given = {"status": "queued", "due_at": None, **columns}
    return OutgoingEmailFactory.create(
        workspace=enrollment.workspace, subscriber=enrollment.subscriber, cause=cause, **given
    )


def test_a_queued_mail_of_an_enrollment_that_ended_is_skipped() -> None:
    ended = mail_of(EnrollmentFactory.create(status=Enrollment.Status.STOPPED))
    under_way = mail_of(EnrollmentFactory.create(status=Enrollment.Status.PAUSED))
    again = mail_of(EnrollmentFactory.create(status=Enrollment.Status.STOPPED), due_at=NOON)

    assert skip_left() == 1
    assert skip_left() == 0

    for row in (ended, under_way, again):
        row.refresh_from_db()
    assert (ended.status, ended.reason) == ("skipped", "enrollment_ended")
    assert (under_way.status, again.status) == ("queued", "queued")
