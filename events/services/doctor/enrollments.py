"""Checks of enrollments: their steps, claims, due times and entry slots."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q

from events.models import Enrollment, Step
from events.models import Sequence as SequenceRow
from events.services.sequences import parked_enrollments
from subscribers.models import Subscriber
from subscribers.services.audits.audits import Audit, Check, Finding, Level, suspects

AREA = "Enrollments"
Status = Enrollment.Status
GOING = (Status.ACTIVE, Status.WAITING)
HELD = (Status.WAITING_CONFIRMATION, Status.PAUSED)
ENDED = (Status.COMPLETED, Status.STOPPED, Status.CANCELLED, Status.FAILED, Status.EXPIRED)
ONE_TIME = SequenceRow.Mode.ONE_TIME
# The reaper runs every few seconds.
LATE_LEASE = timedelta(minutes=5)
RESTART = "Restart the worker. If that does not help, cancel it on its page, and report it."
RESUME = "Pause the enrollment and resume it on its page in the admin: it goes on then."
ENROLL_AGAIN = "Cancel them on their page in the admin, and enroll the person again."


def due_although_held(audit: Audit) -> Sequence[Finding]:
    due = Enrollment.objects.filter(due_at__isnull=False, lease_token=None)
    faulty = Q(status__in=[*HELD, *ENDED])
    return suspects(rows=due, faulty=faulty, audit=audit).finding(
        what="Enrollments are paused or over, but due",
        remedy="Stop the worker before they move, clear their due_at, and report it.",
        prefix="enr",
    )


def late_leases(audit: Audit) -> Sequence[Finding]:
    leased = Enrollment.objects.filter(lease_token__isnull=False)
    faulty = Q(lease_expires_at__lt=audit.now - LATE_LEASE)
    return suspects(rows=leased, faulty=faulty, audit=audit).finding(
        what="Enrollments are claimed by a worker that is gone",
        remedy="Any worker releases them within a minute: start one (manage.py worker).",
        prefix="enr",
    )


def foreign_enrollments(audit: Audit) -> Sequence[Finding]:
    foreign = ~Q(workspace=F("subscriber__workspace")) | ~Q(workspace=F("sequence__workspace"))
    return suspects(rows=Enrollment.objects.all(), faulty=foreign, audit=audit).finding(
        what="Enrollments belong to another workspace than their person or sequence",
        remedy="Cancel them on their page in the admin, and report it.",
        prefix="enr",
    )


def orphaned(audit: Audit) -> Sequence[Finding]:
    nobody = ~Exists(Subscriber.objects.filter(pk=OuterRef("subscriber_id")))
    nowhere = Q(step_id__isnull=False) & ~Q(Exists(Step.objects.filter(pk=OuterRef("step_id"))))
    return suspects(rows=Enrollment.objects.all(), faulty=Q(nobody) | nowhere, audit=audit).finding(
        what="Enrollments without their subscriber or step",
        remedy="Was the database changed directly, or restored in part? Delete these rows.",
        prefix="enr",
    )


def _check(
    name: str,
    claim: str,
    statuses: Sequence[Status],
    faulty: Q,
    *,
    what: str,
    remedy: str,
    level: Level = Level.PROBLEM,
) -> Check:
    """Return a check of the enrollments of each status; an index on status serves it."""

    def look(audit: Audit) -> Sequence[Finding]:
        findings: list[Finding] = []
        for status in statuses:
            rows = Enrollment.objects.filter(status=status)
            found = suspects(rows=rows, faulty=faulty, audit=audit)
            said = f"{what} ({status.label.lower()})"
            findings += found.finding(what=said, remedy=remedy, prefix="enr", level=level)
        return findings

    return Check(AREA, name, claim, look)


CHECKS = (
    _check(
        "confirmed",
        "None waits for somebody active.",
        [Status.WAITING_CONFIRMATION],
        Q(subscriber__status=Subscriber.Status.ACTIVE),
        what="Enrollments wait for the confirmation of people who are active",
        remedy=RESUME,
    ),
    _check(
        "places",
        "Each that is under way has its place.",
        Enrollment.UNDER_WAY,
        Q(entry_slot=None),
        what="Enrollments are under way, but have no place: the person could enter twice",
        remedy=ENROLL_AGAIN,
    ),
    _check(
        "left places",
        "None that is over keeps anybody out.",
        ENDED,
        Q(entry_slot__isnull=False) & ~Q(sequence__enrollment_mode=ONE_TIME),
        what="Enrollments are over, but keep the person from entering again",
        remedy="Change how often people may enter the sequence in the admin, and change it back.",
    ),
    _check(
        "once",
        "Nobody can enter again where people enter once.",
        # A person who never confirmed never entered.
        [status for status in ENDED if status != Status.EXPIRED],
        Q(entry_slot=None, sequence__enrollment_mode=ONE_TIME),
        what="Enrollments of sequences entered once would let the person in again",
        remedy="That is right where the sequence was changed to be entered once later.",
        level=Level.WARNING,
    ),
    _check(
        "due",
        "Each that goes on is due some time.",
        GOING,
        Q(due_at=None, awaits=""),
        what="Enrollments should go on, but are never due",
        remedy=RESUME,
    ),
    Check(AREA, "held", "None that is paused or over is due.", due_although_held),
    _check(
        "leases",
        "Every claim has an owner and an end.",
        Enrollment.UNDER_WAY,
        Q(lease_token=None, lease_expires_at__isnull=False)
        | Q(lease_token__isnull=False, lease_expires_at=None),
        what="Enrollments are claimed by nobody, or for ever",
        remedy=RESTART,
    ),
    Check(AREA, "late leases", "No claim expired.", late_leases),
    _check(
        "steps",
        "Each stands at a step of its version.",
        Enrollment.UNDER_WAY,
        Q(step=None) | ~Q(step__version=F("version")) | ~Q(version__sequence=F("sequence")),
        what="Enrollments stand at no step of their version",
        remedy=ENROLL_AGAIN,
    ),
    Check(AREA, "workspaces", "Each is of its person's workspace.", foreign_enrollments),
    _check(
        "parked",
        "None is forgotten after a pause.",
        [Status.PAUSED],
        Q(reason=parked_enrollments.REASON, sequence__status=SequenceRow.Status.ACTIVE),
        what="Enrollments are paused with their sequence, which is active",
        remedy="Pause the sequence and switch it on again in the admin: they go on then.",
    ),
    Check(AREA, "orphans", "Each has its person and step.", orphaned),
)
