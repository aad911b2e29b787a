"""Mails that waited for another attempt when their run ended: nobody would send them any more."""

from events.models import Enrollment
from subscribers.models import OutgoingEmail
from subscribers.services.outbox import outbox

MOST_AT_ONCE = 1000
RUN_ENDED = "run_ended"


def skip_left(*, limit: int = MOST_AT_ONCE) -> int:
    """Mark queued mails of runs that are over as skipped; returns how many. Idempotent.

    A mail that an operator sends again has a due time of its own, and is left alone.
    """
    waiting = OutgoingEmail.objects.filter(
        status=OutgoingEmail.Status.QUEUED,
        due_at=None,
        cause__startswith=Enrollment.MAIL_CAUSE_PREFIX,
    )
    causes = waiting.order_by("-id").values_list("pk", "cause")[:limit]
    run_of_mail = {email_id: Enrollment.id_in_cause(cause) for email_id, cause in causes}
    under_way = set(
        Enrollment.objects.filter(
            pk__in=set(run_of_mail.values()), status__in=Enrollment.UNDER_WAY
        ).values_list("pk", flat=True)
    )
    left = [email_id for email_id, run_id in run_of_mail.items() if run_id not in under_way]
    for email_id in left:
        outbox.skip_queued(email_id=email_id, reason=RUN_ENDED)
    return len(left)
