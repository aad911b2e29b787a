"""Queued mails whose enrollment has ended: nothing would send them any more."""

from events.models import Enrollment
from subscribers.models import OutgoingEmail
from subscribers.services.outbox import outbox

MOST_AT_ONCE = 1000
ENROLLMENT_ENDED = "enrollment_ended"


def skip_left(*, limit: int = MOST_AT_ONCE) -> int:
    """Mark queued mails of ended enrollments as skipped; returns how many. Idempotent.

    A mail that an operator sends again has a due time, and is left alone.
    """
    waiting = OutgoingEmail.objects.filter(
        status=OutgoingEmail.Status.QUEUED,
        due_at=None,
        cause__startswith=Enrollment.MAIL_CAUSE_PREFIX,
    )
    causes = waiting.order_by("-id").values_list("pk", "cause")[:limit]
    enrollment_of_mail = {email_id: Enrollment.id_in_cause(cause) for email_id, cause in causes}
    under_way = set(
        Enrollment.objects.filter(
            pk__in=set(enrollment_of_mail.values()), status__in=Enrollment.UNDER_WAY
        ).values_list("pk", flat=True)
    )
    left = [each for each, owner in enrollment_of_mail.items() if owner not in under_way]
    for email_id in left:
        outbox.skip_queued(email_id=email_id, reason=ENROLLMENT_ENDED)
    return len(left)
