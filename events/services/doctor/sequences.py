"""Checks of sequences: the active ones are ready, with a version of their own."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import F, Q, QuerySet

from events.models import Sequence as SequenceRow
from events.services.counts import current, step_roll_ups
from events.services.enrollments import retrying
from events.services.sequences import sequences
from subscribers.ids import encode
from subscribers.services.audits.audits import MOST_COUNTED, Audit, Check, Finding, Level

AREA = "Sequences"
MOST_LOOKED_AT = 1000
# The worker counts every minute, and large tables more rarely.
LATE_COUNTS = timedelta(hours=1)


def not_ready(audit: Audit) -> Sequence[Finding]:
    """Find active sequences that could not be switched on now: a list or sender is missing."""
    rows = _rows(audit).filter(status=SequenceRow.Status.ACTIVE)
    findings: list[Finding] = []
    for row in rows.select_related("workspace", "current_version").order_by("pk")[:MOST_LOOKED_AT]:
        problems = sequences.readiness(row).problems
        if problems and len(findings) < MOST_COUNTED:
            findings.append(
                Finding(
                    what=f"The sequence {row.key} is active, but not ready: {' '.join(problems)}",
                    remedy="Correct it on its page in the admin, or pause it.",
                    count=1,
                    example=encode("seq", row.pk),
                )
            )
    return findings


def foreign_versions(audit: Audit) -> Sequence[Finding]:
    rows = _rows(audit).filter(current_version__isnull=False)
    faulty = rows.filter(~Q(current_version__sequence=F("pk"))).order_by("-pk")
    return [
        Finding(
            what=f"The sequence {row.key} runs a version of another sequence",
            remedy="Import it anew from a file (export_sequences, import_sequences).",
            count=1,
            example=encode("seq", row.pk),
        )
        for row in faulty[:MOST_COUNTED]
    ]


def lost(audit: Audit) -> Sequence[Finding]:
    """Find steps and mails that failed in the last days."""
    return [
        Finding(
            what=f"Step {loss.step_position + 1} of {loss.sequence.key} failed ({loss.reason}): "
            f"{loss.error}".rstrip(" :."),
            remedy="Correct the cause, then: manage.py retry_failed "
            f"--workspace {loss.sequence.workspace.slug} --sequence {loss.sequence.key}.",
            level=Level.WARNING,
            count=loss.count,
            is_at_least=loss.is_at_least,
            example=encode("enr", loss.example),
        )
        for loss in retrying.losses(now=audit.now, workspace=audit.workspace)[:MOST_COUNTED]
    ]


def late_numbers(audit: Audit) -> Sequence[Finding]:
    """Find roll-ups and current counts that the worker should have made again long ago."""
    remedy = "A worker counts every minute and catches up on what it missed: start one "
    remedy += "(manage.py worker), and run doctor again in a few minutes."
    since = step_roll_ups.uncounted_since()
    overdue = current.overdue(before=audit.now - LATE_COUNTS)
    findings: list[Finding] = []
    if since and since < audit.now - LATE_COUNTS:
        what = f"What steps did is not counted since {since:%Y-%m-%d %H:%M} UTC"
        findings.append(Finding(what=what, remedy=remedy, level=Level.WARNING))
    if overdue:
        what = "Numbers of people, members and enrollments under way are old"
        findings.append(Finding(what=what, remedy=remedy, level=Level.WARNING, count=overdue))
    return findings


def _rows(audit: Audit) -> QuerySet[SequenceRow]:
    rows = SequenceRow.objects.all()
    return rows.filter(workspace=audit.workspace) if audit.workspace else rows


CHECKS = (
    Check(AREA, "ready", "Every active sequence is ready.", not_ready),
    Check(AREA, "losses", "Nothing failed in the last seven days.", lost),
    Check(AREA, "versions", "Every sequence runs a version of its own.", foreign_versions),
    Check(AREA, "numbers", "The numbers on pages are up to date.", late_numbers),
)
