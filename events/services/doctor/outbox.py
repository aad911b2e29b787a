"""Checks of mails against the enrollments that sent them."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from events.models import Enrollment, StepRun
from subscribers.models import OutgoingEmail
from subscribers.services.audits.audits import Audit, Check, Finding, Level, collect, portions

AREA = "Outbox"
Status = OutgoingEmail.Status
LOOKED_UP_AT_ONCE = 500


def unexplained_mail(audit: Audit) -> Sequence[Finding]:
    return collect(_unexplained(audit)).finding(
        what="Mails were sent, but their enrollment has no step that sent them",
        remedy="Look at the enrollment before resuming or retrying it: the step may mail again.",
        prefix="eml",
    )


def mail_of_ended_enrollments(audit: Audit) -> Sequence[Finding]:
    return collect(_left(audit)).finding(
        what="Mails are queued for enrollments that are over",
        remedy="A worker marks them as skipped within five minutes: start one (manage.py worker).",
        prefix="eml",
        level=Level.WARNING,
    )


def _unexplained(audit: Audit) -> Iterator[UUID]:
    """Yield sent mails that no step run explains, also those with an invalid cause."""
    rows = OutgoingEmail.objects.filter(status=Status.SENT)
    rows = rows.exclude(kind=OutgoingEmail.Kind.CONFIRMATION)
    for portion in portions(rows=rows, audit=audit, size=LOOKED_UP_AT_ONCE):
        causes = portion.order_by("-pk").values_list("pk", "cause")
        visits = {email_id: visit_of(cause) for email_id, cause in causes}
        enrollment_ids = {visit[0] for visit in visits.values() if visit}
        known = set(Enrollment.objects.filter(pk__in=enrollment_ids).values_list("pk", flat=True))
        steps = StepRun.objects.filter(enrollment__in=enrollment_ids)
        recorded = set(steps.values_list("enrollment_id", "step_id", "visit"))
        for email_id, visit in visits.items():
            if visit is None or (visit[0] in known and visit not in recorded):
                yield email_id


def _left(audit: Audit) -> Iterator[UUID]:
    rows = OutgoingEmail.objects.filter(status=Status.QUEUED)
    for portion in portions(rows=rows, audit=audit, size=LOOKED_UP_AT_ONCE):
        waiting = portion.filter(due_at=None, cause__startswith=Enrollment.MAIL_CAUSE_PREFIX)
        causes = waiting.order_by("-pk").values_list("pk", "cause")
        visits = {email_id: visit_of(cause) for email_id, cause in causes}
        enrollment_ids = {visit[0] for visit in visits.values() if visit}
        going = Enrollment.objects.filter(pk__in=enrollment_ids, status__in=Enrollment.UNDER_WAY)
        under_way = set(going.values_list("pk", flat=True))
        for email_id, visit in visits.items():
            if visit is None or visit[0] not in under_way:
                yield email_id


def visit_of(cause: str) -> tuple[UUID, UUID, int] | None:
    """Return the enrollment, step and visit that a mail was sent for; None for no such cause."""
    try:
        kind, enrollment_id, step_id, visit = cause.split(":")
        return (UUID(enrollment_id), UUID(step_id), int(visit)) if kind == "step" else None
    except ValueError:
        return None


CHECKS = (
    Check(AREA, "causes", "Every sent mail has a step run.", unexplained_mail),
    Check(AREA, "left", "No enrollment that is over has a queued mail.", mail_of_ended_enrollments),
)
