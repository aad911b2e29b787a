"""Checks of sequences: whether those that are switched on can do what they say."""

from collections.abc import Sequence

from django.db.models import F, Q

from events.models import Sequence as SequenceRow
from events.services.sequences import sequences
from subscribers.ids import encode
from subscribers.services.audits.audits import MOST_COUNTED, Audit, Check, Finding

AREA = "Sequences"
MOST_LOOKED_AT = 1000


def not_ready(audit: Audit) -> Sequence[Finding]:
    """Find active sequences that could not be switched on now: a list or sender is gone."""
    rows = SequenceRow.objects.filter(status=SequenceRow.Status.ACTIVE)
    if audit.workspace:
        rows = rows.filter(workspace=audit.workspace)
    findings: list[Finding] = []
    for row in rows.select_related("workspace", "current_version").order_by("pk")[:MOST_LOOKED_AT]:
        problems = sequences.readiness(row).problems
        if problems and len(findings) < MOST_COUNTED:
            findings.append(
                Finding(
                    what=f"The sequence {row.key} is active, but not ready: {' '.join(problems)}",
                    remedy="Mend it on its page in the admin, or pause it.",
                    count=1,
                    example=encode("seq", row.pk),
                )
            )
    return findings


def foreign_versions(audit: Audit) -> Sequence[Finding]:
    """Find sequences whose current version is another's."""
    rows = SequenceRow.objects.filter(current_version__isnull=False)
    if audit.workspace:
        rows = rows.filter(workspace=audit.workspace)
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


CHECKS = (
    Check(AREA, "ready", "Every active sequence is ready.", not_ready),
    Check(AREA, "versions", "Every sequence runs a version of its own.", foreign_versions),
)
