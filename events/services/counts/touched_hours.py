"""Notes the hours whose counted rows change afterwards, so that the worker counts them again.

In the transaction of the change. Each call adds rows of its own: a shared row would be deleted by
a count that does not see the change yet.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from events.models import Enrollment, StepRun, TouchedHour
from subscribers.ids import created_at
from subscribers.models import MailActivity, OutgoingEmail
from subscribers.services.storage.outcomes import hour_of


def touch(moments: Iterable[datetime]) -> None:
    hours = sorted({hour_of(moment) for moment in moments})
    TouchedHour.objects.bulk_create(TouchedHour(starts_at=hour) for hour in hours)


def touch_mails(email_ids: Collection[UUID]) -> None:
    """Note mails that have another status than when they were counted."""
    runs = StepRun.objects.filter(email__in=email_ids).values_list("pk", flat=True)
    touch(created_at(row_id) for row_id in (*email_ids, *runs))


def touch_end(enrollment_id: UUID) -> None:
    """Note the end of an enrollment, if it has one."""
    ended = Enrollment.objects.filter(pk=enrollment_id, ended_at__isnull=False)
    touch(filter(None, ended.values_list("ended_at", flat=True)))


def touch_people(subscriber_ids: Iterable[UUID]) -> None:
    """Note all that is counted of people, as when they are about to be erased."""
    people = list(subscriber_ids)
    enrollments = Enrollment.objects.filter(subscriber__in=people)
    moments = list(enrollments.values_list("ended_at", flat=True))
    moments += MailActivity.objects.filter(subscriber__in=people).values_list("at", flat=True)
    rows = [
        *enrollments.values_list("pk", flat=True),
        *StepRun.objects.filter(enrollment__in=enrollments).values_list("pk", flat=True),
        *OutgoingEmail.objects.filter(subscriber__in=people).values_list("pk", flat=True),
    ]
    touch([*filter(None, moments), *map(created_at, rows)])
